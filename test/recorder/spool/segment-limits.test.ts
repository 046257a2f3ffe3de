/** When a segment closes: early after a quiet time, and in the long run once in 5 s. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ageOfSegment, segmentAgeMs } from '../../../recorder/spool/segment-limits.ts';

test('the first segments after a quiet time close within a second, and a busy gateway closes one in 5 s', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(gaps, all => {
      let paidUntilMs = 0;
      let now = 1_000;
      const early: number[] = [];
      for (const gap of all) {
        const isQuiet = paidUntilMs <= now;
        const opened = ageOfSegment(paidUntilMs, now);
        ({ paidUntilMs } = opened);
        if (isQuiet) expect(opened.ageMs).toBeLessThan(1_000);
        if (opened.ageMs < segmentAgeMs) early.push(now);
        else expect(opened.ageMs).toBe(segmentAgeMs);
        now += opened.ageMs + gap;
      }
      // In every stretch of time: four, and one more for each 5 s of it.
      for (const [i, from] of early.entries()) {
        for (const [n, to] of early.slice(i).entries()) expect(n + 1).toBeLessThanOrEqual(4 + (to - from) / segmentAgeMs);
      }
    }),
  );
});
