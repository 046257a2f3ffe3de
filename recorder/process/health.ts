/** The recorder's report of itself: counters, and warnings for the operator. */
import type { ReaderCounts } from '../engine/readers/readers.ts';
import type { ShipStats } from '../ship/shipper.ts';
import type { RecorderStats } from './protocol.ts';

/** A record is in the store within seconds; one that waits this long waits for something. */
const oldestSecondsMax = 30;
/** Clocks are set by less than this all the time. */
const clockJumpMsMin = 10_000;
const repeatLogMs = 60_000;

/** Counters of shipping and readers, and a warning for each thing that needs an operator. */
export function statsOf(ship: ShipStats, readers: ReaderCounts, damage: readonly string[], clockJumps: readonly string[]): RecorderStats {
  const spoiled = ship.torn + ship.corrupt;
  const warnings = [
    ...(ship.problem === undefined ? [] : [ship.problem]),
    ...(ship.oldestSeconds <= oldestSecondsMax
      ? []
      : [
          `the oldest record that is not in the store yet waits since ${Math.round(ship.oldestSeconds)} s (${ship.queueSegments} segments)`,
        ]),
    ...(spoiled === 0 ? [] : [`${spoiled} records of the spool were spoiled on disk and are lost`]),
    ...(readers.stuck === 0 ? [] : [`${readers.stuck} readers' statements do not end; they hold readers' places only`]),
    ...damage,
    ...clockJumps,
  ];
  return { ...ship, readers, damagedParts: damage.length, warnings };
}

/** Lines for the log: each warning when it comes, and again after a minute; its figures may change meanwhile. */
export class WarningLog {
  readonly #log: (line: string) => void;
  readonly #loggedAt = new Map<string, number>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  report(warnings: readonly string[], now = Date.now()): void {
    for (const warning of warnings) {
      const kind = warning.replace(/\d+/g, '#');
      if (now - (this.#loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < repeatLogMs) continue;
      this.#loggedAt.set(kind, now);
      this.#log(warning);
    }
  }
}

/** Tells when the wall clock moved by other than the time that passed. */
export class ClockWatch {
  #offset: number;

  constructor(wall: number, steady: number) {
    this.#offset = wall - steady;
  }

  /** Milliseconds by which the clock was set since the last look; 0 when it was not. A machine that slept looks the same as one set forward. */
  look(wall: number, steady: number): number {
    const offset = wall - steady;
    const jumpMs = offset - this.#offset;
    if (Math.abs(jumpMs) < clockJumpMsMin) return 0;
    this.#offset = offset;
    return jumpMs;
  }
}
