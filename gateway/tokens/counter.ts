/** Counts tokens in a worker thread, which starts with the first text and ends after an idle minute. */
import { Worker } from 'node:worker_threads';
import type { CountRequest, CountResult } from './count.ts';

export interface TokenCounter {
  /** Tokens per group; undefined when the count takes too long. Estimate by length then. */
  count(encoding: CountRequest['encoding'], groups: CountRequest['groups']): Promise<readonly number[] | undefined>;
}

export interface TokenCounterOptions {
  /** The longest wait for a count: the end of a response may wait for it. */
  readonly waitMs?: number;
  readonly idleMs?: number;
}

/** With more waiting counts the thread is overloaded, and a new one is not tried. */
const waitingMax = 256;

/** A counter with its own thread; at most 256 counts wait at once. */
export function createTokenCounter({ waitMs = 300, idleMs = 60_000 }: TokenCounterOptions = {}): TokenCounter {
  const waiting = new Map<number, (counts: readonly number[] | undefined) => void>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let next = 0;

  const end = (): void => {
    const ended = worker;
    worker = undefined;
    clearTimeout(idle);
    for (const settle of waiting.values()) settle(undefined);
    void ended?.terminate();
  };
  const start = (): Worker => {
    const started = new Worker(workerFile, { stdout: false, stderr: false });
    started.on('message', ({ id, counts }: CountResult) => waiting.get(id)?.(counts));
    started.on('error', () => started === worker && end());
    // After the listeners: adding one would keep the process alive again.
    started.unref();
    return started;
  };
  return {
    count: (encoding, groups) => {
      if (waiting.size >= waitingMax) return Promise.resolve(undefined);
      worker ??= start();
      clearTimeout(idle);
      idle = setTimeout(end, idleMs).unref();
      const id = next++;
      const { promise, resolve } = Promise.withResolvers<readonly number[] | undefined>();
      const timer = setTimeout(() => settle(undefined), waitMs);
      const settle = (counts: readonly number[] | undefined): void => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(counts);
      };
      waiting.set(id, settle);
      worker.postMessage({ id, encoding, groups } satisfies CountRequest);
      return promise;
    },
  };
}

/** TypeScript in the sources, JavaScript in the published package. */
const workerFile = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
