/** Runs a recorder process, restarts it when it ends, and reports its state. */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../gateway/settings/settings.ts';
import { threadPoolSize } from '../engine/session/threads.ts';
import { ensureReaderKey, removeReaderKey } from '../files/paths.ts';
import { retentionOf } from '../store/retention.ts';
import type { FromRecorder, RecorderOptions, RecorderStats, ToRecorder } from './protocol.ts';

export interface Recorder {
  readonly storeUrl: string;
  /** Why no recorder is running; records wait in the spool. Undefined while one runs. */
  problem(): string | undefined;
  /** As of a second ago, with the problem among the warnings; undefined before the first. */
  stats(): RecorderStats | undefined;
  /** Has all closed segments shipped now. False when that takes longer than 5 s. */
  flush(): Promise<boolean>;
  /** Ships the rest and waits until the process has ended. */
  close(): Promise<void>;
}

const readyMsMax = 30_000;
const lockWaitMsDefault = 15_000;
/** Longer than the recorder's own limits for draining and closing. */
const closeMsMax = 25_000;
const flushMsMax = 5_000;
const restartMsMin = 500;
const restartMsMax = 30_000;
/** After running for so long, the next restart is quick again. */
const stableMs = 60_000;
/** Seconds without a message before it is killed. Counted by a timer, so that a suspended machine does not count. */
const silentSecondsMax = 60;

/** Rejects with the recorder's message when it is not ready in time. */
export async function startRecorder(settings: Settings, log: (line: string) => void, lockWaitMs = lockWaitMsDefault): Promise<Recorder> {
  const supervisor = new Supervisor(optionsOf(settings, lockWaitMs), log);
  await supervisor.start();
  return supervisor;
}

function optionsOf(settings: Settings, lockWaitMs: number): RecorderOptions {
  const { store, recorder } = settings;
  const password = store.password?.reveal() ?? readerPassword(settings);
  const { url, username, database, cluster, host, port } = store;
  return {
    path: store.path,
    retention: retentionOf(settings),
    tableDays: recorder.retention,
    search: store.search,
    lockWaitMs,
    store:
      url === 'embedded'
        ? { type: 'embedded', host, port, password }
        : { type: 'server', url, username, password: password ?? '', database, cluster },
  };
}

/** Where callers need a key, readers of the embedded engine do too: `reader.key`, unless the configuration has a password. */
function readerPassword({ store, keys }: Settings): string | undefined {
  if (store.url === 'embedded' && keys.size > 0 && !store.password) return ensureReaderKey(store.path);
  removeReaderKey(store.path);
  return undefined;
}

class Supervisor implements Recorder {
  storeUrl = '';
  readonly #log: (line: string) => void;
  #options: RecorderOptions;
  #child: ChildProcess | undefined;
  #problem: string | undefined = 'the recorder is starting';
  #stats: RecorderStats | undefined;
  #closed = false;
  #restartMs = restartMsMin;
  readonly #stopRestart = new AbortController();
  readonly #flushes = new Map<number, (isDone: boolean) => void>();
  #lastFlush = 0;

  constructor(options: RecorderOptions, log: (line: string) => void) {
    this.#options = options;
    this.#log = log;
  }

  problem(): string | undefined {
    return this.#problem;
  }

  stats(): RecorderStats | undefined {
    const [problem, stats] = [this.#problem, this.#stats];
    return problem === undefined || stats === undefined ? stats : { ...stats, problem, warnings: [problem, ...stats.warnings] };
  }

  async start(): Promise<void> {
    const { child, ready } = forkRecorder(this.#options, message => this.#onMessage(message));
    this.#child = child;
    try {
      this.storeUrl = await ready;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    // Its successor must listen on the same port.
    const { store } = this.#options;
    if (store.type === 'embedded') this.#options = { ...this.#options, store: { ...store, port: Number(new URL(this.storeUrl).port) } };
    this.#problem = undefined;
    this.#watch(child);
  }

  async flush(): Promise<boolean> {
    const child = this.#child;
    if (!child?.connected) return false;
    const id = ++this.#lastFlush;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#flushes.set(id, resolve);
    const timer = setTimeout(() => resolve(false), flushMsMax);
    child.send({ type: 'flush', id } satisfies ToRecorder, () => {});
    const isDone = await promise;
    clearTimeout(timer);
    this.#flushes.delete(id);
    return isDone;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopRestart.abort();
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    const ended = new Promise(resolve => child.once('exit', resolve));
    if (child.connected) child.send({ type: 'close' } satisfies ToRecorder, () => {});
    const timer = setTimeout(() => {
      this.#log(`the recorder did not end within ${closeMsMax / 1000} s and was killed; what it had not shipped waits in the spool`);
      child.kill('SIGKILL');
    }, closeMsMax);
    await ended;
    clearTimeout(timer);
  }

  #onMessage(message: FromRecorder): void {
    if (message.type === 'stats') this.#stats = message.stats;
    if (message.type === 'log') this.#log(message.line);
    if (message.type === 'flushed') this.#flushes.get(message.id)?.(true);
  }

  #watch(child: ChildProcess): void {
    const startedAt = performance.now();
    let silentSeconds = 0;
    child.on('message', () => {
      silentSeconds = 0;
    });
    const watch = setInterval(() => {
      if (++silentSeconds < silentSecondsMax) return;
      this.#log(`the recorder has sent nothing for ${silentSecondsMax} s and is killed`);
      child.kill('SIGKILL');
    }, 1_000).unref();
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      if (this.#closed) return;
      if (performance.now() - startedAt > stableMs) this.#restartMs = restartMsMin;
      void this.#restart(`the recorder ended with ${signal ?? `code ${code}`}`);
    });
  }

  async #restart(cause: string): Promise<void> {
    let reason = cause;
    while (!this.#closed) {
      this.#problem = `${reason}; it is started again`;
      this.#log(this.#problem);
      await sleep(this.#restartMs, undefined, { signal: this.#stopRestart.signal }).catch(() => {});
      this.#restartMs = Math.min(restartMsMax, 2 * this.#restartMs);
      if (this.#closed) return;
      try {
        await this.start();
        // If it was closed meanwhile, close() ends this child.
        return;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
  }
}

/** The process file: TypeScript in the repository, JavaScript in the published package. */
const processFile = fileURLToPath(new URL(`./process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
/** A small heap costs pauses, which delay no caller, and leaves memory to the engine. */
const smallHeap = ['--max-semi-space-size=4'];
/** The engine gives memory back that it has not used for so long; its own 5 s keep 100 to 200 MB at the peak. */
const engineMemory = 'dirty_decay_ms:300,muzzy_decay_ms:0';

function forkRecorder(
  options: RecorderOptions,
  onMessage: (message: FromRecorder) => void,
): { child: ChildProcess; ready: Promise<string> } {
  const threads = String(Math.max(threadPoolSize, Number(process.env.UV_THREADPOOL_SIZE) || 0));
  const env = { JE_MALLOC_CONF: engineMemory, ...process.env, UV_THREADPOOL_SIZE: threads };
  // Results of commands go to stdout; the engine must not write there.
  const child = fork(processFile, [], { execArgv: smallHeap, env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`the recorder was not ready within ${readyMsMax / 1000} s`)), readyMsMax);
  child.on('message', (message: FromRecorder) => {
    if (message.type === 'ready') resolve(message.storeUrl);
    if (message.type === 'failed') reject(new Error(message.message));
    onMessage(message);
  });
  child.once('error', reject);
  child.once('exit', (code, signal) => reject(new Error(`the recorder ended with ${signal ?? `code ${code}`} before it was ready`)));
  child.send({ type: 'start', options } satisfies ToRecorder, () => {});
  return { child, ready: ready.finally(() => clearTimeout(timer)) };
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
