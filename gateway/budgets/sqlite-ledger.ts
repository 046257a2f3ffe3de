/** The ledger of one machine, in a SQLite file. Each change is one transaction. What a killed process had reserved counts as spent within seconds, or at the next start. */
import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type BucketLevel,
  type BudgetScope,
  type CostEstimate,
  decideAdmission,
  noSpending,
  rateDimensionNames,
  type ScopeState,
  type Spending,
  settleReservation,
} from '../core/money/budget.ts';
import { periodOf } from '../core/money/period.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { type BudgetLedger, type Hold, LedgerUnavailable, type Reservation, reservationMsMax, type SettledUsage } from './ledger.ts';

const tables = `
CREATE TABLE IF NOT EXISTS spending (scope TEXT, period TEXT, spent INTEGER NOT NULL, reserved INTEGER NOT NULL, PRIMARY KEY (scope, period)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rates (scope TEXT, dimension TEXT, level REAL NOT NULL, at REAL NOT NULL, PRIMARY KEY (scope, dimension)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, owner INTEGER NOT NULL, at REAL NOT NULL, tokens INTEGER NOT NULL, holds TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
`;
const sweepMs: Milliseconds = 10_000;

/** The ledger in this file, readable by its owner alone; `:memory:` ends with the process. `onRecovered` gets the number of reservations that dead gateways left. */
export function sqliteLedger(file: string, onRecovered: (count: number) => void = () => {}): BudgetLedger {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 500;');
  database.exec(tables);
  if (file !== ':memory:') chmodSync(file, 0o600);
  return new SqliteLedger(database, onRecovered);
}

class SqliteLedger implements BudgetLedger {
  readonly #database: DatabaseSync;
  readonly #sweep: NodeJS.Timeout;
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;

  constructor(database: DatabaseSync, onRecovered: (count: number) => void) {
    this.#database = database;
    this.#statements = Object.fromEntries(Object.entries(sql).map(([name, text]) => [name, database.prepare(text)])) as Record<
      keyof typeof sql,
      StatementSync
    >;
    const recover = (mayOwn: boolean): void => {
      const count = this.#recover(mayOwn);
      if (count > 0) onRecovered(count);
    };
    recover(true);
    this.#sweep = setInterval(() => recover(false), sweepMs).unref();
  }

  async reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant) {
    return this.#atomically(() => {
      const verdict = decideAdmission(
        scopes,
        scopes.map(scope => this.#state(scope, at)),
        estimate,
        at,
      );
      if (verdict.type !== 'taken') return verdict;
      for (const [i, scope] of scopes.entries()) this.#write(scope.name, periodIn(scope, at), verdict.states[i]!);
      const holds = scopes.map(
        (scope, i): Hold => ({
          scope: scope.name,
          period: periodIn(scope, at),
          reserved: verdict.reserved[i]!,
          hasTokens: scope.limits?.tokensPerMinute !== undefined || scope.limits?.tokensPerDay !== undefined,
          ...(scope.limits?.maxParallel === undefined ? {} : { isParallel: true as const }),
        }),
      );
      this.#statements.open.run(id, process.pid, at, estimate.tokens, JSON.stringify(holds));
      return verdict;
    });
  }

  async settle({ id }: Reservation, used: SettledUsage): Promise<void> {
    this.#atomically(() => this.#settle(id, used));
  }

  async noteOnce(name: string, forMs: Milliseconds, at: Instant): Promise<boolean> {
    return this.#atomically(() => this.#statements.note.run(name, at + forMs, at).changes > 0);
  }

  async spending(scope: BudgetScope, at: Instant): Promise<Spending> {
    return this.#state(scope, at).spending;
  }

  async countOpen(): Promise<number> {
    return (this.#statements.count.get() as { n: number }).n;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    if (this.#database.isOpen) this.#database.close();
  }

  /** What a dead gateway used is unknown and may be all: the reserved amount counts as spent. */
  #recover(mayOwn: boolean): number {
    if (!this.#database.isOpen) return 0;
    const rows = this.#statements.all.all() as { id: string; owner: number; at: number; tokens: number; holds: string }[];
    const dead = rows.filter(
      ({ owner, at }) => !isAlive(owner) || (mayOwn && (owner === process.pid || Date.now() - at > reservationMsMax)),
    );
    if (dead.length === 0) return 0;
    this.#atomically(() => {
      for (const { id, tokens, holds } of dead) {
        const byScope = Object.fromEntries((JSON.parse(holds) as Hold[]).map(({ scope, reserved }) => [scope, reserved]));
        this.#settle(id, { nanoUsd: 0, tokens, byScope });
      }
    });
    return dead.length;
  }

  #settle(id: string, { nanoUsd: total, tokens, byScope = {} }: SettledUsage): void {
    const row = this.#statements.one.get(id) as { tokens: number; holds: string } | undefined;
    if (!row) return;
    for (const { scope, period, reserved, hasTokens, isParallel } of JSON.parse(row.holds) as Hold[]) {
      const { parallel, ...rest } = this.#read(scope, period);
      const before = isParallel && parallel !== undefined ? { ...rest, parallel } : rest;
      const nanoUsd = byScope[scope] ?? total;
      this.#write(scope, period, settleReservation(before, reserved, { nanoUsd, tokensOver: hasTokens ? tokens - row.tokens : 0 }));
    }
    this.#statements.end.run(id);
  }

  #state(scope: BudgetScope, at: Instant): ScopeState {
    return this.#read(scope.name, periodIn(scope, at));
  }

  #read(scope: string, period: string): ScopeState {
    const spending = period === '' ? noSpending : ((this.#statements.spending.get(scope, period) as Spending | undefined) ?? noSpending);
    const buckets = this.#statements.rates.all(scope) as unknown as readonly (BucketLevel & { readonly dimension: string })[];
    const levels = Object.fromEntries(
      buckets.map(({ dimension, level, at }) => [dimension, dimension === 'parallel' ? level : { level, at }]),
    );
    return { spending, ...levels };
  }

  #write(scope: string, period: string, { spending, parallel, ...buckets }: ScopeState): void {
    if (period !== '') this.#statements.spend.run(scope, period, spending.spent, spending.reserved);
    for (const dimension of rateDimensionNames) {
      const bucket = buckets[dimension];
      if (bucket) this.#statements.pace.run(scope, dimension, bucket.level, bucket.at);
    }
    if (parallel !== undefined) this.#statements.pace.run(scope, 'parallel', parallel, 0);
  }

  #atomically<Value>(change: () => Value): Value {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } catch (problem) {
      throw new LedgerUnavailable(`the state file is busy: ${problem instanceof Error ? problem.message : problem}`);
    }
    try {
      const value = change();
      this.#database.exec('COMMIT');
      return value;
    } catch (problem) {
      this.#database.exec('ROLLBACK');
      throw problem;
    }
  }
}

const sql = {
  spending: 'SELECT spent, reserved FROM spending WHERE scope = ? AND period = ?',
  spend: 'INSERT INTO spending VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved',
  rates: 'SELECT dimension, level, at FROM rates WHERE scope = ?',
  note: 'INSERT INTO notes VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until WHERE notes.until <= ?',
  pace: 'INSERT INTO rates VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET level = excluded.level, at = excluded.at',
  open: 'INSERT INTO reservations VALUES (?, ?, ?, ?, ?)',
  one: 'SELECT tokens, holds FROM reservations WHERE id = ?',
  all: 'SELECT id, owner, at, tokens, holds FROM reservations',
  end: 'DELETE FROM reservations WHERE id = ?',
  count: 'SELECT count(*) AS n FROM reservations',
};

const periodIn = ({ budget }: BudgetScope, at: Instant): string => (budget ? periodOf(budget.per, at).name : '');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return (problem as NodeJS.ErrnoException).code === 'EPERM';
  }
}
