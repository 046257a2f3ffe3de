/**
 * The ledger that several gateways share, in Redis or Valkey. Operations of one tick, and those that come while the server answers, are one script call.
 * A reservation is a lease of under a minute that is renewed while its request runs, so a gateway that dies locks nothing for longer.
 */
import { createHash } from 'node:crypto';
import type { RedisClientType } from 'redis';
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import { putLruEntry } from '../core/shared/lru-map.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';
import { type BudgetLedger, LedgerUnavailable, ledgerPatienceMs, type Reservation, type SettledUsage } from './ledger.ts';
import {
  decisionOf,
  type HeldReservation,
  listOf,
  type Operation,
  prefix,
  type ReserveAnswer,
  renewOperation,
  reserveOperation,
  settleOperation,
  spendingKey,
} from './redis-operations.ts';
import { ledgerScript } from './redis-scripts.ts';

const openKey = `${prefix}:open`;
const connectMsMax: Milliseconds = 1_000;
const leaseMsDefault: Milliseconds = 45_000;
const sweepMsDefault: Milliseconds = 10_000;
/** An answer that takes longer is told as a ledger that does not answer. */
const slowMs: Milliseconds = 1_000;
const batchMax = 200;
const retryMs: Milliseconds = 100;
const seenMax = 10_000;
const scriptHash = createHash('sha1').update(ledgerScript).digest('hex');

export interface RedisLedgerOptions {
  readonly leaseMs?: Milliseconds;
  readonly sweepMs?: Milliseconds;
  readonly patienceMs?: Milliseconds;
}

/** A ledger at this Redis URL. Rejects when the optional package `redis` is not installed. `onFailed` gets each connection error. */
export async function redisLedger(
  url: string,
  onFailed: (problem: string) => void,
  options: RedisLedgerOptions = {},
): Promise<BudgetLedger> {
  const { createClient } = await import('redis').catch(() => {
    throw new Error('state.url is a Redis URL, but the package `redis` is not installed. Run: npm install redis');
  });
  const client = createClient({
    url,
    // The ledger keeps its own queue: it knows what may be sent again.
    disableOfflineQueue: true,
    socket: { connectTimeout: connectMsMax, reconnectStrategy: (retries: number) => Math.min(500, 50 * 2 ** Math.min(retries, 10)) },
  });
  client.on('error', (error: Error) => onFailed(error.message));
  const ledger = new RedisLedger(client as unknown as RedisClientType, options);
  // While the server is down the client reconnects in the background: the gateway starts, and rejects what it cannot count.
  await Promise.race([client.connect(), new Promise(resolve => setTimeout(resolve, connectMsMax).unref())]).catch(() => {});
  return ledger;
}

interface Queued {
  readonly operation: Operation;
  /** Nobody waits for it any more; a reservation that is made all the same is undone. */
  isAbandoned: boolean;
  answered(result: object): void;
  failed(problem: Error): void;
}

class RedisLedger implements BudgetLedger {
  readonly #client: RedisClientType;
  readonly #leaseMs: Milliseconds;
  readonly #patienceMs: Milliseconds;
  readonly #timers: readonly NodeJS.Timeout[];
  #queue: Queued[] = [];
  /** Reservations of this gateway, which it renews. */
  readonly #held = new Map<string, HeldReservation>();
  /** What was last seen as spent, by key: it goes to a server that comes back without its data. */
  readonly #seen = new Map<string, string>();
  #sentAt: Instant | undefined;
  #lostAt: Instant | undefined;
  #isScheduled = false;
  #isClosed = false;

  constructor(
    client: RedisClientType,
    { leaseMs = leaseMsDefault, sweepMs = sweepMsDefault, patienceMs = ledgerPatienceMs }: RedisLedgerOptions,
  ) {
    this.#client = client;
    this.#leaseMs = leaseMs;
    this.#patienceMs = patienceMs;
    this.#lostAt = Date.now();
    client.on('ready', () => this.#connected());
    client.on('error', () => {
      if (!client.isReady) this.#lostAt ??= Date.now();
    });
    this.#timers = [
      setInterval(() => this.#enqueueQuietly({ op: 'sweep' }), sweepMs).unref(),
      setInterval(() => this.#renew(), leaseMs / 3).unref(),
    ];
  }

  async reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Promise<BudgetDecision> {
    // Limits alone can be counted elsewhere, so their requests do not wait long.
    const patienceMs = scopes.some(({ budget }) => budget) ? this.#patienceMs : Math.min(slowMs, this.#patienceMs);
    const answer = (await this.#patiently(reserveOperation(id, scopes, estimate, at), patienceMs)) as ReserveAnswer;
    const decision = decisionOf(answer, scopes, at);
    if (!decision) throw new LedgerUnavailable('the reservation came too late');
    if (decision.type === 'taken') {
      this.#held.set(id, { id, scopes, at, tokens: estimate.tokens, amounts: listOf<string>(answer.amounts) });
      for (const [i, scope] of scopes.entries()) {
        if (scope.budget) putLruEntry(this.#seen, spendingKey(scope, at), String(decision.states[i]!.spending.spent), seenMax);
      }
    }
    return decision;
  }

  /** Waits as long as it takes: what was used is not forgotten while the server is away. */
  async settle(reservation: Reservation, used: SettledUsage): Promise<void> {
    this.#held.delete(reservation.id);
    const answer = (await this.#enqueue(settleOperation(reservation, used))) as {
      readonly spent?: Readonly<Record<string, string>> | readonly [];
    };
    for (const [key, spent] of Object.entries(answer.spent ?? {})) putLruEntry(this.#seen, key, String(spent), seenMax);
  }

  async spending(scope: BudgetScope, at: Instant): Promise<Spending> {
    const [spent, reserved] = await this.#directly(client => client.hmGet(spendingKey(scope, at), ['spent', 'reserved']));
    return { spent: Number(spent ?? 0), reserved: Number(reserved ?? 0) };
  }

  async noteOnce(name: string, forMs: Milliseconds): Promise<boolean> {
    const answer = (await this.#patiently({ op: 'note', name, ms: Math.max(1, Math.round(forMs)) }, this.#patienceMs)) as {
      readonly isNew?: boolean;
    };
    return answer.isNew === true;
  }

  countOpen(): Promise<number> {
    return this.#directly(client => client.zCard(openKey));
  }

  unreachableSince(): Instant | undefined {
    if (this.#lostAt !== undefined) return this.#lostAt;
    return this.#sentAt !== undefined && Date.now() - this.#sentAt > slowMs ? this.#sentAt : undefined;
  }

  lastSeen(scope: BudgetScope, at: Instant): number {
    return Number(this.#seen.get(spendingKey(scope, at)) ?? 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const one of this.#queue.splice(0)) one.failed(new LedgerUnavailable('the gateway ends'));
    if (this.#client.isOpen) this.#client.destroy();
  }

  #connected(): void {
    this.#lostAt = undefined;
    const raised = [...this.#seen].map(([m, spent]): Queued => quiet({ op: 'raise', m, spent }));
    this.#queue.unshift(...raised, ...[...this.#held.values()].map(held => quiet(renewOperation(held))));
    this.#schedule();
  }

  #renew(): void {
    for (const held of this.#held.values()) this.#enqueueQuietly(renewOperation(held));
  }

  /** The answer, or LedgerUnavailable once the server has not answered for the patience; what it does later is undone. */
  async #patiently(operation: Operation, patienceMs: Milliseconds): Promise<object> {
    const since = this.unreachableSince();
    if (since !== undefined && Date.now() - since > patienceMs) throw new LedgerUnavailable('it has not answered for a while');
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    const queued: Queued = { operation, isAbandoned: false, answered: resolve, failed: reject };
    this.#push(queued);
    const timer = setTimeout(() => {
      // Answers that lie in the socket are read first: a busy process is no absent ledger.
      setImmediate(() => {
        queued.isAbandoned = true;
        reject(new LedgerUnavailable(`no answer within ${patienceMs / 1000} seconds`));
      });
    }, patienceMs);
    return promise.finally(() => clearTimeout(timer));
  }

  #enqueue(operation: Operation): Promise<object> {
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    this.#push({ operation, isAbandoned: false, answered: resolve, failed: reject });
    return promise;
  }

  #enqueueQuietly(operation: Operation): void {
    if (this.#client.isReady) this.#push(quiet(operation));
  }

  #push(queued: Queued): void {
    if (this.#isClosed) return queued.failed(new LedgerUnavailable('the gateway ends'));
    this.#queue.push(queued);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#sentAt !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    if (!this.#client.isReady || this.#sentAt !== undefined || this.#isClosed) return;
    // One that was never sent has nothing to undo.
    this.#queue = this.#queue.filter(({ isAbandoned }) => !isAbandoned);
    const batch = this.#queue.splice(0, batchMax);
    if (batch.length === 0) return;
    this.#sentAt = Date.now();
    try {
      const results = await this.#run(batch.map(({ operation }) => operation));
      this.#sentAt = undefined;
      for (const [i, queued] of batch.entries()) this.#finish(queued, results[i] ?? {});
    } catch (problem) {
      this.#sentAt = undefined;
      return this.#retry(batch, problem instanceof Error ? problem : new Error(String(problem)));
    }
    if (this.#queue.length > 0) this.#schedule();
  }

  async #run(operations: readonly Operation[]): Promise<readonly object[]> {
    const args = ['1', openKey, prefix, JSON.stringify(operations), String(this.#leaseMs)];
    const answer = await this.#client.sendCommand(['EVALSHA', scriptHash, ...args]).catch((problem: Error) => {
      if (!problem.message.startsWith('NOSCRIPT')) throw problem;
      return this.#client.sendCommand(['EVAL', ledgerScript, ...args]);
    });
    return listOf<object>(JSON.parse(String(answer)) as object[]);
  }

  #finish(queued: Queued, result: object): void {
    if (queued.isAbandoned) this.#undo(queued.operation);
    else queued.answered(result);
  }

  /** The connection broke: whether the server ran the batch is unknown. Every operation may run twice, and those that nobody waits for are undone. */
  #retry(batch: readonly Queued[], problem: Error): void {
    // The server refused the script itself, as when it is out of memory.
    if (isFinal(problem)) {
      for (const queued of batch) queued.failed(new LedgerUnavailable(problem.message));
      return;
    }
    if (this.#client.isReady) setTimeout(() => this.#schedule(), retryMs).unref();
    else this.#lostAt ??= Date.now();
    for (const { operation } of batch.filter(({ isAbandoned }) => isAbandoned)) this.#undo(operation);
    this.#queue.unshift(...batch.filter(({ isAbandoned }) => !isAbandoned));
  }

  #undo({ op, id }: Operation): void {
    if (op === 'reserve' && id !== undefined && !this.#isClosed) this.#queue.push(quiet({ op: 'release', id }));
    this.#schedule();
  }

  async #directly<Value>(command: (client: RedisClientType) => Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => setImmediate(() => reject(new LedgerUnavailable('no answer within a second'))), slowMs);
    });
    try {
      return await Promise.race([command(this.#client), late]);
    } catch (problem) {
      throw problem instanceof LedgerUnavailable
        ? problem
        : new LedgerUnavailable(problem instanceof Error ? problem.message : String(problem));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Errors of the server that do not end by themselves within seconds. */
const isFinal = ({ message }: Error): boolean => /^(?:ERR|OOM|MISCONF|NOPERM|NOAUTH|WRONGPASS|WRONGTYPE|CROSSSLOT)\b/.test(message);

const quiet = (operation: Operation): Queued => ({ operation, isAbandoned: false, answered: () => {}, failed: () => {} });
