/** The ledger of one machine, in a SQLite file. Each change is one transaction. What a killed gateway had reserved counts as spent at the next start. */
import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type BucketLevel,
  type BudgetScope,
  type CostEstimate,
  decideAdmission,
  initialScopeState,
  noSpending,
  periodOf,
  type ScopeState,
  type Spending,
  settleReservation,
} from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import { type BudgetLedger, LedgerUnavailable, reservationMsMax, type SettledUsage } from './ledger.ts';

const tables = `
CREATE TABLE IF NOT EXISTS spending (scope TEXT, period TEXT, spent INTEGER NOT NULL, reserved INTEGER NOT NULL, PRIMARY KEY (scope, period)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rates (scope TEXT, dimension TEXT, level REAL NOT NULL, at REAL NOT NULL, PRIMARY KEY (scope, dimension)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, owner INTEGER NOT NULL, at REAL NOT NULL, tokens INTEGER NOT NULL, holds TEXT NOT NULL) WITHOUT ROWID;
`;

/** What a reservation took from one scope. */
interface Hold {
  readonly scope: string;
  /** '' for a scope without a budget. */
  readonly period: string;
  readonly reserved: NanoUsd;
  readonly hasTokens: boolean;
}

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
  readonly #statements: Readonly<Record<keyof typeof sql, StatementSync>>;

  constructor(database: DatabaseSync, onRecovered: (count: number) => void) {
    this.#database = database;
    this.#statements = Object.fromEntries(Object.entries(sql).map(([name, text]) => [name, database.prepare(text)])) as Record<
      keyof typeof sql,
      StatementSync
    >;
    const count = this.#recover();
    if (count > 0) onRecovered(count);
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
          hasTokens: scope.limits?.tokensPerMinute !== undefined,
        }),
      );
      this.#statements.open.run(id, process.pid, at, estimate.tokens, JSON.stringify(holds));
      return verdict;
    });
  }

  async settle(id: string, used: SettledUsage): Promise<void> {
    this.#atomically(() => this.#settle(id, used));
  }

  async spending(scope: BudgetScope, at: Instant): Promise<Spending> {
    return this.#state(scope, at).spending;
  }

  async countOpen(): Promise<number> {
    return (this.#statements.count.get() as { n: number }).n;
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  /** What a dead gateway used is unknown and may be all: the reserved amount counts as spent. */
  #recover(): number {
    const rows = this.#statements.all.all() as { id: string; owner: number; at: number; tokens: number; holds: string }[];
    const dead = rows.filter(({ owner, at }) => owner === process.pid || !isAlive(owner) || Date.now() - at > reservationMsMax);
    this.#atomically(() => {
      for (const { id, tokens, holds } of dead) {
        const reserved = Math.max(0, ...(JSON.parse(holds) as Hold[]).map(hold => hold.reserved));
        this.#settle(id, { nanoUsd: reserved, tokens });
      }
    });
    return dead.length;
  }

  #settle(id: string, { nanoUsd, tokens }: SettledUsage): void {
    const row = this.#statements.one.get(id) as { tokens: number; holds: string } | undefined;
    if (!row) return;
    for (const { scope, period, reserved, hasTokens } of JSON.parse(row.holds) as Hold[]) {
      const before = this.#read(scope, period);
      this.#write(scope, period, settleReservation(before, reserved, { nanoUsd, tokensOver: hasTokens ? tokens - row.tokens : 0 }));
    }
    this.#statements.end.run(id);
  }

  #state(scope: BudgetScope, at: Instant): ScopeState {
    return this.#read(scope.name, periodIn(scope, at));
  }

  #read(scope: string, period: string): ScopeState {
    const spending = period === '' ? noSpending : ((this.#statements.spending.get(scope, period) as Spending | undefined) ?? noSpending);
    const level = (dimension: string): BucketLevel | undefined => this.#statements.rate.get(scope, dimension) as BucketLevel | undefined;
    return { ...initialScopeState, spending, requests: level('requests'), tokens: level('tokens') };
  }

  #write(scope: string, period: string, { spending, requests, tokens }: ScopeState): void {
    if (period !== '') this.#statements.spend.run(scope, period, spending.spent, spending.reserved);
    if (requests) this.#statements.pace.run(scope, 'requests', requests.level, requests.at);
    if (tokens) this.#statements.pace.run(scope, 'tokens', tokens.level, tokens.at);
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
  rate: 'SELECT level, at FROM rates WHERE scope = ? AND dimension = ?',
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
