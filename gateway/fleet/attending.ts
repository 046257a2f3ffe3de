/** What goes on beside the requests: rollouts are kept and shared. */
import type { Clock } from '../core/time.ts';
import type { Log } from '../observe/logs.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { FleetState } from './state.ts';

export interface AttendingParts {
  readonly fleet: FleetState;
  readonly clock: Clock;
  readonly log: Log;
  readonly rolloutStore: RolloutStore | undefined;
}

export class Attending {
  readonly #fleet: FleetState;

  /** Before the fleet is configured. */
  constructor({ fleet, clock, log, rolloutStore: store }: AttendingParts) {
    this.#fleet = fleet;
    const failed = (problem: string): void => log.warn(`rollouts are not shared just now: ${problem}`);
    fleet.rollouts.keep(store && { store, clock, failed });
  }

  /** Before the first request. */
  ready(): Promise<void> {
    return this.#fleet.rollouts.ready();
  }

  async close(): Promise<void> {
    await this.#fleet.rollouts.close();
  }
}
