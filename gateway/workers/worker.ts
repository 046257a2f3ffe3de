/** A worker's line to the first process, which has the recorder and knows the other workers. */
import type { RecorderStats } from '../observability/metrics.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { slotVariable } from './protocol.ts';

export interface PrimaryChannel {
  readonly slot: number;
  /** Why no recorder is at work. */
  problem(): string | undefined;
  stats(): RecorderStats | undefined;
  listening(url: string): void;
  failed(message: string): Promise<void>;
  /** How this worker's own metrics are had, as OpenMetrics. */
  onScrape(own: () => Promise<string>): void;
  /** Those of all workers; of this one alone when the first process does not answer. */
  collectMetrics(): Promise<string>;
  /** Settles when it is time to end: the first process says so, or is gone. */
  readonly closing: Promise<void>;
  onForceClose(forceClose: () => void): void;
  end(): void;
}

const answerMsMax = 3_000;

/** Undefined in a process that is nobody's worker. */
export function openPrimaryChannel(environment: NodeJS.ProcessEnv): PrimaryChannel | undefined {
  const slot = environment[slotVariable];
  return slot === undefined || !process.send ? undefined : new IpcPrimaryChannel(Number(slot));
}

class IpcPrimaryChannel implements PrimaryChannel {
  readonly slot: number;
  readonly closing: Promise<void>;
  readonly #waiting = new Map<number, (text: string) => void>();
  #problem: string | undefined = 'the store is starting';
  #stats: RecorderStats | undefined;
  #ownMetrics = async (): Promise<string> => '';
  #lastRequest = 0;
  #forceClose = (): void => {};

  constructor(slot: number) {
    this.slot = slot;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closing = promise;
    process.once('disconnect', resolve);
    process.on('message', (message: ToWorker) => {
      if (message.type === 'close') resolve();
      else this.#onMessage(message);
    });
  }

  #onMessage(message: ToWorker): void {
    switch (message.type) {
      case 'recorder':
        this.#problem = message.problem;
        this.#stats = message.stats;
        return;
      case 'hurry':
        return this.#forceClose();
      case 'scrape':
        void this.#ownMetrics().then(text => this.#send({ type: 'metrics', id: message.id, text }));
        return;
      case 'scraped':
        this.#waiting.get(message.id)?.(message.text);
    }
  }

  problem(): string | undefined {
    return this.#problem;
  }

  stats(): RecorderStats | undefined {
    return this.#stats;
  }

  listening(url: string): void {
    this.#send({ type: 'listening', url });
  }

  failed(message: string): Promise<void> {
    return this.#send({ type: 'failed', message });
  }

  onScrape(own: () => Promise<string>): void {
    this.#ownMetrics = own;
  }

  async collectMetrics(): Promise<string> {
    const id = ++this.#lastRequest;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(undefined), answerMsMax);
    await this.#send({ type: 'gather', id });
    const text = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return text ?? this.#ownMetrics();
  }

  onForceClose(forceClose: () => void): void {
    this.#forceClose = forceClose;
  }

  end(): void {
    if (process.connected) process.disconnect?.();
  }

  #send(message: FromWorker): Promise<void> {
    return new Promise(resolve => {
      if (process.connected) process.send?.(message, () => resolve());
      else resolve();
    });
  }
}
