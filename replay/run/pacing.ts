/** When each request of a replay is due: an absolute schedule, so that one slow answer delays no other. */
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';

export interface Pacing {
  /** 4 asks four times as fast as it was; `Infinity` asks everything at once and lets concurrency be the limit. */
  readonly speed: number;
  /** Longer silences than this are cut to it, before the speed is applied; undefined keeps them. */
  readonly gapMsMax?: Milliseconds;
}

export const unpaced: Pacing = { speed: Number.POSITIVE_INFINITY };

/** Offsets in ms from the run's start, one for each arrival. `arrivals` are in ascending order; so are the offsets. */
export function schedule(arrivals: readonly Instant[], pace: Pacing): readonly Milliseconds[] {
  let due = 0;
  return arrivals.map((at, i) => {
    const gap = i === 0 ? 0 : Math.max(0, at - arrivals[i - 1]!);
    due += Math.min(gap, pace.gapMsMax ?? gap) / pace.speed;
    return due;
  });
}

/** Of values in order; 0 of none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? 0;
}
