/** Admission of requests by budgets and rate limits: reserve before the request runs, settle when it has ended. */
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import { providerOf } from '../core/targets/target-name.ts';
import type { ExecutionHandle, GatewayRuntime, RequestContext, RoutedRequest } from '../exchange/contract.ts';
import type { Refusal } from '../exchange/response/refusal.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { CostEstimator, type PriceOfTarget } from './cost-estimate.ts';
import { budgetExceeded, limitHeaders, limitsUnavailable, priceUnknown, rateLimitExceeded } from './error-responses.ts';
import { type BudgetLedger, LedgerUnavailable, type SettledUsage } from './ledger.ts';
import { scopesOf } from './scopes.ts';
import { sqliteLedger } from './sqlite-ledger.ts';

/** A request that its budgets and rate limits admit. */
export interface Admission {
  /** `x-ratelimit-*` headers of its response. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles the reservation when the execution has ended. */
  settleWhenDone(execution: ExecutionHandle): void;
}

export interface BudgetAdmissionOptions {
  readonly clock: Clock;
  readonly ledger: BudgetLedger;
  /** Counts rate limits while the ledger cannot be reached. */
  readonly local: BudgetLedger;
  /** Gets each ledger error. */
  onFailed(problem: string): void;
}

/** How long a request waits for requests in flight that have reserved the rest of its budget. */
const waitMsMax: Milliseconds = 10_000;
/** Settlements of other gateways send no event, so the ledger is polled. */
const pollMs: Milliseconds = 200;
const waitingMax = 2_000;
const reportedScopesMax = 1_000;
const closeMsMax: Milliseconds = 2_000;

type LedgerVerdict = BudgetDecision & { readonly from: BudgetLedger };
/** The request gave up its place in the queue before it could try. */
type UntriedVerdict = { readonly type: 'busy'; readonly scope: string; readonly left: undefined; readonly reserved: undefined };

/** Reserves each request's estimated cost in its budgets and rate limits before it runs, and settles it afterwards. */
export class BudgetAdmission {
  readonly #options: BudgetAdmissionOptions;
  readonly #estimator = new CostEstimator();
  /** Waiting requests by tenant, first come first served. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #reportedScopes = new Map<string, BudgetScope>();
  readonly #settling = new Set<Promise<void>>();

  constructor(options: BudgetAdmissionOptions) {
    this.#options = options;
  }

  /** The admission, or the error response. Undefined when no budget or rate limit applies to the caller. */
  admit(request: RoutedRequest, context: RequestContext): Promise<Admission | Refusal | undefined> | undefined {
    const scopes = scopesOf(context.settings, context.key, request.caller);
    return scopes.length === 0 ? undefined : this.#admitWithin(scopes, request, context);
  }

  async #admitWithin(
    scopes: readonly BudgetScope[],
    request: RoutedRequest,
    { settings, runtime }: RequestContext,
  ): Promise<Admission | Refusal> {
    this.#remember(scopes);
    const { unpriced, ...estimate } = this.#estimator.estimate(request, priceLookup(settings, runtime));
    const strict = unpriced === undefined ? undefined : scopes.find(({ budget }) => budget && !budget.allowsUnpriced);
    if (unpriced !== undefined && strict) return priceUnknown(unpriced, strict.name);
    const verdict = await this.#reserve(request, scopes, estimate);
    switch (verdict.type) {
      case 'taken':
        return {
          headers: limitHeaders(scopes, verdict.states),
          settleWhenDone: execution => this.#settleWhenDone(request, execution, verdict.from),
        };
      case 'limited':
        return rateLimitExceeded(verdict);
      case 'spent':
      case 'busy':
        return budgetExceeded({
          scope: verdict.scope,
          budget: scopes.find(({ name }) => name === verdict.scope)!.budget!,
          left: verdict.left,
          reserved: verdict.type === 'busy' ? verdict.reserved : undefined,
          needed: estimate.nanoUsd,
          at: this.#options.clock.now(),
        });
      case 'unavailable':
        return limitsUnavailable;
    }
  }

  /** Of a scope with a budget, in its present period. */
  spendingOf(scope: BudgetScope): Promise<Spending> {
    return this.#options.ledger.spending(scope, this.#options.clock.now());
  }

  /** What is left, in nano-dollars, of each budget that a request has used since the start; budgets of users are left out. */
  async remainingBudgets(): Promise<readonly { readonly scope: string; readonly left: NanoUsd; readonly budget: NanoUsd }[]> {
    const { ledger, clock } = this.#options;
    const at = clock.now();
    return Promise.all(
      [...this.#reportedScopes.values()].map(async scope => {
        const { spent } = await ledger.spending(scope, at);
        const budget = scope.budget!.nanoUsd;
        return { scope: scope.name, left: budget - spent, budget };
      }),
    );
  }

  /** Closes the ledgers after the open settlements, or after two seconds. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.#settling), new Promise(resolve => setTimeout(resolve, closeMsMax).unref())]);
    await Promise.all([this.#options.ledger.close(), this.#options.local.close()]);
  }

  async #reserve(
    request: RoutedRequest,
    scopes: readonly BudgetScope[],
    estimate: CostEstimate,
  ): Promise<LedgerVerdict | UntriedVerdict | { readonly type: 'unavailable' }> {
    const { tenant } = request.caller;
    const until = this.#options.clock.now() + Math.min(waitMsMax, request.policy.deadlineMs);
    const budgeted = scopes.find(({ budget }) => budget);
    let isFirst = !this.#waiting.get(tenant)?.length;
    for (;;) {
      const verdict = isFirst || !budgeted ? await this.#tryReserve(request.id, scopes, estimate) : undefined;
      if (verdict && verdict.type !== 'busy') {
        this.#wakeNext(tenant);
        return verdict;
      }
      const isLate = this.#options.clock.now() >= until || (this.#waiting.get(tenant)?.length ?? 0) >= waitingMax;
      if (isLate) return verdict ?? { type: 'busy', scope: budgeted!.name, left: undefined, reserved: undefined };
      await this.#wait(tenant, isFirst, isFirst ? Math.min(until, this.#options.clock.now() + pollMs) : until);
      isFirst = true;
    }
  }

  async #tryReserve(
    id: string,
    scopes: readonly BudgetScope[],
    estimate: CostEstimate,
  ): Promise<LedgerVerdict | { readonly type: 'unavailable' }> {
    const { ledger, local, clock, onFailed } = this.#options;
    const at = clock.now();
    try {
      return { ...(await ledger.reserve(id, scopes, estimate, at)), from: ledger };
    } catch (problem) {
      if (!(problem instanceof LedgerUnavailable)) throw problem;
      onFailed(problem.message);
    }
    // Budgets fail closed. Rate limits are counted by this gateway alone meanwhile.
    if (scopes.some(({ budget }) => budget)) return { type: 'unavailable' };
    return { ...(await local.reserve(id, scopes, estimate, at)), from: local };
  }

  /** A request that was first in the queue stays first. */
  async #wait(tenant: string, inFront: boolean, until: Instant): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const queue = this.#waiting.get(tenant) ?? [];
    if (inFront) queue.unshift(resolve);
    else queue.push(resolve);
    this.#waiting.set(tenant, queue);
    const cancel = this.#options.clock.at(until, resolve);
    await promise;
    cancel();
    const place = queue.indexOf(resolve);
    if (place >= 0) queue.splice(place, 1);
    if (queue.length === 0 && this.#waiting.get(tenant) === queue) this.#waiting.delete(tenant);
  }

  #wakeNext(tenant: string): void {
    this.#waiting.get(tenant)?.shift()?.();
  }

  #settleWhenDone(request: RoutedRequest, execution: ExecutionHandle, ledger: BudgetLedger): void {
    const settle = async (used: SettledUsage): Promise<void> => {
      await this.#settle(ledger, request.id, used);
      this.#wakeNext(request.caller.tenant);
    };
    const settling = execution.done.then(
      exchange => {
        this.#estimator.learn(exchange);
        const { usage, costNanoUsd = 0 } = exchange;
        return settle({ nanoUsd: costNanoUsd, tokens: (usage?.input ?? 0) + (usage?.output ?? 0) });
      },
      // An internal error left no record, so no usage is known.
      () => settle({ nanoUsd: 0, tokens: 0 }),
    );
    this.#settling.add(settling);
    void settling.finally(() => this.#settling.delete(settling));
  }

  /** Retries while the ledger cannot be reached. After a minute the reservation stays open: the ledger later counts it as spent. */
  async #settle(ledger: BudgetLedger, id: string, used: SettledUsage): Promise<void> {
    const { clock, onFailed } = this.#options;
    for (let waitMs = 100; waitMs < 60_000; waitMs *= 2) {
      try {
        return await ledger.settle(id, used, clock.now());
      } catch (problem) {
        onFailed(problem instanceof Error ? problem.message : String(problem));
        if (!(problem instanceof LedgerUnavailable)) return;
      }
      await new Promise<void>(resolve => clock.at(clock.now() + waitMs, resolve));
    }
  }

  #remember(scopes: readonly BudgetScope[]): void {
    for (const scope of scopes) {
      if (scope.budget && !scope.name.startsWith('user ') && this.#reportedScopes.size < reportedScopesMax)
        this.#reportedScopes.set(scope.name, scope);
    }
  }
}

/** Uses the given ledger, or one in memory. */
export const createBudgetAdmission = (
  { callerLedger, log }: { readonly callerLedger?: BudgetLedger; readonly log: Log },
  clock: Clock,
): BudgetAdmission =>
  new BudgetAdmission({
    clock,
    ledger: callerLedger ?? sqliteLedger(':memory:'),
    local: sqliteLedger(':memory:'),
    onFailed: problem => log.warn(`the budget ledger cannot be reached: ${problem}`),
  });

const priceLookup =
  ({ providers }: Settings, runtime: GatewayRuntime): PriceOfTarget =>
  (target, at) => {
    const name = providerOf(target);
    const account = providers.get(name);
    return account && runtime.priceOf(account.provider, name, target.slice(name.length + 1), at);
  };
