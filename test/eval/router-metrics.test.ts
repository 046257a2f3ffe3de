/** APGR, CPT and AIQ against sums over a fine grid, and a coin that must score one half. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Measured } from '../../eval/sweep/measure.ts';
import { routerMetrics } from '../../eval/sweep/router-metrics.ts';

const exactly = (value: number) => ({ value, low: value, high: value });
const measured = (escalated: number, quality: number, cost: number | null): Measured =>
  ({ escalated: exactly(escalated), quality: exactly(quality), costPer1k: cost === null ? null : exactly(cost) }) as Measured;
const weak = measured(0, 0.6, 1);
const strong = measured(1, 0.9, 11);

test('a coin recovers half of the gap, and its AIQ is that of mixing', () => {
  const coin = [0.25, 0.5, 0.75].map(share => measured(share, 0.6 + 0.3 * share, 1 + 10 * share));
  const found = routerMetrics(weak, strong, coin)!;
  expect(found.apgr).toBeCloseTo(0.5, 12);
  expect([found.cpt50, found.cpt80]).toEqual([expect.closeTo(0.5, 12), expect.closeTo(0.8, 12)]);
  expect([found.aiq, found.aiqRandomMix]).toEqual([expect.closeTo(0.75, 12), expect.closeTo(0.75, 12)]);
});

test('a router that knows what is hard', () => {
  const found = routerMetrics(weak, strong, [measured(0.2, 0.84, 3), measured(0.5, 0.9, 6)])!;
  // Trapezoids under (0, 0), (0.2, 0.8), (0.5, 1), (1, 1).
  expect(found.apgr).toBeCloseTo(0.08 + 0.27 + 0.5, 12);
  expect([found.cpt50, found.cpt80]).toEqual([expect.closeTo(0.125, 12), expect.closeTo(0.2, 12)]);
  // Under (1, 0.6), (3, 0.84), (6, 0.9), level to 11.
  expect(found.aiq).toBeCloseTo((2 * 0.72 + 3 * 0.87 + 5 * 0.9) / 10, 12);
});

test('the areas are those of a fine grid, whatever the rows', () => {
  const row = fc.record({ share: fc.integer({ min: 0, max: 20 }), quality: fc.double({ min: 0.5, max: 1, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), rows => {
      const points = rows.map(({ share, quality }) => measured(share / 20, quality, 1 + share / 2));
      const { apgr, aiq } = routerMetrics(weak, strong, points)!;
      const curve = new Map([[0, 0]]);
      for (const { escalated, quality } of [...points, weak, strong])
        curve.set(escalated.value, Math.max(curve.get(escalated.value) ?? Number.NEGATIVE_INFINITY, (quality.value - 0.6) / 0.3));
      const xs = [...curve.keys()].sort((a, b) => a - b);
      const at = (x: number): number => {
        const k = Math.max(
          1,
          xs.findIndex(own => own >= x),
        );
        const [a, b] = [xs[k - 1]!, xs[k]!];
        return curve.get(a)! + ((x - a) / (b - a)) * (curve.get(b)! - curve.get(a)!);
      };
      const grid = Array.from({ length: 4_000 }, (_, i) => at((i + 0.5) / 4_000));
      expect(apgr).toBeCloseTo(grid.reduce((total, y) => total + y, 0) / 4_000, 4);
      // The best mix of any two points at each cost.
      const all = [weak, strong, ...points].map(({ costPer1k, quality }) => ({ x: costPer1k!.value, y: quality.value }));
      const best = (x: number): number =>
        Math.max(
          ...all.filter(p => p.x <= x).map(({ y }) => y),
          ...all.flatMap(a => all.filter(b => a.x < x && b.x > x).map(b => a.y + ((x - a.x) / (b.x - a.x)) * (b.y - a.y))),
        );
      const mean = Array.from({ length: 800 }, (_, i) => best(1 + ((i + 0.5) / 800) * 10)).reduce((total, y) => total + y, 0) / 800;
      expect(aiq).toBeCloseTo(mean, 3);
    }),
    { numRuns: process.env.HINDCAST_LONG ? 300 : 30 },
  );
});

test('says nothing where the strong target is no better, and no AIQ without prices', () => {
  expect(routerMetrics(strong, weak, [weak])).toBeUndefined();
  expect(routerMetrics(measured(0, 0.6, null), measured(1, 0.9, null), [measured(0.5, 0.8, null)])).toMatchObject({
    aiq: null,
    aiqRandomMix: null,
  });
});
