import type { BudgetDecision, BudgetScope, CostEstimate } from '../core/money/budget.ts';
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

export interface Admission {
  /** What its answer says of the limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles the reservation when the asking has ended. */
  settleWhenDone(execution: ExecutionHandle): void;
}

export interface BudgetAdmissionOptions {
  readonly clock: Clock;
  readonly ledger: BudgetLedger;
  /** For rates alone, while nobody can reach the ledger. */
  readonly local: BudgetLedger;
  failed(problem: string): void;
}

/** A request whose money others have reserved waits so long for them to end. */
const waitMsMax: Milliseconds = 10_000;
/** Another gateway's settlements are not heard of. */
const pollMs: Milliseconds = 200;
const waitingMax = 2_000;
const reportedScopesMax = 1_000;
const closeMsMax: Milliseconds = 2_000;

type LedgerVerdict = BudgetDecision & { readonly from: BudgetLedger };

export class BudgetAdmission {
  readonly #options: BudgetAdmissionOptions;
  readonly #estimator = new CostEstimator();
  /** By tenant, in the order they came. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #reportedScopes = new Map<string, BudgetScope>();
  readonly #settling = new Set<Promise<void>>();

  constructor(options: BudgetAdmissionOptions) {
    this.#options = options;
  }

  /** Undefined when nothing limits the caller. */
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
        return budgetExceeded(verdict.scope);
      case 'unavailable':
        return limitsUnavailable;
    }
  }

  /** What is left of the budgets that were asked for since the start. */
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

  /** After what is under way has been settled, or could not be in its time. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.#settling), new Promise(resolve => setTimeout(resolve, closeMsMax).unref())]);
    await Promise.all([this.#options.ledger.close(), this.#options.local.close()]);
  }

  async #reserve(
    request: RoutedRequest,
    scopes: readonly BudgetScope[],
    estimate: CostEstimate,
  ): Promise<LedgerVerdict | { readonly type: 'unavailable' }> {
    const { tenant } = request.caller;
    const until = this.#options.clock.now() + Math.min(waitMsMax, request.policy.deadlineMs);
    const hasMoney = scopes.some(({ budget }) => budget);
    let isFirst = !this.#waiting.get(tenant)?.length;
    for (;;) {
      const verdict = isFirst || !hasMoney ? await this.#tryReserve(request.id, scopes, estimate) : undefined;
      if (verdict && verdict.type !== 'busy') {
        this.#wakeNext(tenant);
        return verdict;
      }
      const isLate = this.#options.clock.now() >= until || (this.#waiting.get(tenant)?.length ?? 0) >= waitingMax;
      if (isLate) return verdict ?? { type: 'busy', scope: `tenant ${tenant}`, from: this.#options.ledger };
      await this.#wait(tenant, isFirst, isFirst ? Math.min(until, this.#options.clock.now() + pollMs) : until);
      isFirst = true;
    }
  }

  async #tryReserve(
    id: string,
    scopes: readonly BudgetScope[],
    estimate: CostEstimate,
  ): Promise<LedgerVerdict | { readonly type: 'unavailable' }> {
    const { ledger, local, clock, failed } = this.#options;
    const at = clock.now();
    try {
      return { ...(await ledger.reserve(id, scopes, estimate, at)), from: ledger };
    } catch (problem) {
      if (!(problem instanceof LedgerUnavailable)) throw problem;
      failed(problem.message);
    }
    // Money fails closed; of rates this gateway keeps its own count meanwhile.
    if (scopes.some(({ budget }) => budget)) return { type: 'unavailable' };
    return { ...(await local.reserve(id, scopes, estimate, at)), from: local };
  }

  /** Who was first before stays first. */
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
      // A mistake of ours left no record: nothing says that anything was used.
      () => settle({ nanoUsd: 0, tokens: 0 }),
    );
    this.#settling.add(settling);
    void settling.finally(() => this.#settling.delete(settling));
  }

  /** A ledger that is away for a moment is told later; one that stays away finds the reservation itself, and counts it as spent. */
  async #settle(ledger: BudgetLedger, id: string, used: SettledUsage): Promise<void> {
    const { clock, failed } = this.#options;
    for (let waitMs = 100; waitMs < 60_000; waitMs *= 2) {
      try {
        return await ledger.settle(id, used, clock.now());
      } catch (problem) {
        failed(problem instanceof Error ? problem.message : String(problem));
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

/** Without a ledger of its own a gateway counts in memory. */
export const createBudgetAdmission = (
  { callerLedger, log }: { readonly callerLedger?: BudgetLedger; readonly log: Log },
  clock: Clock,
): BudgetAdmission =>
  new BudgetAdmission({
    clock,
    ledger: callerLedger ?? sqliteLedger(':memory:'),
    local: sqliteLedger(':memory:'),
    failed: problem => log.warn(`budgets and limits cannot be looked up: ${problem}`),
  });

const priceLookup =
  ({ providers }: Settings, runtime: GatewayRuntime): PriceOfTarget =>
  (target, at) => {
    const name = providerOf(target);
    const account = providers.get(name);
    return account && runtime.priceOf(account.provider, name, target.slice(name.length + 1), at);
  };
