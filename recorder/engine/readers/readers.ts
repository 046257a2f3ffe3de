/** All that readers of the store run, away from what is recorded: a planner that may die, a thread of their own, and places of their own. */
import { join } from 'node:path';
import { ConcurrencyLimiter } from '../session/concurrency-limiter.ts';
import { exceptions } from '../session/exception.ts';
import type { Sessions } from '../session/sessions.ts';
import { threadShares } from '../session/threads.ts';
import { Planner } from './planner.ts';
import type { PlannedStatement, PlanRequest, TableDefinition } from './protocol.ts';
import { ReaderGate } from './reader-gate.ts';
import { type ReaderResult, type ReaderStatement, ReaderThread } from './reader-thread.ts';

/** Each keeps its blocks of rows in memory until its client has taken them. */
const openMax = 32;
const waitingMax = 500;

export interface ReaderCounts {
  /** Statements that were ended while they were planned. */
  readonly overrun: number;
  /** Statements that were given up and still run. */
  readonly stuck: number;
}

export class Readers {
  readonly #planner: Planner;
  readonly #thread: ReaderThread;
  readonly #gate = new ReaderGate({ places: threadShares.readers, spare: threadShares.spare });
  readonly #open = new ConcurrencyLimiter(openMax, waitingMax, () =>
    exceptions.tooManyQueries(`More than ${waitingMax} readers are waiting. Try again later.`),
  );

  constructor(path: string, sessions: Sessions) {
    this.#planner = new Planner({ folder: join(path, 'hindcast-planner'), tables: () => tableDefinitions(sessions) });
    this.#thread = new ReaderThread(path);
  }

  get counts(): ReaderCounts {
    return { overrun: this.#planner.overrunCount, stuck: this.#gate.stuckCount };
  }

  schemaChanged(): void {
    this.#planner.schemaChanged();
  }

  plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedStatement> {
    return this.#planner.plan(request, signal);
  }

  /** Passes the result to `use`, which reads rows at its own pace; a statement that still runs afterwards is ended. */
  run(statement: ReaderStatement, signal: AbortSignal, use: (result: Pick<ReaderResult, 'next'>) => Promise<void>): Promise<void> {
    return this.#open.run(async () => {
      const result = await this.#thread.start(statement);
      const kill = (): void => result.kill();
      signal.addEventListener('abort', kill, { once: true });
      try {
        signal.throwIfAborted();
        await use({ next: () => this.#gate.run(() => result.next(), signal) });
      } finally {
        signal.removeEventListener('abort', kill);
        result.end();
      }
    }, signal);
  }

  /** False when a statement does not end, and the engine with it. */
  async close(): Promise<boolean> {
    const reason = exceptions.closing('The engine is closing.');
    this.#open.rejectWaiting(reason);
    this.#gate.rejectWaiting(reason);
    await this.#planner.close();
    return this.#thread.close();
  }

  /** Only after the engine has been closed. */
  terminate(): Promise<void> {
    return this.#thread.terminate();
  }
}

const tableDefinitions = (sessions: Sessions): readonly TableDefinition[] =>
  sessions.rows<TableDefinition>(
    "SELECT name, create_table_query AS sql FROM system.tables WHERE database = 'default' AND NOT is_temporary ORDER BY engine LIKE '%View', name",
  );
