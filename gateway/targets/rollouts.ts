/** The staged rollouts of all variants, as the exchanges of their routes tell of them. They outlive the process where they are kept; a changed one begins anew. */
import { createHash } from 'node:crypto';
import type { Exchange } from '../core/exchange.ts';
import { beginRollout, observeRollout, type Rollout, type RolloutPolicy, type RolloutSeen, shareAt } from '../core/rollout.ts';
import type { Cancel, Clock, Instant, Milliseconds } from '../core/time.ts';
import type { Variant } from '../core/variants.ts';
import type { Route } from '../settings/settings.ts';
import type { RolloutStore } from './rollout-store.ts';

interface Running {
  readonly route: string;
  readonly variant: string;
  readonly policy: RolloutPolicy;
  /** Of the rollout and the route that it tries: who changes either begins anew. */
  readonly name: string;
  /** Undefined until it is known how far it has come: nobody is sent there meanwhile. */
  rollout: Rollout | undefined;
  /** What this process has seen and the others do not know yet. */
  readonly unsaid: RolloutSeen[];
  isTold: boolean;
}

export interface RolledBack {
  readonly route: string;
  readonly variant: string;
  readonly why: string;
}

/** Where rollouts are kept, and whom to tell that they could not be. */
export interface Keeping {
  readonly store: RolloutStore;
  readonly clock: Clock;
  failed(problem: string): void;
}

const sayEveryMs: Milliseconds = 1_000;
const unsaidMax = 2_000;
const readyMsMax: Milliseconds = 2_000;

export class Rollouts {
  #running = new Map<string, Running>();
  #keeping: Keeping | undefined;
  #timer: Cancel | undefined;
  #saying: Promise<unknown> = Promise.resolve();
  readonly #news: RolledBack[] = [];

  /** Before the first `configure`. */
  keep(keeping: Keeping | undefined): void {
    this.#keeping = keeping;
  }

  configure(routes: ReadonlyMap<string, Route>, at: Instant): void {
    const next = new Map<string, Running>();
    for (const { name: route, variants = [] } of routes.values()) {
      for (const { route: variant, rollout: policy } of variants) {
        if (!policy) continue;
        const key = keyOf(route, variant);
        const name = `${key} ${fingerprint([policy, routes.get(variant)])}`;
        const before = this.#running.get(key);
        const rollout = this.#keeping ? undefined : beginRollout(at);
        next.set(key, before?.name === name ? before : { route, variant, policy, name, rollout, unsaid: [], isTold: false });
      }
    }
    this.#running = next;
    if (this.#keeping && next.size > 0) this.#say();
  }

  /** Settles when it is known how far the rollouts have come, or the store does not answer. */
  async ready(): Promise<void> {
    await Promise.race([this.#saying, new Promise(resolve => setTimeout(resolve, readyMsMax).unref())]);
  }

  shareOf(route: string, variant: Variant): number {
    const running = this.#running.get(keyOf(route, variant.route));
    if (!running) return variant.share;
    return running.rollout ? shareAt(running.rollout, running.policy) : 0;
  }

  /** What callers did themselves says nothing of the variant. Gives the variants that were taken back since it was last asked. */
  heard({ policy, outcome, receivedAt, endedAt, costNanoUsd }: Exchange): readonly RolledBack[] {
    if (this.#running.size === 0 || outcome === 'cancelled' || outcome === 'client_error') return [];
    for (const running of this.#running.values()) {
      const taken = policy.variant?.name;
      if (running.route !== policy.name || (taken !== undefined && taken !== running.variant)) continue;
      const seen = { isVariant: taken !== undefined, at: endedAt, failed: outcome !== 'ok', totalMs: endedAt - receivedAt, costNanoUsd };
      if (running.rollout) this.#now(running, observeRollout(running.rollout, seen, running.policy));
      if (!this.#keeping) continue;
      if (running.unsaid.length < unsaidMax) running.unsaid.push(seen);
      this.#timer ??= this.#keeping.clock.at(this.#keeping.clock.now() + sayEveryMs, () => this.#say());
    }
    return this.#news.splice(0);
  }

  #now(running: Running, rollout: Rollout): void {
    running.rollout = rollout;
    const { rolledBack } = rollout;
    if (!rolledBack || running.isTold) return;
    running.isTold = true;
    this.#news.push({ route: running.route, variant: running.variant, why: rolledBack.why });
  }

  /** One after the other, so that nothing is said twice. */
  #say(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#saying = this.#saying.then(() => Promise.all([...this.#running.values()].map(running => this.#sayOne(running))));
  }

  async #sayOne(running: Running): Promise<void> {
    const { store, clock, failed } = this.#keeping!;
    const { policy, unsaid } = running;
    if (running.rollout && unsaid.length === 0) return;
    const said = unsaid.splice(0);
    const fold = (before: Rollout, seen: readonly RolloutSeen[]): Rollout =>
      seen.reduce((rollout, one) => observeRollout(rollout, one, policy), before);
    try {
      let known: Rollout | undefined;
      const kept = await store.change(running.name, before => {
        known = before;
        return fold(before ?? beginRollout(clock.now()), said);
      });
      // Whoever took it back has told it.
      if (known?.rolledBack) running.isTold = true;
      this.#now(running, fold(kept, unsaid));
    } catch (problem) {
      unsaid.unshift(...said.slice(0, unsaidMax - unsaid.length));
      failed(problem instanceof Error ? problem.message : String(problem));
      this.#timer ??= clock.at(clock.now() + sayEveryMs, () => this.#say());
    }
  }

  report() {
    return [...this.#running.values()].map(({ route, variant, policy, rollout }) => ({
      route,
      variant,
      share: rollout ? shareAt(rollout, policy) : 0,
      stage: (rollout?.stage ?? 0) + 1,
      stages: policy.stages.length,
      requests: rollout?.variant.count ?? 0,
      failures: rollout?.variant.failures ?? 0,
      rolled_back: rollout ? (rollout.rolledBack?.why ?? null) : 'not known yet: the state store does not answer',
    }));
  }

  async close(): Promise<void> {
    if (!this.#keeping) return;
    this.#say();
    await this.ready();
    // What could not be said is tried no more.
    this.#timer?.();
    await this.#keeping.store.close();
  }
}

const keyOf = (route: string, variant: string): string => `${route} ${variant}`;
const fingerprint = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
