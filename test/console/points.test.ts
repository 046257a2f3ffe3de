/** The frontier in the console: its sliders, its axes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Frontier, nearest, scaleOf, tierValues } from '../../dashboards/console/thresholds/points.ts';

const row = (...thresholds: readonly number[]) => ({ threshold: thresholds[0]!, thresholds }) as unknown as Frontier['rows'][number];

test('a slider stops at every threshold that was measured, and nowhere else', () => {
  const rows = [row(0.9, 0.5), row(0.7, 0.5), row(0.7, 0.6)];
  expect(tierValues({ rows }, 0)).toEqual([0.7, 0.9]);
  expect(tierValues({ rows }, 1)).toEqual([0.5, 0.6]);
  expect(nearest(rows, [0.71, 0.62])).toBe(rows[2]);
  expect(nearest(rows, [0.9])).toBe(rows[0]);
  expect(nearest([], [0.5])).toBeUndefined();
});

test('an axis holds all values between its ends, has few ticks, and stays within its bounds', () => {
  const value = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), values => {
      const { from, to, ticks } = scaleOf(values, 0, 1);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeLessThanOrEqual(1 + 1e-9);
      for (const one of values) expect(one >= from - 1e-9 && one <= to + 1e-9).toBe(true);
      expect(ticks.length).toBeLessThanOrEqual(9);
    }),
  );
});
