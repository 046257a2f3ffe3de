/** When a segment is closed. A whole one is one insert into each table, and an insert costs the engine nearly the same whatever it holds. */
export const segmentFramesMax = 2_500;
export const segmentBytesMax = 16 * 1024 * 1024;
export const segmentAgeMs = 5_000;
/** After a quiet time this many segments close early, so that a first request is in the store at once. */
const earlySegmentsMax = 4;
const earlySegmentAgeMs = 800;

/**
 * The age in ms at which a segment opened at `now` (ms, monotonic) closes. `paidUntilMs` is what the call before returned, 0 at first:
 * each segment pays for `segmentAgeMs`, so early segments do not become the rule.
 */
export function ageOfSegment(paidUntilMs: number, now: number): { readonly ageMs: number; readonly paidUntilMs: number } {
  const aheadMs = Math.max(0, paidUntilMs - now) + segmentAgeMs;
  const aheadMsMax = earlySegmentsMax * segmentAgeMs;
  return {
    ageMs: aheadMs <= aheadMsMax ? earlySegmentAgeMs : segmentAgeMs,
    paidUntilMs: now + Math.min(aheadMs, aheadMsMax + segmentAgeMs),
  };
}
