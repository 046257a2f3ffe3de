/** Background tasks beside the requests: storing and sharing rollouts, reading breaches of certificates, and probing providers. */
import type { Clock } from '../core/shared/time.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { BreachStore } from './breach-store.ts';
import { Probes } from './probes.ts';
import type { TargetRegistry } from './registry.ts';
import type { RolloutStore } from './rollout-store.ts';

export interface BackgroundTaskOptions {
  readonly registry: TargetRegistry;
  readonly clock: Clock;
  readonly log: Log;
  readonly rolloutStore: RolloutStore | undefined;
  readonly breachStore: BreachStore | undefined;
}

/** Owns the probes, and connects the rollouts with their store. */
export class BackgroundTasks {
  readonly probes: Probes;
  readonly #registry: TargetRegistry;

  /** Must be constructed before the registry is configured. */
  constructor({ registry, clock, log, rolloutStore: store, breachStore }: BackgroundTaskOptions) {
    this.#registry = registry;
    this.probes = new Probes(registry, clock);
    const onFailed = (problem: string): void => log.warn(`the rollout store cannot be reached: ${problem}`);
    registry.rollouts.persistTo(store && { store, clock, onFailed });
    registry.breaches.persistTo(breachStore && { store: breachStore, clock, log });
  }

  /** Resolves when rollouts are loaded and probes run; await it before the first request. */
  async ready(settings: Settings): Promise<void> {
    await Promise.all([this.#registry.rollouts.ready(), this.#registry.breaches.ready()]);
    this.probes.configure(settings);
  }

  async close(): Promise<void> {
    this.probes.close();
    await Promise.all([this.#registry.rollouts.close(), this.#registry.breaches.close()]);
  }
}
