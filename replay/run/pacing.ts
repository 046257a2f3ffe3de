/** The schedule of a replay: absolute due times, so that a slow response delays no other request. */
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';

export interface Pacing {
  /** 4 is four times the recorded speed. `Infinity` makes all requests due at once, limited by concurrency. */
  readonly speed: number;
  /** Longer gaps are shortened to this, before the speed applies; undefined keeps them. */
  readonly gapMsMax?: Milliseconds;
}

export const unpaced: Pacing = { speed: Number.POSITIVE_INFINITY };

/** Offsets in ms from the run's start, one per arrival. `arrivals` and the offsets ascend. */
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
