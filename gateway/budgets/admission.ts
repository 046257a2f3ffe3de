/** Admission of requests by budgets and rate limits: reserve before the request runs, settle when it has ended. */
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import type { Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import { providerOf } from '../core/targets/target-name.ts';
import type { ExecutionHandle, GatewayRuntime, RequestContext, RoutedRequest } from '../exchange/contract.ts';
import type { Refusal } from '../exchange/response/refusal.ts';
import { targetsOf } from '../exchange/routed-request.ts';
import type { BudgetLevel } from '../observability/metrics.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { Webhooks } from '../transport/webhooks.ts';
import { BudgetNotices } from './budget-notices.ts';
import { CostEstimator, type PricedEstimate, type PriceOfTarget } from './cost-estimate.ts';
import { budgetExceeded, budgetWarning, limitHeaders, limitsUnavailable, priceUnknown, rateLimitExceeded } from './error-responses.ts';
import { type BudgetLedger, LedgerUnavailable, type Reservation, type SettledUsage } from './ledger.ts';
import { type MatchedScope, scopesOf, spentByScope, withoutSpent } from './scopes.ts';
import { sqliteLedger } from './sqlite-ledger.ts';

/** A request that its budgets and rate limits admit. */
export interface Admission {
  /** `x-ratelimit-*` headers of its response, and `x-hindcast-budget-warning`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles the reservation when the execution has ended. */
  settleWhenDone(execution: ExecutionHandle): void;
}

export interface BudgetAdmissionOptions {
  readonly clock: Clock;
  readonly ledger: BudgetLedger;
  /** Counts rate limits while the ledger cannot be reached, and budgets with `state.when_down: local`. */
  readonly local: BudgetLedger;
  /** Is told of budgets that are exceeded or nearly so. */
  readonly notices?: BudgetNotices;
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

type LedgerVerdict = BudgetDecision & { readonly from: BudgetLedger; readonly at: Instant };
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
    const scopes = scopesOf(context.settings, context.key, request.caller, context.settings.budgets && targetsOf(request.policy));
    return scopes.length === 0 ? undefined : this.#admitWithin(scopes, request, context);
  }

  async #admitWithin(
    matched: readonly MatchedScope[],
    request: RoutedRequest,
    { settings, runtime }: RequestContext,
  ): Promise<Admission | Refusal> {
    const estimate = this.#estimator.estimate(request, priceLookup(settings, runtime));
    const scopes = matched.map(({ matches, ...scope }) => (matches ? { ...scope, estimated: estimate.costOf(matches) } : scope));
    this.#remember(scopes);
    const { unpriced } = estimate;
    const strict = unpriced === undefined ? undefined : scopes.find(({ budget }) => budget && !budget.allowsUnpriced);
    if (unpriced !== undefined && strict) return priceUnknown(unpriced, strict.name);
    const verdict = await this.#reserve(request, scopes, estimate, settings.state.whenDown === 'local');
    const at = this.#options.clock.now();
    switch (verdict.type) {
      case 'taken': {
        const warning = budgetWarning(scopes, verdict.states, at);
        if (warning !== undefined) this.#options.notices?.warn(scopes, verdict.states, settings, at);
        const headers = limitHeaders(scopes, verdict.states);
        const reservation = { id: request.id, scopes, at: verdict.at };
        return {
          headers: warning === undefined ? headers : { ...headers, 'x-hindcast-budget-warning': warning },
          settleWhenDone: execution => this.#settleWhenDone({ request, matched, reservation, execution, ledger: verdict.from }),
        };
      }
      case 'limited':
        return rateLimitExceeded(verdict);
      case 'spent':
      case 'busy':
        return this.#exceeded(verdict, scopes, estimate, settings);
      case 'unavailable':
        return limitsUnavailable;
    }
  }

  #exceeded(
    verdict: (BudgetDecision & { readonly type: 'spent' | 'busy' }) | UntriedVerdict,
    scopes: readonly BudgetScope[],
    estimate: PricedEstimate,
    settings: Settings,
  ): Refusal {
    const at = this.#options.clock.now();
    const scope = scopes.find(({ name }) => name === verdict.scope)!;
    if (verdict.type === 'spent') this.#options.notices?.exceeded(scope, verdict.left, settings, at);
    return budgetExceeded({
      scope: verdict.scope,
      budget: scope.budget!,
      left: verdict.left,
      reserved: verdict.type === 'busy' ? verdict.reserved : undefined,
      needed: scope.estimated ?? estimate.nanoUsd,
      at,
    });
  }

  /** Why limits are not counted as they should be; [] while they are. */
  warnings(): readonly string[] {
    const since = this.#options.ledger.unreachableSince?.();
    if (since === undefined) return [];
    return [
      `the Redis of state.url has not answered since ${new Date(since).toISOString()}: budgets and limits are not counted over all gateways`,
    ];
  }

  /** Of a scope with a budget, in its present period. */
  spendingOf(scope: BudgetScope): Promise<Spending> {
    return this.#options.ledger.spending(scope, this.#options.clock.now());
  }

  /** What is left, in nano-dollars, of each budget that a request has used since the start; budgets of users are left out. */
  async remainingBudgets(): Promise<readonly BudgetLevel[]> {
    const { ledger, clock } = this.#options;
    const at = clock.now();
    return Promise.all(
      [...this.#reportedScopes.values()].map(async scope => {
        const { spent } = await ledger.spending(scope, at);
        const { nanoUsd: budget, warnAt } = scope.budget!;
        return { scope: scope.name, left: budget - spent, budget, isWarned: warnAt !== undefined && spent >= warnAt * budget };
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
    countsLocally: boolean,
  ): Promise<LedgerVerdict | UntriedVerdict | { readonly type: 'unavailable' }> {
    const { tenant } = request.caller;
    const until = this.#options.clock.now() + Math.min(waitMsMax, request.policy.deadlineMs);
    const budgeted = scopes.find(({ budget }) => budget);
    let isFirst = !this.#waiting.get(tenant)?.length;
    for (;;) {
      const verdict = isFirst || !budgeted ? await this.#tryReserve(request.id, scopes, estimate, countsLocally) : undefined;
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
    countsLocally: boolean,
  ): Promise<LedgerVerdict | { readonly type: 'unavailable' }> {
    const { ledger, local, clock, onFailed } = this.#options;
    const at = clock.now();
    try {
      return { ...(await ledger.reserve(id, scopes, estimate, at)), from: ledger, at };
    } catch (problem) {
      if (!(problem instanceof LedgerUnavailable)) throw problem;
      onFailed(problem.message);
    }
    // Budgets fail closed unless the operator wants otherwise. Rate limits are counted by this gateway alone meanwhile.
    if (!countsLocally && scopes.some(({ budget }) => budget)) return { type: 'unavailable' };
    return {
      ...(await local.reserve(
        id,
        scopes.map(scope => withoutSpent(scope, ledger, at)),
        estimate,
        at,
      )),
      from: local,
      at,
    };
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

  #settleWhenDone({ request, matched, reservation, execution, ledger }: OpenAdmission): void {
    const settle = async (used: SettledUsage): Promise<void> => {
      const { ledger: shared } = this.#options;
      // What was counted here alone is told to the shared ledger when it is back.
      if (ledger !== shared) void this.#settle(shared, reservation, used);
      await this.#settle(ledger, reservation, used);
      this.#wakeNext(request.caller.tenant);
    };
    const settling = execution.done.then(
      exchange => {
        this.#estimator.learn(request, exchange);
        const { usage, costNanoUsd = 0 } = exchange;
        const byScope = spentByScope(matched, exchange);
        return settle({ nanoUsd: costNanoUsd, tokens: (usage?.input ?? 0) + (usage?.output ?? 0), ...(byScope ? { byScope } : {}) });
      },
      // An internal error left no record, so no usage is known.
      () => settle({ nanoUsd: 0, tokens: 0 }),
    );
    this.#settling.add(settling);
    void settling.finally(() => this.#settling.delete(settling));
  }

  /** Retries while the ledger cannot be reached. After a minute the reservation stays open: the ledger later counts it as spent. */
  async #settle(ledger: BudgetLedger, reservation: Reservation, used: SettledUsage): Promise<void> {
    const { clock, onFailed } = this.#options;
    for (let waitMs = 100; waitMs < 60_000; waitMs *= 2) {
      try {
        return await ledger.settle(reservation, used);
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

interface OpenAdmission {
  readonly request: RoutedRequest;
  readonly matched: readonly MatchedScope[];
  readonly reservation: Reservation;
  readonly execution: ExecutionHandle;
  readonly ledger: BudgetLedger;
}

/** Uses the given ledger, or one in memory. */
export const createBudgetAdmission = (
  { callerLedger = sqliteLedger(':memory:'), log }: { readonly callerLedger?: BudgetLedger; readonly log: Log },
  clock: Clock,
  webhooks?: Webhooks,
): BudgetAdmission =>
  new BudgetAdmission({
    clock,
    ledger: callerLedger,
    local: sqliteLedger(':memory:'),
    notices: new BudgetNotices(callerLedger, webhooks),
    onFailed: problem => log.warn(`the budget ledger cannot be reached: ${problem}`),
  });

const priceLookup =
  ({ providers }: Settings, runtime: GatewayRuntime): PriceOfTarget =>
  (target, at) => {
    const name = providerOf(target);
    const account = providers.get(name);
    return account && runtime.priceOf(account.provider, name, target.slice(name.length + 1), at);
  };
