/** What is known of targets, keys, limits and allowances, folded from every observation; and the gate at which requests wait their turn. */
import { type Allowance, type AllowancePolicy, fullAllowance, observeAllowance, spentAt } from '../core/allowance.ts';
import { closedAt, type Observation, observeHere, type TargetHealth } from '../core/fleet.ts';
import { closedByKeys, type Keyring, observeKey, usableKeys } from '../core/keyring.ts';
import { type KeyLimits, type LimitPolicy, nothing, observeLimitsHere, soonestReady } from '../core/limits.ts';
import { type Arrival, aheadOf, dequeue, emptyQueue, enqueue, isFull, nextFor, type Queue } from '../core/queue.ts';
import type { Sight } from '../core/routing.ts';
import { providerOf } from '../core/target.ts';
import type { Cancel, Clock, Instant } from '../core/time.ts';
import { type Account, type RoutingSettings, routingDefaults } from '../settings/settings.ts';
import { Rollouts } from './rollouts.ts';

/** A request that may have to wait: who asks, and how much it takes. */
export type Wants = Pick<Arrival, 'tenant' | 'tokens' | 'bytes'>;

/** Longer than anybody waits: the queue is full. */
const never: Instant = Number.MAX_SAFE_INTEGER;
const noWaits: Readonly<Record<string, Instant>> = {};

/** What is known of targets and of limits changes in place; each other part is replaced as a whole. */
export class FleetState {
  readonly fleet = new Map<string, TargetHealth>();
  ring: Keyring = new Map();
  readonly limits = new Map<string, KeyLimits>();
  queue: Queue = emptyQueue;
  allowance: Allowance = fullAllowance();
  readonly rollouts = new Rollouts();
  #accounts: ReadonlyMap<string, Account> = new Map();
  #routing: RoutingSettings = routingDefaults;
  #clock: Clock | undefined;
  #tickets = 0;
  readonly #admit = new Map<string, () => void>();
  readonly #timers = new Map<string, Cancel>();

  /** What is known stays; who may be asked, and how often, is as these settings say. */
  configure(accounts: ReadonlyMap<string, Account>, routing: RoutingSettings, clock: Clock): void {
    this.#accounts = accounts;
    this.#routing = routing;
    this.#clock = clock;
  }

  observe(seen: Observation): void {
    observeHere(this.fleet, seen);
    this.ring = observeKey(this.ring, seen);
    observeLimitsHere(this.limits, seen, this.#limitOf);
    this.allowance = observeAllowance(this.allowance, seen, this.#routing.allowance);
    if (this.queue.tickets.length > 0) this.#arm(seen.target);
  }

  get allowancePolicy(): AllowancePolicy {
    return this.#routing.allowance;
  }

  readonly #limitOf = (target: string): LimitPolicy | undefined => this.limitOf(target);

  limitOf(target: string): LimitPolicy | undefined {
    const limits = this.#accounts.get(providerOf(target))?.limits;
    return limits && (limits.models.get(target.slice(target.indexOf('/') + 1)) ?? limits.account);
  }

  closed(at: Instant): Sight['closed'] {
    const closed = closedAt(this.fleet, at);
    return this.ring.size === 0 ? closed : { ...closed, ...closedByKeys(this.#accounts.values(), this.ring, at) };
  }

  /** For how long these targets let such a request wait, and what extra calls are refused. */
  look(targets: readonly string[], wants: Wants, at: Instant): Omit<Sight, 'closed'> {
    return { waits: this.#waits(targets, wants, at), spent: spentAt(this.allowance, at, this.#routing.allowance) };
  }

  #waits(targets: readonly string[], { tenant, tokens, bytes }: Wants, at: Instant): Readonly<Record<string, Instant>> {
    // A configured limit counts from the first call on, which nothing holds up.
    if (this.limits.size === 0 && this.queue.tickets.length === 0) return noWaits;
    let waits: Record<string, Instant> | undefined;
    for (const target of targets) {
      const ahead = aheadOf(this.queue, target, tenant);
      const ready = soonestReady(this.limits, target, this.#credentials(target, at), tokens, ahead, at);
      const until = ahead.requests > 0 ? Math.max(ready, at + 1) : ready;
      if (until <= at) continue;
      waits ??= {};
      waits[target] = isFull(this.queue, bytes, this.#routing.queue) ? never : until;
    }
    return waits ?? noWaits;
  }

  #credentials(target: string, at: Instant): readonly string[] {
    const account = this.#accounts.get(providerOf(target));
    return account ? usableKeys(account, this.ring, at).map(key => key.fingerprint) : [];
  }

  /** Takes a place; `admitted` is called when its turn has come. What is given back leaves the place. */
  enter(target: string, wants: Wants, admitted: () => void): Cancel {
    const id = String(++this.#tickets);
    this.queue = enqueue(this.queue, { ...wants, id, target });
    this.#admit.set(id, admitted);
    this.#arm(target);
    return () => {
      if (this.#admit.delete(id)) this.queue = dequeue(this.queue, id, false);
      this.#arm(target);
    };
  }

  /** Sets the timer for the one whose turn is next at this target. */
  #arm(target: string): void {
    this.#timers.get(target)?.();
    this.#timers.delete(target);
    const next = nextFor(this.queue, target);
    if (!next || !this.#clock) return;
    const now = this.#clock.now();
    const ready = soonestReady(this.limits, target, this.#credentials(target, now), next.tokens, nothing, now);
    this.#timers.set(
      target,
      this.#clock.at(ready, () => this.#letIn(target)),
    );
  }

  /** Its call takes from the limit as it is asked, within this very call, before the next one's turn is reckoned. */
  #letIn(target: string): void {
    this.#timers.delete(target);
    const next = nextFor(this.queue, target);
    const now = this.#clock!.now();
    if (!next) return;
    const isReady = soonestReady(this.limits, target, this.#credentials(target, now), next.tokens, nothing, now) <= now;
    if (isReady) {
      const admit = this.#admit.get(next.id)!;
      this.#admit.delete(next.id);
      this.queue = dequeue(this.queue, next.id, true);
      admit();
    }
    this.#arm(target);
  }
}
