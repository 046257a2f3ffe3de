/**
 * The readers' planner: what planner.ts forks. It has the engine and the tables, and no row. Here a reader's statement is parsed, checked and
 * planned for the first time, so that whatever never ends then ends with this process and nothing else.
 */
import { mkdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { loadAddon, type Session } from '../session/addon.ts';
import { writeConfig } from '../session/config.ts';
import { type EngineException, exceptionOf } from '../session/exception.ts';
import { Sessions } from '../session/sessions.ts';
import { combinatorsQuery, type FunctionRow, functionPermissions, functionsQuery } from '../sql/function-permissions.ts';
import { helloStatement } from '../sql/native-hello.ts';
import { type Statement, StatementChecker } from '../sql/statement-checker.ts';
import { cpuMs, type WatchData } from './planner-watch.ts';
import { fileOf } from './process-file.ts';
import type { FromPlanner, PlannedStatement, PlanRequest, TableDefinition, ToPlanner } from './protocol.ts';
import { plainException } from './protocol.ts';

const mebibyte = 1024 * 1024;
const limits = { memoryBytes: 1024 * mebibyte, queryMemoryBytes: 64 * mebibyte, threads: 1 };
const cpuMsMax = 2_000;
/** Without the library's own pages, which the recorder has in memory as well. */
const memoryBytesMax = 250 * mebibyte;
/** A statement that is planned more slowly starts in a place of its own, where no other waits for it. */
const quickMs = 250;
/** MEMORY_LIMIT_EXCEEDED and TIMEOUT_EXCEEDED: with rows it would not be less. */
const finalCodes: ReadonlySet<number> = new Set([241, 159]);

// The recorder goes first when there is not enough for all.
setPriority(5);
const watched = new Float64Array(new SharedArrayBuffer(8));
const watchData: WatchData = { state: watched.buffer as SharedArrayBuffer, parentPid: process.ppid, cpuMsMax, memoryBytesMax };
new Worker(fileOf('planner-watch'), { workerData: watchData, execArgv: [] }).unref();

const send = (message: FromPlanner): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

class PlanningEngine {
  readonly #root: Session;
  readonly #sessions: Sessions;
  readonly #checker: StatementChecker;
  readonly #tables = new Map<string, string>();

  static async open(path: string): Promise<PlanningEngine> {
    const addon = await loadAddon();
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const root = new addon.Session(path, { connectionArgs: writeConfig(path, limits) });
    return new PlanningEngine(root, new Sessions(addon, path, root));
  }

  private constructor(root: Session, sessions: Sessions) {
    this.#root = root;
    this.#sessions = sessions;
    const combinators = sessions.rows<{ name: string }>(combinatorsQuery).map(({ name }) => name);
    this.#checker = new StatementChecker(root, functionPermissions(sessions.rows<FunctionRow>(functionsQuery), combinators));
  }

  /** One that cannot be made here is unknown to the planner: statements about it are answered by the engine that has it. */
  setTables(tables: readonly TableDefinition[]): void {
    const wanted = new Map(tables.map(({ name, sql }) => [name, sql]));
    for (const [name, sql] of this.#tables) {
      if (wanted.get(name) === sql) continue;
      this.#try(`DROP TABLE IF EXISTS default.\`${name}\` SYNC`);
      this.#tables.delete(name);
    }
    let missing = tables.filter(({ name }) => !this.#tables.has(name));
    // Views need their tables, so those come in the next round.
    for (let before = Number.POSITIVE_INFINITY; missing.length > 0 && missing.length < before; ) {
      before = missing.length;
      missing = missing.filter(({ name, sql }) => {
        const made = this.#try(sql);
        if (made) this.#tables.set(name, sql);
        return !made;
      });
    }
  }

  #try(sql: string): boolean {
    try {
      this.#root.query(sql);
      return true;
    } catch {
      return false;
    }
  }

  plan({ text, database, parameters, setup }: PlanRequest): PlannedStatement {
    const startedAt = cpuMs();
    const values = new Map(parameters);
    const statement = this.#checker.check(text, { database, mayWrite: false, parameters: values });
    if (!statement.sql.startsWith(helloStatement)) this.#tryPlan(statement, setup, values.size > 0);
    const { sql, tree, format, streams } = statement;
    return { sql, rootKind: tree.kind, format, streams: streams && cpuMs() - startedAt < quickMs };
  }

  #tryPlan(statement: Statement, setup: string, tainted: boolean): void {
    const lease = this.#sessions.lease(setup);
    lease.tainted = tainted;
    const isSelect = statement.tree.kind === 'SelectWithUnionQuery';
    try {
      lease.session.query(isSelect ? `EXPLAIN PIPELINE ${statement.sql}` : statement.sql, 'Null');
    } catch (error) {
      const exception = exceptionOf(error);
      if (isFinal(exception, statement)) throw exception;
    } finally {
      this.#sessions.release(lease);
    }
  }
}

/** A scalar subquery has another value where there are rows, so what fails here may succeed there; only a limit that is reached is a limit. */
const isFinal = ({ code }: EngineException, { streams }: Statement): boolean => streams || finalCodes.has(code);

let engine: PlanningEngine | undefined;

async function handle(message: ToPlanner): Promise<void> {
  if (message.type === 'start') {
    engine = await PlanningEngine.open(message.path);
    return send({ type: 'ready' });
  }
  if (message.type === 'schema') return engine!.setTables(message.tables);
  watched[0] = cpuMs();
  try {
    send({ type: 'planned', id: message.id, statement: engine!.plan(message.request) });
  } catch (error) {
    send({ type: 'failed', id: message.id, exception: plainException(exceptionOf(error)) });
  } finally {
    watched[0] = 0;
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', (message: ToPlanner) => {
  // The parent sees the end, and starts another.
  handle(message).catch(() => process.kill(process.pid, 'SIGKILL'));
});
