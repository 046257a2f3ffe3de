/** The ledger that several gateways share, in Redis or Valkey. A call that takes over a second fails with LedgerUnavailable. */
import type { RedisClientType } from 'redis';
import {
  type BudgetDecision,
  type BudgetScope,
  type CostEstimate,
  initialScopeState,
  periodOf,
  type ScopeState,
  type Spending,
} from '../core/money/budget.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { type BudgetLedger, LedgerUnavailable, reservationMsMax, type SettledUsage } from './ledger.ts';
import { reserveScript, settleScript } from './redis-scripts.ts';

const waitMsMax: Milliseconds = 1_000;
const sweepMsDefault: Milliseconds = 30_000;
const sweptMax = 1_000;
/** The braces put all keys into one hash slot: a script may touch no other. */
const prefix = 'hindcast:{state}';
const openKey = `${prefix}:open`;

type Script = { readonly keys: readonly string[]; readonly args: readonly string[] };

/**
 * A ledger at this Redis URL. Rejects when the optional package `redis` is not installed. `onFailed` gets each connection error.
 * Every `sweepMs` the reservations of dead gateways are settled: they count as spent.
 */
export async function redisLedger(url: string, onFailed: (problem: string) => void, sweepMs = sweepMsDefault): Promise<BudgetLedger> {
  const { createClient } = await import('redis').catch(() => {
    throw new Error('state.url is a Redis URL, but the package `redis` is not installed. Run: npm install redis');
  });
  const client = createClient({
    url,
    // A request must not wait in a queue for a dead server.
    disableOfflineQueue: true,
    socket: { connectTimeout: waitMsMax, reconnectStrategy: (retries: number) => Math.min(2_000, 50 * 2 ** Math.min(retries, 10)) },
  });
  client.on('error', (error: Error) => onFailed(error.message));
  const ledger = new RedisLedger(client as unknown as RedisClientType, sweepMs);
  // While the server is down the client reconnects in the background: the gateway starts, and rejects what it cannot count.
  await Promise.race([client.connect(), new Promise(resolve => setTimeout(resolve, waitMsMax).unref())]).catch(() => {});
  return ledger;
}

class RedisLedger implements BudgetLedger {
  readonly #client: RedisClientType;
  readonly #sweep: NodeJS.Timeout;

  constructor(client: RedisClientType, sweepMs: Milliseconds) {
    this.#client = client;
    this.#sweep = setInterval(() => this.#sweepDead().catch(() => {}), sweepMs).unref();
  }

  async reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Promise<BudgetDecision> {
    const keys = [openKey, reservationKey(id), ...scopes.flatMap(scope => [spendingKey(scope, at), `${prefix}:rates:${scope.name}`])];
    const args = [
      at,
      estimate.isGuess ? 1 : 0,
      Math.round(estimate.nanoUsd),
      estimate.tokens,
      at + reservationMsMax,
      ...scopes.flatMap(({ budget, limits }) => [budget?.nanoUsd ?? '', limits?.requestsPerMinute ?? '', limits?.tokensPerMinute ?? '']),
    ].map(String);
    const verdict = JSON.parse(String(await this.#run(reserveScript, { keys, args }))) as ScriptVerdict;
    if (verdict.type === 'taken') return { type: 'taken', states: scopes.map((_, i) => stateOf(verdict, i + 1, at)), reserved: [] };
    return { ...verdict, scope: scopes[verdict.scope - 1]!.name } as unknown as BudgetDecision;
  }

  async settle(id: string, { nanoUsd, tokens }: SettledUsage): Promise<void> {
    await this.#run(settleScript, { keys: [openKey, reservationKey(id)], args: [String(Math.round(nanoUsd)), String(tokens)] });
  }

  async spending(scope: BudgetScope, at: Instant): Promise<Spending> {
    const [spent, reserved] = await this.#within(this.#client.hmGet(spendingKey(scope, at), ['spent', 'reserved']));
    return { spent: Number(spent ?? 0), reserved: Number(reserved ?? 0) };
  }

  async countOpen(): Promise<number> {
    return this.#within(this.#client.zCard(openKey));
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    if (this.#client.isOpen) this.#client.destroy();
  }

  /** Settles the reservations of gateways that died. */
  async #sweepDead(): Promise<void> {
    const orphaned = await this.#client.zRangeByScore(openKey, 0, Date.now(), { LIMIT: { offset: 0, count: sweptMax } });
    for (const reservation of orphaned) await this.#run(settleScript, { keys: [openKey, reservation], args: ['', ''] });
  }

  async #run(script: string, { keys, args }: Script): Promise<unknown> {
    return this.#within(this.#client.eval(script, { keys: [...keys], arguments: [...args] }));
  }

  async #within<Value>(command: Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new LedgerUnavailable('no response within a second')), waitMsMax);
    });
    try {
      return await Promise.race([command, timeout]);
    } catch (problem) {
      throw problem instanceof LedgerUnavailable
        ? problem
        : new LedgerUnavailable(problem instanceof Error ? problem.message : String(problem));
    } finally {
      clearTimeout(timer);
    }
  }
}

interface ScriptVerdict {
  readonly type: BudgetDecision['type'];
  readonly scope: number;
  /** Lua encodes an empty list as an empty object. */
  readonly levels?: readonly (readonly [scope: number, dimension: 'requests' | 'tokens', level: number])[] | object;
}

function stateOf({ levels }: ScriptVerdict, scope: number, at: Instant): ScopeState {
  const scopeLevels = Array.isArray(levels) ? (levels as [number, string, number][]).filter(([i]) => i === scope) : [];
  return { ...initialScopeState, ...Object.fromEntries(scopeLevels.map(([, dimension, level]) => [dimension, { level, at }])) };
}

const reservationKey = (id: string): string => `${prefix}:reservation:${id}`;
const spendingKey = ({ name, budget }: BudgetScope, at: Instant): string =>
  `${prefix}:spending:${name}:${budget ? periodOf(budget.per, at).name : ''}`;
