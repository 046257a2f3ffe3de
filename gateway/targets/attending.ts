/** What goes on beside the requests: rollouts are kept and shared, and providers are asked whether they live. */
import type { Clock } from '../core/time.ts';
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import { Probes } from './probes.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { FleetState } from './state.ts';

export interface AttendingParts {
  readonly fleet: FleetState;
  readonly clock: Clock;
  readonly log: Log;
  readonly rolloutStore: RolloutStore | undefined;
}

export class Attending {
  readonly probes: Probes;
  readonly #fleet: FleetState;

  /** Before the fleet is configured. */
  constructor({ fleet, clock, log, rolloutStore: store }: AttendingParts) {
    this.#fleet = fleet;
    this.probes = new Probes(fleet, clock);
    const failed = (problem: string): void => log.warn(`rollouts are not shared just now: ${problem}`);
    fleet.rollouts.keep(store && { store, clock, failed });
  }

  /** Before the first request. */
  async ready(settings: Settings): Promise<void> {
    await this.#fleet.rollouts.ready();
    this.probes.configure(settings);
  }

  async close(): Promise<void> {
    this.probes.close();
    await this.#fleet.rollouts.close();
  }
}
