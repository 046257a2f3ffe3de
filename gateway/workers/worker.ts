/** A worker's line to the first process, which has the recorder and knows the other workers. */
import type { RecorderStats } from '../observability/metrics.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { slotVariable } from './protocol.ts';

export interface Line {
  readonly slot: number;
  /** Why no recorder is at work. */
  problem(): string | undefined;
  stats(): RecorderStats | undefined;
  listening(url: string): void;
  failed(message: string): Promise<void>;
  /** How this worker's own metrics are had, as OpenMetrics. */
  onScrape(own: () => Promise<string>): void;
  /** Those of all workers; of this one alone when the first process does not answer. */
  gather(): Promise<string>;
  /** Settles when it is time to end: the first process says so, or is gone. */
  readonly closed: Promise<void>;
  onHurry(hurry: () => void): void;
  end(): void;
}

const answerMsMax = 3_000;

/** Undefined in a process that is nobody's worker. */
export function openLine(environment: NodeJS.ProcessEnv): Line | undefined {
  const slot = environment[slotVariable];
  return slot === undefined || !process.send ? undefined : new ChannelLine(Number(slot));
}

class ChannelLine implements Line {
  readonly slot: number;
  readonly closed: Promise<void>;
  readonly #waiting = new Map<number, (text: string) => void>();
  #problem: string | undefined = 'the store is starting';
  #stats: RecorderStats | undefined;
  #own = async (): Promise<string> => '';
  #asked = 0;
  #hurry = (): void => {};

  constructor(slot: number) {
    this.slot = slot;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    process.once('disconnect', resolve);
    process.on('message', (message: ToWorker) => {
      if (message.type === 'close') resolve();
      else this.#hear(message);
    });
  }

  #hear(message: ToWorker): void {
    switch (message.type) {
      case 'recorder':
        this.#problem = message.problem;
        this.#stats = message.stats;
        return;
      case 'hurry':
        return this.#hurry();
      case 'scrape':
        void this.#own().then(text => this.#say({ type: 'metrics', id: message.id, text }));
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
    this.#say({ type: 'listening', url });
  }

  failed(message: string): Promise<void> {
    return this.#say({ type: 'failed', message });
  }

  onScrape(own: () => Promise<string>): void {
    this.#own = own;
  }

  async gather(): Promise<string> {
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(undefined), answerMsMax);
    await this.#say({ type: 'gather', id });
    const text = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return text ?? this.#own();
  }

  onHurry(hurry: () => void): void {
    this.#hurry = hurry;
  }

  end(): void {
    if (process.connected) process.disconnect?.();
  }

  #say(message: FromWorker): Promise<void> {
    return new Promise(resolve => {
      if (process.connected) process.send?.(message, () => resolve());
      else resolve();
    });
  }
}
