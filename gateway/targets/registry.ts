/** The live state of targets, keys, rate limits and retry budgets, updated by every observation; and the queue of waiting requests. */

import type { TargetView } from '../core/routing/contract.ts';
import type { Cancel, Clock, Instant } from '../core/shared/time.ts';
import { cooldownsAt, OwnHealthMap } from '../core/targets/health.ts';
import { type KeyCooldowns, observeKeyCooldown, providersCoolingDown, usableKeys } from '../core/targets/key-cooldowns.ts';
import type { Observation } from '../core/targets/observation.ts';
import { aheadOf, dequeue, emptyQueue, enqueue, isFull, nextFor, type Queue, type QueueRequest } from '../core/targets/queue.ts';
import {
  earliestReadyAt,
  type KeyRateLimits,
  mayProbe,
  noQueuedDemand,
  observeRateLimitsInPlace,
  type RateLimitPolicy,
} from '../core/targets/rate-limits.ts';
import {
  initialRetryBudget,
  observeRetryBudget,
  type RetryBudget,
  type RetryBudgetPolicy,
  refusedExtraCalls,
} from '../core/targets/retry-budget.ts';
import { providerOf } from '../core/targets/target-name.ts';
import { type Account, type RoutingSettings, routingDefaults } from '../settings/settings.ts';
import { Breaches } from './breaches.ts';
import { Rollouts } from './rollouts.ts';

/** What a queued request needs: its tenant, its tokens, its body's size. */
export type Demand = Pick<QueueRequest, 'tenant' | 'tokens' | 'bytes'>;

/** No request waits so long: the queue is full. */
const never: Instant = Number.MAX_SAFE_INTEGER;
/** An account without resting keys gives the same list each time. */
const fingerprintsOf = new WeakMap<readonly object[], readonly string[]>();
const noWaits: Readonly<Record<string, Instant>> = {};

/** `health` and `limits` change in place; the other parts are replaced by each observation. */
export class TargetRegistry {
  readonly health = new OwnHealthMap();
  keyCooldowns: KeyCooldowns = new Map();
  readonly limits = new Map<string, KeyRateLimits>();
  queue: Queue = emptyQueue;
  retryBudget: RetryBudget = initialRetryBudget();
  readonly rollouts = new Rollouts();
  readonly breaches = new Breaches();
  #accounts: ReadonlyMap<string, Account> = new Map();
  #routing: RoutingSettings = routingDefaults;
  #clock: Clock | undefined;
  #tickets = 0;
  readonly #admitCallbacks = new Map<string, () => void>();
  readonly #timers = new Map<string, Cancel>();

  /** Applies new settings; the state of targets stays. */
  configure(accounts: ReadonlyMap<string, Account>, routing: RoutingSettings, clock: Clock): void {
    this.#accounts = accounts;
    this.#routing = routing;
    this.#clock = clock;
  }

  /** Updates the state, and admits queued requests that the observation makes ready. */
  observe(observation: Observation): void {
    this.health.observe(observation);
    this.keyCooldowns = observeKeyCooldown(this.keyCooldowns, observation);
    observeRateLimitsInPlace(this.limits, observation, this.#limitOf);
    this.retryBudget = observeRetryBudget(this.retryBudget, observation, this.#routing.retryBudget);
    if (this.queue.entries.length > 0) this.#schedule(observation.target);
  }

  get retryBudgetPolicy(): RetryBudgetPolicy {
    return this.#routing.retryBudget;
  }

  readonly #limitOf = (target: string): RateLimitPolicy | undefined => this.limitOf(target);

  /** The configured rate limit of the target: its model's, else its account's. */
  limitOf(target: string): RateLimitPolicy | undefined {
    const limits = this.#accounts.get(providerOf(target))?.limits;
    return limits && (limits.models.get(target.slice(target.indexOf('/') + 1)) ?? limits.account);
  }

  /** By target or provider: until when it is cooling down or its circuit is open. */
  cooldowns(at: Instant): TargetView['closed'] {
    const targets = cooldownsAt(this.health, at);
    return this.keyCooldowns.size === 0 ? targets : { ...targets, ...providersCoolingDown(this.#accounts.values(), this.keyCooldowns, at) };
  }

  /** Until when each of these targets makes such a request wait, and which extra calls the retry budget refuses. */
  view(targets: readonly string[], demand: Demand, at: Instant): Omit<TargetView, 'closed'> {
    return { waits: this.#waits(targets, demand, at), spent: refusedExtraCalls(this.retryBudget, at, this.#routing.retryBudget) };
  }

  #waits(targets: readonly string[], { tenant, tokens, bytes }: Demand, at: Instant): Readonly<Record<string, Instant>> {
    // A limit is tracked from its first call on, and the first call never waits.
    if (this.limits.size === 0 && this.queue.entries.length === 0) return noWaits;
    let waits: Record<string, Instant> | undefined;
    for (const target of targets) {
      const ahead = this.queue.entries.length === 0 ? noQueuedDemand : aheadOf(this.queue, target, tenant);
      const ready = earliestReadyAt(this.limits, target, this.#credentials(target, at), tokens, ahead, at);
      const until = ahead.requests > 0 ? Math.max(ready, at + 1) : ready;
      if (until <= at) continue;
      waits ??= {};
      waits[target] = isFull(this.queue, bytes, this.#routing.queue) ? never : until;
    }
    return waits ? this.#withProbe(waits, targets, at) : noWaits;
  }

  /** Where every target waits, the first that was left alone for half a minute may be tried. */
  #withProbe(waits: Record<string, Instant>, targets: readonly string[], at: Instant): Readonly<Record<string, Instant>> {
    const closed = this.cooldowns(at);
    const isOpen = (target: string): boolean => (closed[target] ?? 0) <= at && (closed[providerOf(target)] ?? 0) <= at;
    if (targets.some(target => waits[target] === undefined && isOpen(target))) return waits;
    const isDue = (target: string): boolean => {
      const credentials = this.#credentials(target, at);
      return (credentials.length === 0 ? [''] : credentials).some(credential => mayProbe(this.limits, target, credential, at));
    };
    const due = targets.find(target => waits[target] !== undefined && isOpen(target) && isDue(target));
    if (due === undefined) return waits;
    const { [due]: _, ...others } = waits;
    return others;
  }

  #credentials(target: string, at: Instant): readonly string[] {
    const account = this.#accounts.get(providerOf(target));
    if (!account) return [];
    const keys = usableKeys(account, this.keyCooldowns, at);
    let fingerprints = fingerprintsOf.get(keys);
    if (!fingerprints) {
      fingerprints = keys.map(key => key.fingerprint);
      fingerprintsOf.set(keys, fingerprints);
    }
    return fingerprints;
  }

  /** Queues a request for the target; `admitted` is called at its turn. The returned function leaves the queue. */
  enqueue(target: string, demand: Demand, admitted: () => void): Cancel {
    const id = String(++this.#tickets);
    this.queue = enqueue(this.queue, { ...demand, id, target });
    this.#admitCallbacks.set(id, admitted);
    this.#schedule(target);
    return () => {
      if (this.#admitCallbacks.delete(id)) this.queue = dequeue(this.queue, id, false);
      this.#schedule(target);
    };
  }

  /** Sets the timer for the target's next request. */
  #schedule(target: string): void {
    this.#timers.get(target)?.();
    this.#timers.delete(target);
    const next = nextFor(this.queue, target);
    if (!next || !this.#clock) return;
    const now = this.#clock.now();
    const ready = earliestReadyAt(this.limits, target, this.#credentials(target, now), next.tokens, noQueuedDemand, now);
    this.#timers.set(
      target,
      this.#clock.at(ready, () => this.#admitNext(target)),
    );
  }

  /** `admit` starts the call, which takes from the limit synchronously, before the next request is scheduled. */
  #admitNext(target: string): void {
    this.#timers.delete(target);
    const next = nextFor(this.queue, target);
    const now = this.#clock!.now();
    if (!next) return;
    const isReady = earliestReadyAt(this.limits, target, this.#credentials(target, now), next.tokens, noQueuedDemand, now) <= now;
    if (isReady) {
      const admit = this.#admitCallbacks.get(next.id)!;
      this.#admitCallbacks.delete(next.id);
      this.queue = dequeue(this.queue, next.id, true);
      admit();
    }
    this.#schedule(target);
  }
}
