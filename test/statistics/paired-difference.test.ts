/** Paired differences, spreads and the upper hull, against their formulas written another way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deviationOf,
  momentsOf,
  normalDraw,
  pairedMean,
  pairedQuantileDifference,
  randomGenerator,
  shuffled,
  stabilityIndex,
  studentQuantile,
  upperHull,
} from '../../statistics/index.ts';

describe('A paired mean', () => {
  test('has the clustered error of its ratio where weights differ', () => {
    const draw = randomGenerator(1);
    const d = Array.from({ length: 60 }, () => normalDraw(draw));
    const weights = d.map((_, i) => 1 + (i % 3));
    const keys = d.map((_, i) => `c${i % 20}`);
    const total = weights.reduce((a, b) => a + b, 0);
    const mean = d.reduce((sum, x, i) => sum + weights[i]! * x, 0) / total;
    const byCluster = Map.groupBy(d.keys(), i => keys[i]!);
    const squares = [...byCluster.values()].reduce((sum, at) => sum + at.reduce((s, i) => s + weights[i]! * (d[i]! - mean), 0) ** 2, 0);
    const error = Math.sqrt((20 / 19) * squares) / total;
    const interval = pairedMean(d, { weights, keys });
    expect(interval.value).toBeCloseTo(mean, 12);
    expect(interval.high).toBeCloseTo(mean + studentQuantile(0.975, 19) * error, 10);
  });

  test('of equal pairs is open within its bounds, and unknown of one conversation', () => {
    const even = { weights: new Array<number>(30).fill(1), keys: Array.from({ length: 30 }, (_, i) => `${i}`) };
    const { low, high } = pairedMean(new Array<number>(30).fill(0), even, [-1, 1]);
    expect(low).toBeLessThan(-0.01);
    expect(high).toBeGreaterThan(0.01);
    const one = { ...even, keys: even.keys.map(() => 'one') };
    expect(pairedMean(new Array<number>(30).fill(2), one)).toEqual({ value: 2, low: -Infinity, high: Infinity });
  });

  test('does not depend on the order of the pairs', () => {
    const draw = randomGenerator(2);
    const rows = Array.from({ length: 50 }, (_, i) => ({ d: normalDraw(draw), weight: 1 + (i % 2), key: `${i % 9}` }));
    const of = (some: typeof rows): number[] =>
      Object.values(
        pairedMean(
          some.map(r => r.d),
          { weights: some.map(r => r.weight), keys: some.map(r => r.key) },
        ),
      );
    for (const [k, x] of of(shuffled(rows, draw)).entries()) expect(x).toBeCloseTo(of(rows)[k]!, 10);
  });
});

describe('A difference of quantiles', () => {
  const draw = randomGenerator(3);
  const before = Array.from({ length: 400 }, () => Math.exp(normalDraw(draw)));
  const pairs = { weights: before.map(() => 1), keys: before.map((_, i) => `${i}`) };

  test('is that of the sorted values, and exactly none of equal pairs', () => {
    const after = before.map(x => 2 * x);
    const { value, low, high } = pairedQuantileDifference(before, after, pairs, 0.95);
    expect(value).toBeCloseTo(before.toSorted((a, b) => a - b)[379]!, 12);
    expect(low).toBeGreaterThan(0);
    expect(high).toBeGreaterThan(value);
    expect(pairedQuantileDifference(before, before, pairs, 0.95)).toEqual({ value: 0, low: 0, high: 0 });
  });

  test('weighs a pair as often as it stands for', () => {
    const twice = [...before, ...before];
    const doubled = { weights: before.map(() => 2), keys: pairs.keys };
    const after = before.map(x => 3 * x);
    const listed = pairedQuantileDifference(
      twice,
      [...after, ...after],
      { weights: twice.map(() => 1), keys: [...pairs.keys, ...pairs.keys] },
      0.5,
    );
    expect(pairedQuantileDifference(before, after, doubled, 0.5)).toEqual(listed);
  });
});

describe('Spreads and hulls', () => {
  const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2, maxLength: 30 });

  test('moments are half the mean squared difference of all pairs', () => {
    fc.assert(
      fc.property(numbers, xs => {
        const n = xs.length;
        const gaps = xs.flatMap(x => xs.map(y => (x - y) ** 2)).reduce((a, b) => a + b, 0);
        expect(momentsOf(xs).variance).toBeCloseTo(gaps / (2 * n * (n - 1)), 6);
        expect(deviationOf(xs)).toBeCloseTo(Math.sqrt(gaps / 2) / n, 6);
      }),
    );
    expect([deviationOf([3]), deviationOf([])]).toEqual([0, Number.NaN]);
  });

  test('the stability index is 0 of equal histograms, and the same both ways', () => {
    expect(stabilityIndex([0.2, 0.8], [0.2, 0.8], [100, 100])).toBe(0);
    expect(stabilityIndex([0.2, 0.8], [0.5, 0.5], [9, 99])).toBeCloseTo(stabilityIndex([0.5, 0.5], [0.2, 0.8], [99, 9]), 12);
    expect(stabilityIndex([0, 1], [0.5, 0.5], [100, 100])).toBeGreaterThan(1);
  });

  test('a hull holds every point below it, and no mix of two of its points beats a third', () => {
    const point = fc.record({ cost: fc.integer({ min: 0, max: 20 }), quality: fc.integer({ min: 0, max: 20 }) });
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), points => {
        const hull = upperHull(points);
        const best = (cost: number): number => {
          let most = -Infinity;
          for (const a of hull) {
            if (a.cost <= cost) most = Math.max(most, a.quality);
            for (const b of hull) {
              if (a.cost < cost && b.cost > cost)
                most = Math.max(most, a.quality + ((b.quality - a.quality) * (cost - a.cost)) / (b.cost - a.cost));
            }
          }
          return most;
        };
        for (const { cost, quality } of points) expect(quality).toBeLessThanOrEqual(best(cost) + 1e-9);
        for (const p of hull) expect(best(p.cost)).toBeCloseTo(p.quality, 9);
      }),
    );
  });
});
