/** The primary process: starts the workers, replaces dead ones, merges their metrics, and shares the recorder's state with them. */
import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { RecorderStats } from '../observability/metrics.ts';
import { mergeLists, mergeMetrics } from './merge.ts';
import { type FromWorker, type Gathered, slotVariable, type ToWorker } from './protocol.ts';
import { TailExchange } from './tails.ts';

export interface RecorderState {
  problem(): string | undefined;
  stats(): RecorderStats | undefined;
}

export interface Workers {
  /** The URL on which all workers listen. */
  readonly url: string;
  forceClose(): void;
  close(): Promise<void>;
}

const broadcastEveryMs = 1_000;
/** The delay before a dead worker is replaced; a worker that dies at its start would otherwise loop. */
const restartMs = 1_000;
const collectMsMax = 2_000;

/** Resolves when all workers listen. Rejects with a worker's error when one cannot start. */
export async function startWorkers(count: number, recorder: RecorderState, log: (line: string) => void): Promise<Workers> {
  const workers = new Primary(recorder, log);
  await workers.start(count);
  return workers;
}

class Primary implements Workers {
  url = '';
  readonly #recorder: RecorderState;
  readonly #log: (line: string) => void;
  readonly #workers = new Map<number, Worker>();
  readonly #collections = new Map<number, Collection>();
  readonly #tails: TailExchange;
  readonly #broadcastTimer: NodeJS.Timeout;
  #lastCollection = 0;
  #isClosing = false;

  constructor(recorder: RecorderState, log: (line: string) => void) {
    this.#recorder = recorder;
    this.#log = log;
    this.#tails = new TailExchange(
      () => this.#workers.keys(),
      (slot, message) => this.#send(this.#workers.get(slot), message),
    );
    this.#broadcastTimer = setInterval(() => this.#broadcastState(), broadcastEveryMs);
  }

  async start(count: number): Promise<void> {
    try {
      // The first worker starts alone, so that an error is reported once.
      this.url = await this.#fork(0);
      await Promise.all(Array.from({ length: count - 1 }, (_, i) => this.#fork(i + 1)));
    } catch (problem) {
      this.#isClosing = true;
      clearInterval(this.#broadcastTimer);
      for (const worker of this.#workers.values()) worker.process.kill('SIGKILL');
      throw problem;
    }
  }

  async #fork(slot: number): Promise<string> {
    const worker = cluster.fork({ [slotVariable]: String(slot) });
    this.#workers.set(slot, worker);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let isUp = false;
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'listening') {
        isUp = true;
        this.#tails.joined(slot);
        resolve(message.url);
      } else if (message.type === 'failed') reject(new Error(message.message));
      else this.#onMessage(slot, message);
    });
    worker.on('error', () => {}); // its channel's end; 'exit' follows
    worker.once('exit', (code, signal) => {
      this.#workers.delete(slot);
      this.#tails.left(slot);
      for (const [id, collection] of this.#collections) this.#finishWhenComplete(id, collection.without(slot));
      reject(new Error(`worker ${slot} ended before it listened (${signal ?? `exit code ${code}`})`));
      if (isUp && !this.#isClosing) this.#replace(slot, signal ?? `exit code ${code}`);
    });
    this.#send(worker, this.#state());
    return promise;
  }

  #replace(slot: number, reason: string): void {
    this.#log(`worker ${slot} ended (${reason}); starting a replacement`);
    setTimeout(() => {
      if (this.#isClosing) return;
      this.#fork(slot).catch(problem => {
        this.#log(problem.message);
        if (!this.#isClosing && !this.#workers.has(slot)) this.#replace(slot, 'not started');
      });
    }, restartMs).unref();
  }

  #onMessage(slot: number, message: FromWorker): void {
    if (message.type === 'collect') {
      const id = ++this.#lastCollection;
      const respond = (text: string): void => this.#send(this.#workers.get(slot), { type: 'collected', id: message.id, text });
      const timer = setTimeout(() => this.#finishWhenComplete(id, true), collectMsMax);
      this.#collections.set(id, new Collection(message.about, new Set(this.#workers.keys()), timer, respond));
      for (const worker of this.#workers.values()) this.#send(worker, { type: 'scrape', id, about: message.about });
    }
    this.#tails.onMessage(message);
    if (message.type === 'metrics')
      this.#finishWhenComplete(message.id, this.#collections.get(message.id)?.add(slot, message.text) ?? false);
  }

  #finishWhenComplete(id: number, isOver: boolean): void {
    if (!isOver) return;
    this.#collections.get(id)?.end();
    this.#collections.delete(id);
  }

  #state(): ToWorker {
    return { type: 'recorder', problem: this.#recorder.problem(), stats: this.#recorder.stats() };
  }

  #broadcastState(): void {
    for (const worker of this.#workers.values()) this.#send(worker, this.#state());
  }

  #send(worker: Worker | undefined, message: ToWorker): void {
    if (worker?.isConnected()) worker.send(message, () => {});
  }

  forceClose(): void {
    for (const worker of this.#workers.values()) this.#send(worker, { type: 'force-close' });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const workers = [...this.#workers.values()];
    const ended = workers.map(worker => once(worker, 'exit'));
    for (const worker of workers) this.#send(worker, { type: 'close' });
    await Promise.all(ended);
    clearInterval(this.#broadcastTimer);
  }
}

/** One collection of what all workers report. */
class Collection {
  readonly #about: Gathered;
  readonly #missing: Set<number>;
  readonly #timer: NodeJS.Timeout;
  readonly #respond: (text: string) => void;
  readonly #pages = new Map<number, string>();

  constructor(about: Gathered, missing: Set<number>, timer: NodeJS.Timeout, respond: (text: string) => void) {
    this.#about = about;
    this.#missing = missing;
    this.#timer = timer;
    this.#respond = respond;
  }

  /** True when no page is missing any more. */
  add(slot: number, text: string): boolean {
    this.#pages.set(slot, text);
    return this.without(slot);
  }

  without(slot: number): boolean {
    this.#missing.delete(slot);
    return this.#missing.size === 0;
  }

  end(): void {
    clearTimeout(this.#timer);
    const pages = new Map([...this.#pages].sort(([a], [b]) => a - b));
    this.#respond(this.#about === 'metrics' ? mergeMetrics(pages) : mergeLists([...pages.values()]));
  }
}
