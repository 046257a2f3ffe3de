import type { Need, Scope, Verdict } from '../core/budget.ts';
import type { NanoUsd } from '../core/price.ts';
import { providerOf } from '../core/target.ts';
import type { Clock, Instant, Milliseconds } from '../core/time.ts';
import type { ExecutionHandle, GatewayRuntime, RequestContext, RoutedRequest } from '../exchange/execute.ts';
import type { Refusal } from '../exchange/refusal.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { type Ledger, LedgerUnavailable, type Used } from './ledger.ts';
import { Needs, type PriceOfTarget } from './need.ts';
import { limitHeaders, limitsUnavailable, overBudget, priceUnknown, tooFast } from './refusals.ts';
import { scopesOf } from './scopes.ts';
import { sqliteLedger } from './sqlite-ledger.ts';

export interface Admission {
  /** What its answer says of the limits. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles the reservation when the asking has ended. */
  follow(asking: ExecutionHandle): void;
}

export interface PurseOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** For rates alone, while nobody can reach the ledger. */
  readonly local: Ledger;
  failed(problem: string): void;
}

/** A request whose money others have reserved waits so long for them to end. */
const waitMsMax: Milliseconds = 10_000;
/** Another gateway's settlements are not heard of. */
const lookMs: Milliseconds = 200;
const waitingMax = 2_000;
const seenMax = 1_000;
const closeMsMax: Milliseconds = 2_000;

type Judged = Verdict & { readonly from: Ledger };

export class Purse {
  readonly #options: PurseOptions;
  readonly #needs = new Needs();
  /** By tenant, in the order they came. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #seen = new Map<string, Scope>();
  readonly #settling = new Set<Promise<void>>();

  constructor(options: PurseOptions) {
    this.#options = options;
  }

  /** Undefined when nothing limits the caller. */
  async admit(question: RoutedRequest, { key, settings, runtime }: RequestContext): Promise<Admission | Refusal | undefined> {
    const scopes = scopesOf(settings, key, question.caller);
    if (scopes.length === 0) return undefined;
    this.#remember(scopes);
    const { unpriced, ...need } = this.#needs.of(question, pricesIn(settings, runtime));
    const strict = unpriced === undefined ? undefined : scopes.find(({ budget }) => budget && !budget.allowsUnpriced);
    if (unpriced !== undefined && strict) return priceUnknown(unpriced, strict.name);
    const verdict = await this.#reserve(question, scopes, need);
    switch (verdict.type) {
      case 'taken':
        return {
          headers: limitHeaders(scopes, verdict.states),
          follow: asking => this.#follow(question, asking, verdict.from),
        };
      case 'limited':
        return tooFast(verdict);
      case 'spent':
      case 'busy':
        return overBudget(verdict.scope);
      case 'unavailable':
        return limitsUnavailable;
    }
  }

  /** What is left of the budgets that were asked for since the start. */
  async left(): Promise<readonly { readonly scope: string; readonly left: NanoUsd; readonly budget: NanoUsd }[]> {
    const { ledger, clock } = this.#options;
    const at = clock.now();
    return Promise.all(
      [...this.#seen.values()].map(async scope => {
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

  async #reserve(question: RoutedRequest, scopes: readonly Scope[], need: Need): Promise<Judged | { readonly type: 'unavailable' }> {
    const { tenant } = question.caller;
    const until = this.#options.clock.now() + Math.min(waitMsMax, question.policy.deadlineMs);
    const hasMoney = scopes.some(({ budget }) => budget);
    let isFirst = !this.#waiting.get(tenant)?.length;
    for (;;) {
      const verdict = isFirst || !hasMoney ? await this.#try(question.id, scopes, need) : undefined;
      if (verdict && verdict.type !== 'busy') {
        this.#wake(tenant);
        return verdict;
      }
      const isLate = this.#options.clock.now() >= until || (this.#waiting.get(tenant)?.length ?? 0) >= waitingMax;
      if (isLate) return verdict ?? { type: 'busy', scope: `tenant ${tenant}`, from: this.#options.ledger };
      await this.#wait(tenant, isFirst, isFirst ? Math.min(until, this.#options.clock.now() + lookMs) : until);
      isFirst = true;
    }
  }

  async #try(id: string, scopes: readonly Scope[], need: Need): Promise<Judged | { readonly type: 'unavailable' }> {
    const { ledger, local, clock, failed } = this.#options;
    const at = clock.now();
    try {
      return { ...(await ledger.reserve(id, scopes, need, at)), from: ledger };
    } catch (problem) {
      if (!(problem instanceof LedgerUnavailable)) throw problem;
      failed(problem.message);
    }
    // Money fails closed; of rates this gateway keeps its own count meanwhile.
    if (scopes.some(({ budget }) => budget)) return { type: 'unavailable' };
    return { ...(await local.reserve(id, scopes, need, at)), from: local };
  }

  /** Who was first before stays first. */
  async #wait(tenant: string, inFront: boolean, until: Instant): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const line = this.#waiting.get(tenant) ?? [];
    if (inFront) line.unshift(resolve);
    else line.push(resolve);
    this.#waiting.set(tenant, line);
    const cancel = this.#options.clock.at(until, resolve);
    await promise;
    cancel();
    const place = line.indexOf(resolve);
    if (place >= 0) line.splice(place, 1);
    if (line.length === 0 && this.#waiting.get(tenant) === line) this.#waiting.delete(tenant);
  }

  #wake(tenant: string): void {
    this.#waiting.get(tenant)?.shift()?.();
  }

  #follow(question: RoutedRequest, asking: ExecutionHandle, ledger: Ledger): void {
    const settle = async (used: Used): Promise<void> => {
      await this.#settled(ledger, question.id, used);
      this.#wake(question.caller.tenant);
    };
    const settling = asking.done.then(
      exchange => {
        this.#needs.learn(exchange);
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
  async #settled(ledger: Ledger, id: string, used: Used): Promise<void> {
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

  #remember(scopes: readonly Scope[]): void {
    for (const scope of scopes) {
      if (scope.budget && !scope.name.startsWith('user ') && this.#seen.size < seenMax) this.#seen.set(scope.name, scope);
    }
  }
}

/** Without a ledger of its own a gateway counts in memory. */
export const openPurse = ({ callerLedger, log }: { readonly callerLedger?: Ledger; readonly log: Log }, clock: Clock): Purse =>
  new Purse({
    clock,
    ledger: callerLedger ?? sqliteLedger(':memory:'),
    local: sqliteLedger(':memory:'),
    failed: problem => log.warn(`budgets and limits cannot be looked up: ${problem}`),
  });

const pricesIn =
  ({ providers }: Settings, world: GatewayRuntime): PriceOfTarget =>
  (target, at) => {
    const name = providerOf(target);
    const account = providers.get(name);
    return account && world.priceOf(account.provider, name, target.slice(name.length + 1), at);
  };
