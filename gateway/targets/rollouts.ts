/** The staged rollouts of all variants, advanced by their routes' exchanges. A store keeps them over restarts; a changed policy or route restarts the rollout. */
import { createHash } from 'node:crypto';
import type { Exchange } from '../core/exchange.ts';
import { beginRollout, observeRollout, type Rollout, type RolloutPolicy, type RolloutSample, shareAt } from '../core/routing/rollout.ts';
import type { Variant } from '../core/routing/variants.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import type { Route } from '../settings/settings.ts';
import type { RolloutStore } from './rollout-store.ts';

interface ActiveRollout {
  readonly route: string;
  readonly variant: string;
  readonly policy: RolloutPolicy;
  /** The name in the store. It hashes the policy and the variant's route, so that a change of either restarts the rollout. */
  readonly name: string;
  /** Undefined until the store has answered; the variant gets no request before. */
  rollout: Rollout | undefined;
  /** Samples of this process that the store does not have yet. */
  readonly pending: RolloutSample[];
  isReported: boolean;
}

export interface Rollback {
  readonly route: string;
  readonly variant: string;
  readonly why: string;
}

/** The store of the rollouts. `onFailed` gets each store error. */
export interface RolloutPersistence {
  readonly store: RolloutStore;
  readonly clock: Clock;
  onFailed(problem: string): void;
}

const syncEveryMs: Milliseconds = 1_000;
const pendingMax = 2_000;
const readyMsMax: Milliseconds = 2_000;

/** All rollouts of the configuration, with shared state when there is a store. */
export class Rollouts {
  /** By route and variant. */
  #active = new Map<string, ActiveRollout>();
  #persistence: RolloutPersistence | undefined;
  #timer: Cancel | undefined;
  #syncing: Promise<unknown> = Promise.resolve();
  readonly #rollbacks: Rollback[] = [];

  /** Sets the store; call it before the first `configure`. */
  persistTo(persistence: RolloutPersistence | undefined): void {
    this.#persistence = persistence;
  }

  configure(routes: ReadonlyMap<string, Route>, at: Instant): void {
    const next = new Map<string, ActiveRollout>();
    for (const { name: route, variants = [] } of routes.values()) {
      for (const { route: variant, rollout: policy } of variants) {
        if (!policy) continue;
        const key = keyOf(route, variant);
        const name = `${key} ${fingerprint([policy, routes.get(variant)])}`;
        const before = this.#active.get(key);
        const rollout = this.#persistence ? undefined : beginRollout(at);
        next.set(key, before?.name === name ? before : { route, variant, policy, name, rollout, pending: [], isReported: false });
      }
    }
    this.#active = next;
    if (this.#persistence && next.size > 0) this.#sync();
  }

  /** Resolves when the store has answered, or after two seconds. */
  async ready(): Promise<void> {
    await Promise.race([this.#syncing, new Promise(resolve => setTimeout(resolve, readyMsMax).unref())]);
  }

  /** The share of requests that the variant gets now, from 0 to 1. */
  shareOf(route: string, variant: Variant): number {
    const active = this.#active.get(keyOf(route, variant.route));
    if (!active) return variant.share;
    return active.rollout ? shareAt(active.rollout, active.policy) : 0;
  }

  /** Counts an ended exchange and returns new rollbacks. Cancelled requests and client errors do not count: the caller caused them. */
  observe({ policy, outcome, receivedAt, endedAt, costNanoUsd }: Exchange): readonly Rollback[] {
    if (this.#active.size === 0 || outcome === 'cancelled' || outcome === 'client_error') return [];
    for (const active of this.#active.values()) {
      const taken = policy.variant?.name;
      if (active.route !== policy.name || (taken !== undefined && taken !== active.variant)) continue;
      const observation = {
        isVariant: taken !== undefined,
        at: endedAt,
        failed: outcome !== 'ok',
        totalMs: endedAt - receivedAt,
        costNanoUsd,
      };
      if (active.rollout) this.#apply(active, observeRollout(active.rollout, observation, active.policy));
      if (!this.#persistence) continue;
      if (active.pending.length < pendingMax) active.pending.push(observation);
      this.#timer ??= this.#persistence.clock.at(this.#persistence.clock.now() + syncEveryMs, () => this.#sync());
    }
    return this.#rollbacks.splice(0);
  }

  #apply(active: ActiveRollout, rollout: Rollout): void {
    active.rollout = rollout;
    const { rolledBack } = rollout;
    if (!rolledBack || active.isReported) return;
    active.isReported = true;
    this.#rollbacks.push({ route: active.route, variant: active.variant, why: rolledBack.why });
  }

  /** Syncs run one after the other, so that no sample is counted twice. */
  #sync(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#syncing = this.#syncing.then(() => Promise.all([...this.#active.values()].map(active => this.#syncOne(active))));
  }

  async #syncOne(active: ActiveRollout): Promise<void> {
    const { store, clock, onFailed } = this.#persistence!;
    const { policy, pending } = active;
    if (active.rollout && pending.length === 0) return;
    const batch = pending.splice(0);
    const fold = (before: Rollout, observations: readonly RolloutSample[]): Rollout =>
      observations.reduce((rollout, one) => observeRollout(rollout, one, policy), before);
    try {
      let known: Rollout | undefined;
      const stored = await store.update(active.name, before => {
        known = before;
        return fold(before ?? beginRollout(clock.now()), batch);
      });
      // The gateway that rolled it back has reported it.
      if (known?.rolledBack) active.isReported = true;
      this.#apply(active, fold(stored, pending));
    } catch (problem) {
      pending.unshift(...batch.slice(0, pendingMax - pending.length));
      onFailed(problem instanceof Error ? problem.message : String(problem));
      this.#timer ??= clock.at(clock.now() + syncEveryMs, () => this.#sync());
    }
  }

  report() {
    return [...this.#active.values()].map(({ route, variant, policy, rollout }) => ({
      route,
      variant,
      share: rollout ? shareAt(rollout, policy) : 0,
      stage: (rollout?.stage ?? 0) + 1,
      stages: policy.stages.length,
      requests: rollout?.variant.count ?? 0,
      failures: rollout?.variant.failures ?? 0,
      rolled_back: rollout ? (rollout.rolledBack?.why ?? null) : 'unknown: the state store does not respond',
    }));
  }

  async close(): Promise<void> {
    if (!this.#persistence) return;
    this.#sync();
    await this.ready();
    // Samples that could not be stored are dropped.
    this.#timer?.();
    await this.#persistence.store.close();
  }
}

const keyOf = (route: string, variant: string): string => `${route} ${variant}`;
const fingerprint = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
