/**
 * Keeps a process in which readers' statements are parsed, checked and planned before the engine with the rows sees them. It starts with the
 * first of them and ends when none has come for a minute. A statement on which it dies is the only one that hears of it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConcurrencyLimiter } from '../session/concurrency-limiter.ts';
import { EngineException, exceptions } from '../session/exception.ts';
import { fileOf } from './process-file.ts';
import type { FromPlanner, PlannedStatement, PlanRequest, TableDefinition, ToPlanner } from './protocol.ts';

export interface PlannerOptions {
  /** Its own; what lies there is thrown away. */
  readonly folder: string;
  readonly tables: () => readonly TableDefinition[];
  readonly idleMs?: number;
}

const idleMsDefault = 60_000;
/** It ends itself by the CPU it takes; this is for a machine on which it gets none. */
const answerMsMax = 60_000;
const startMsMax = 30_000;
const waitingMax = 500;
const knownMax = 256;
const knownLengthMax = 16 * 1024;
/** One that ended the planner is not tried again at once. */
const refusedMs = 30_000;
const smallHeap = ['--max-semi-space-size=2', '--max-old-space-size=64', '--no-warnings'];

interface Running {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly folder: string;
}

export class Planner {
  readonly #options: PlannerOptions;
  /** One at a time: with several, the cause of its death would be unknown. */
  readonly #line = new ConcurrencyLimiter(1, waitingMax, () =>
    exceptions.tooManyQueries(`More than ${waitingMax} statements are waiting.`),
  );
  readonly #known = new Map<string, PlannedStatement>();
  readonly #refusedUntil = new Map<string, number>();
  readonly #answers = new Map<number, (message: FromPlanner | undefined) => void>();
  #running: Running | undefined;
  #startCount = 0;
  #lastId = 0;
  #isSchemaStale = true;
  #idleTimer: NodeJS.Timeout | undefined;
  #overrunCount = 0;
  #closed = false;

  constructor(options: PlannerOptions) {
    this.#options = options;
    rmSync(options.folder, { recursive: true, force: true });
  }

  /** Statements on which a planner died. */
  get overrunCount(): number {
    return this.#overrunCount;
  }

  /** Its process id while it runs. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** What was planned holds for the tables as they were. */
  schemaChanged(): void {
    this.#isSchemaStale = true;
    this.#known.clear();
  }

  /** Rejects with the error for the reader. */
  async plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedStatement> {
    const key = JSON.stringify(request);
    const known = this.#known.get(key);
    if (known) return known;
    return this.#line.run(async () => {
      const refusedUntil = this.#refusedUntil.get(key) ?? 0;
      if (Date.now() < refusedUntil) throw overran();
      const statement = await this.#plan(request, key);
      if (key.length <= knownLengthMax && request.parameters.length === 0) remember(this.#known, key, statement);
      return statement;
    }, signal);
  }

  async #plan(request: PlanRequest, key: string): Promise<PlannedStatement> {
    clearTimeout(this.#idleTimer);
    this.#running ??= this.#start();
    const { child, ready } = this.#running;
    await ready;
    if (this.#isSchemaStale) {
      this.#isSchemaStale = false;
      sendTo(child, { type: 'schema', tables: this.#options.tables() });
    }
    const id = ++this.#lastId;
    const message = await new Promise<FromPlanner | undefined>(resolve => {
      const timer = setTimeout(() => child.kill('SIGKILL'), answerMsMax);
      this.#answers.set(id, answer => {
        clearTimeout(timer);
        this.#answers.delete(id);
        resolve(answer);
      });
      sendTo(child, { type: 'plan', id, request });
    });
    this.#idleTimer = setTimeout(() => this.#end(), this.#options.idleMs ?? idleMsDefault).unref();
    if (message?.type === 'planned') return message.statement;
    if (message?.type === 'failed') {
      const { code, codeName, message: text } = message.exception;
      throw new EngineException(code, codeName, text);
    }
    if (this.#closed) throw exceptions.closing('The engine is closing.');
    this.#overrunCount += 1;
    remember(this.#refusedUntil, key, Date.now() + refusedMs);
    throw overran();
  }

  #start(): Running {
    const folder = join(this.#options.folder, String(++this.#startCount));
    const child = fork(fileOf('planner-process'), [], {
      execArgv: smallHeap,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    });
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const failed = () => reject(exceptions.tooManyQueries('The planner of statements does not start. Try again later.'));
    const timer = setTimeout(() => child.kill('SIGKILL'), startMsMax);
    child.on('message', (message: FromPlanner) => {
      if (message.type === 'ready') resolve();
      else this.#answers.get(message.id)?.(message);
    });
    child.on('error', failed);
    child.once('exit', () => {
      if (this.#running?.child === child) this.#running = undefined;
      this.#isSchemaStale = true;
      for (const answer of [...this.#answers.values()]) answer(undefined);
      failed();
      rmSync(folder, { recursive: true, force: true });
    });
    child.channel?.unref();
    child.unref();
    sendTo(child, { type: 'start', path: folder });
    return { child, folder, ready: ready.finally(() => clearTimeout(timer)) };
  }

  #end(): void {
    this.#running?.child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#line.rejectWaiting(exceptions.closing('The engine is closing.'));
    clearTimeout(this.#idleTimer);
    const child = this.#running?.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.ref();
    this.#end();
    await ended;
  }
}

const overran = (): EngineException =>
  exceptions.timeout(
    'Planning the statement takes too long or too much memory: it computes too much from constants, or is nested too deeply.',
  );

function sendTo(child: ChildProcess, message: ToPlanner): void {
  // A child that has ended emits `exit`.
  if (child.connected) child.send(message, () => {});
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size > knownMax) map.delete(map.keys().next().value!);
}
