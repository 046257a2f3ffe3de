/** A worker's channel to the primary process, which runs the recorder and knows the other workers. */
/** A worker's line to the first process, which has the recorder and knows the other workers. */
import type { InFlight } from '../admin/api/exchanges.ts';
import type { LiveView } from '../admin/gateway-admin.ts';
import type { SiblingWorkers } from '../admin/live/workers.ts';

import type { RecorderStats } from '../observability/metrics.ts';
import type { FromWorker, Gathered, ToWorker } from './protocol.ts';
import { slotVariable } from './protocol.ts';
import { WorkerTails } from './tails.ts';

export interface PrimaryChannel {
  readonly slot: number;
  /** Why the recorder does not run; undefined when it does. */
  problem(): string | undefined;
  stats(): RecorderStats | undefined;
  listening(url: string): void;
  failed(message: string): Promise<void>;
  /** Sets the source of this worker's own metrics, an OpenMetrics page. */
  onScrape(own: () => Promise<string>): void;
  /** All of them, for the admin API. */
  readonly siblings: SiblingWorkers;
  /** What this one shows the others. */
  lend(live: LiveView): void;
  /** The metrics of all workers; of this one alone when the primary process does not respond in three seconds. */
  collectMetrics(): Promise<string>;
  /** Resolves when the worker must end: the primary process says so, or has died. */
  readonly closing: Promise<void>;
  onForceClose(forceClose: () => void): void;
  end(): void;
}

const answerMsMax = 3_000;

/** Undefined in a process that is not a worker. */
export function openPrimaryChannel(environment: NodeJS.ProcessEnv): PrimaryChannel | undefined {
  const slot = environment[slotVariable];
  return slot === undefined || !process.send ? undefined : new IpcPrimaryChannel(Number(slot));
}

class IpcPrimaryChannel implements PrimaryChannel {
  readonly slot: number;
  readonly closing: Promise<void>;
  readonly #waiting = new Map<number, (text: string) => void>();
  readonly siblings: SiblingWorkers;
  readonly #tails: WorkerTails;
  #live: LiveView | undefined;
  #problem: string | undefined = 'the store is starting';
  #stats: RecorderStats | undefined;
  #ownMetrics = async (): Promise<string> => '';
  #lastRequest = 0;
  #forceClose = (): void => {};

  constructor(slot: number) {
    this.slot = slot;
    this.#tails = new WorkerTails(slot, message => void this.#send(message));
    this.siblings = {
      worker: slot,
      listInFlight: () => this.#listInFlight(),
      watch: ({ filter, tenants }, deliver) => this.#tails.watch(filter, tenants, deliver),
    };
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
      case 'force-close':
        return this.#forceClose();
      case 'scrape':
        void this.#own(message.about).then(text => this.#send({ type: 'metrics', id: message.id, text }));
        return;
      case 'collected':
        return this.#waiting.get(message.id)?.(message.text);
      default:
        this.#tails.onMessage(message, this.#live);
    }
  }

  async #own(about: Gathered): Promise<string> {
    return about === 'metrics' ? this.#ownMetrics() : JSON.stringify(this.#live?.inFlight() ?? []);
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

  lend(live: LiveView): void {
    this.#live = live;
  }

  async collectMetrics(): Promise<string> {
    return (await this.#collect('metrics')) ?? this.#ownMetrics();
  }

  async #listInFlight(): Promise<readonly InFlight[]> {
    const text = await this.#collect('in-flight');
    return text === undefined ? (this.#live?.inFlight() ?? []) : (JSON.parse(text) as readonly InFlight[]);
  }

  /** Undefined when the first process does not answer. */
  async #collect(about: Gathered): Promise<string | undefined> {
    const id = ++this.#lastRequest;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(undefined), answerMsMax);
    await this.#send({ type: 'collect', id, about });
    const text = await promise;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return text;
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
