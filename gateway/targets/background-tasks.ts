/** What goes on beside the requests: rollouts are kept and shared, and providers are asked whether they live. */
import type { Clock } from '../core/shared/time.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { Probes } from './probes.ts';
import type { TargetRegistry } from './registry.ts';
import type { RolloutStore } from './rollout-store.ts';

export interface BackgroundTaskOptions {
  readonly registry: TargetRegistry;
  readonly clock: Clock;
  readonly log: Log;
  readonly rolloutStore: RolloutStore | undefined;
}

export class BackgroundTasks {
  readonly probes: Probes;
  readonly #registry: TargetRegistry;

  /** Before the fleet is configured. */
  constructor({ registry, clock, log, rolloutStore: store }: BackgroundTaskOptions) {
    this.#registry = registry;
    this.probes = new Probes(registry, clock);
    const failed = (problem: string): void => log.warn(`rollouts are not shared just now: ${problem}`);
    registry.rollouts.persistTo(store && { store, clock, failed });
  }

  /** Before the first request. */
  async ready(settings: Settings): Promise<void> {
    await this.#registry.rollouts.ready();
    this.probes.configure(settings);
  }

  async close(): Promise<void> {
    this.probes.close();
    await this.#registry.rollouts.close();
  }
}
