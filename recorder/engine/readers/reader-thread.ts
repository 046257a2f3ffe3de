/** Runs readers' statements on a thread of their own, and gives their rows on demand. */
import { Worker } from 'node:worker_threads';
import { EngineException, exceptions } from '../session/exception.ts';
import { fileOf } from './process-file.ts';
import type { FromReaderThread, ResultRows, ToReaderThread } from './protocol.ts';

export interface ReaderStatement {
  readonly setup: string;
  readonly sql: string;
  readonly format: string;
  readonly streams: boolean;
  readonly keepSession: boolean;
}

export interface ReaderResult {
  /** Undefined after the last. One call at a time. */
  next(): Promise<ResultRows | undefined>;
  /** What runs fails with code 394 as soon as the engine looks up. */
  kill(): void;
  /** Has to be called; gives the session back when what runs has ended. */
  end(): void;
}

type Answer = Exclude<FromReaderThread, { type: 'closed' }>;

/** How long its statements may take to end. */
const closeMsMax = 4_000;

export class ReaderThread {
  readonly #path: string;
  #worker: Worker | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #whenClosed: (() => void) | undefined;
  #isClosed = false;

  /** `path` is the engine's folder, open in this process. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with what keeps it from running. */
  async start(statement: ReaderStatement): Promise<ReaderResult> {
    this.#worker ??= this.#open();
    const worker = this.#worker;
    const id = ++this.#lastId;
    const post = (message: ToReaderThread): void => worker.postMessage(message);
    const request = async (message: ToReaderThread): Promise<Answer> => {
      if (this.#isClosed) throw exceptions.closing('The engine is closing.');
      const answer = await new Promise<Answer>(resolve => {
        this.#waiting.set(id, resolve);
        post(message);
      });
      if (answer.type !== 'failed') return answer;
      const { code, codeName, message: text } = answer.exception;
      throw new EngineException(code, codeName, text);
    };
    await request({ type: 'start', id, ...statement });
    return {
      next: async () => {
        const answer = await request({ type: 'next', id });
        return answer.type === 'rows' ? answer.rows : undefined;
      },
      kill: () => post({ type: 'kill', id }),
      end: () => post({ type: 'end', id }),
    };
  }

  #open(): Worker {
    const worker = new Worker(fileOf('reader-thread-process'), { workerData: { path: this.#path }, execArgv: ['--no-warnings'] });
    worker.on('message', (message: FromReaderThread) => {
      if (message.type === 'closed') return this.#whenClosed?.();
      const answer = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      answer?.(message);
    });
    // Its end has closed every session of this process: who supervises it starts another.
    worker.on('error', error => {
      throw new Error('The thread of the readers ended.', { cause: error });
    });
    return worker;
  }

  /** Ends what runs. False when something does not end: the engine cannot be closed then, only its process ended. */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (!worker) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), closeMsMax);
    this.#whenClosed = () => resolve(true);
    worker.postMessage({ type: 'close' } satisfies ToReaderThread);
    const closed = await promise;
    clearTimeout(timer);
    for (const [id, answer] of this.#waiting)
      answer({ type: 'failed', id, exception: { code: 236, codeName: 'ABORTED', message: 'The engine is closing.' } });
    return closed;
  }

  /** Only after the engine has been closed. */
  async terminate(): Promise<void> {
    await this.#worker?.terminate();
  }
}
