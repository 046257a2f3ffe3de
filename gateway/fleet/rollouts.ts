/** The staged rollouts of all variants, as the exchanges of their routes tell of them. A changed rollout begins anew, and so does each process. */
import type { Exchange } from '../core/exchange.ts';
import { beginRollout, observeRollout, type Rollout, type RolloutPolicy, shareAt } from '../core/rollout.ts';
import type { Instant } from '../core/time.ts';
import type { Variant } from '../core/variants.ts';
import type { Route } from '../settings.ts';

interface Running {
  readonly route: string;
  readonly variant: string;
  readonly policy: RolloutPolicy;
  rollout: Rollout;
}

export interface RolledBack {
  readonly route: string;
  readonly variant: string;
  readonly why: string;
}

export class Rollouts {
  #running = new Map<string, Running>();

  configure(routes: ReadonlyMap<string, Route>, at: Instant): void {
    const next = new Map<string, Running>();
    for (const { name, variants = [] } of routes.values()) {
      for (const { route, rollout: policy } of variants) {
        if (!policy) continue;
        const key = keyOf(name, route);
        const before = this.#running.get(key);
        const isSame = before && JSON.stringify(before.policy) === JSON.stringify(policy);
        next.set(key, isSame ? before : { route: name, variant: route, policy, rollout: beginRollout(at) });
      }
    }
    this.#running = next;
  }

  shareOf(route: string, variant: Variant): number {
    const running = this.#running.get(keyOf(route, variant.route));
    return running ? shareAt(running.rollout, running.policy) : variant.share;
  }

  /** What callers did themselves says nothing of the variant. Gives the variants that this took back. */
  heard({ policy, outcome, receivedAt, endedAt, costNanoUsd }: Exchange): readonly RolledBack[] {
    if (this.#running.size === 0 || outcome === 'cancelled' || outcome === 'client_error') return [];
    const takenBack: RolledBack[] = [];
    for (const running of this.#running.values()) {
      const taken = policy.variant?.name;
      if (running.route !== policy.name || (taken !== undefined && taken !== running.variant)) continue;
      const seen = { isVariant: taken !== undefined, at: endedAt, failed: outcome !== 'ok', totalMs: endedAt - receivedAt, costNanoUsd };
      const wasBack = running.rollout.rolledBack !== undefined;
      running.rollout = observeRollout(running.rollout, seen, running.policy);
      const { rolledBack } = running.rollout;
      if (rolledBack && !wasBack) takenBack.push({ route: running.route, variant: running.variant, why: rolledBack.why });
    }
    return takenBack;
  }

  report() {
    return [...this.#running.values()].map(({ route, variant, policy, rollout }) => ({
      route,
      variant,
      share: shareAt(rollout, policy),
      stage: rollout.stage + 1,
      stages: policy.stages.length,
      requests: rollout.variant.count,
      failures: rollout.variant.failures,
      rolled_back: rollout.rolledBack?.why ?? null,
    }));
  }
}

const keyOf = (route: string, variant: string): string => `${route} ${variant}`;
