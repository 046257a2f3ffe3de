/** A replay keeps the arrival times of the recorded requests. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schedule, unpaced } from '../../replay/run/pacing.ts';

const arrivals = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 50 }).map(list => list.toSorted((a, b) => a - b));

describe('schedule', () => {
  test('keeps every gap at speed 1', () => {
    expect(schedule([100, 350, 350, 1_000], { speed: 1 })).toEqual([0, 250, 250, 900]);
  });

  test('divides gaps by the speed, after long ones were shortened', () => {
    expect(schedule([0, 1_000, 11_000], { speed: 2, gapMsMax: 4_000 })).toEqual([0, 500, 2_500]);
  });

  test('makes everything due at once at infinite speed', () => {
    expect(schedule([0, 1_000, 2_000], unpaced)).toEqual([0, 0, 0]);
  });

  test('begins at once, never goes back, and is never longer than the original at speed 1', () => {
    fc.assert(
      fc.property(arrivals, fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }), (list, gap) => {
        const due = schedule(list, gap === undefined ? { speed: 1 } : { speed: 1, gapMsMax: gap });
        expect(due).toHaveLength(list.length);
        expect(due.every((at, i) => at >= (due[i - 1] ?? 0))).toBe(true);
        if (list.length > 0) {
          expect(due[0]).toBe(0);
          expect(due.at(-1)!).toBeLessThanOrEqual(list.at(-1)! - list[0]! + 1e-3);
        }
      }),
    );
  });
});
