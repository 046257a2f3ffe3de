/** The quick search for the ends of a clustered quantile finds what testing every value finds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  betInference,
  clusteredQuantileEnds,
  clustersOf,
  quantileEstimate,
  Ranks,
  randomGenerator,
  sortedAscending,
} from '../../statistics/index.ts';

const sampleArbitrary = fc
  .record({
    values: fc.array(fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constant(Number.POSITIVE_INFINITY)), { minLength: 1, maxLength: 150 }),
    groups: fc.integer({ min: 1, max: 60 }),
    cap: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    q: fc.constantFrom(0, 0.05, 0.5, 0.95, 1),
    confidence: fc.constantFrom(0.5, 0.8, 0.95),
    isTurned: fc.boolean(),
  })
  .map(({ values, groups, isTurned, ...rest }) => {
    const clusters = clustersOf(values.map((value, i) => String((i * 7 + value) % groups)));
    const order = isTurned ? Int32Array.from({ length: clusters.count }, (_, g) => clusters.count - 1 - g) : undefined;
    return { ...rest, values, clusters, order };
  });

test('the ends are those that a test of every value gives', () => {
  fc.assert(
    fc.property(sampleArbitrary, ({ values, clusters, cap, q, confidence, order }) => {
      const sorted = sortedAscending(values);
      const alpha = (1 - confidence) / 2;
      const largest = Math.max(...Array.from({ length: clusters.count }, (_, g) => clusters.of.filter(of => of === g).length));
      const above = (isAbove: (value: number) => boolean) =>
        betInference(
          values.map(value => Number(isAbove(value))),
          clusters,
          { from: 0, to: 1, cap: cap ?? largest, ...(order && { order }) },
        );
      const high = [...sorted].find(x => above(v => v > x).pValueBelow(1 - q) <= alpha) ?? Number.POSITIVE_INFINITY;
      const low = [...sorted].findLast(x => above(v => v >= x).pValueAbove(1 - q) <= alpha) ?? Number.NEGATIVE_INFINITY;
      const options = { ...(cap === undefined ? {} : { cap }), ...(order && { order }) };
      expect(clusteredQuantileEnds({ values, ranks: new Ranks(values), clusters, ...options }, q, confidence)).toMatchObject({ low, high });
    }),
    { numRuns: process.env.HINDCAST_LONG ? 5_000 : 100 },
  );
});

test('few tests find them among many values, and the interval holds the quantile', () => {
  const draw = randomGenerator(3);
  const values = Float64Array.from({ length: 40_000 }, () => Math.exp(6 + draw() + draw()));
  const clusters = clustersOf(Array.from(values, (_, i) => String(i >> 2)));
  for (const q of [0.5, 0.95]) {
    const { low, high, tests } = clusteredQuantileEnds({ values, ranks: new Ranks(values), clusters }, q, 0.95);
    const { value } = quantileEstimate(values, q, clusters, 0.95);
    expect(low < value && value < high).toBe(true);
    // Halving alone takes 16 for each end.
    expect(tests).toBeLessThanOrEqual(22);
  }
});

test('ranks are those of the sorted values, whatever the order that the sample sees', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Infinity)), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      (few, turn) => {
        // Far more values than are sampled, in runs that a stride may fall upon.
        const values = Float64Array.from({ length: 9_000 }, (_, i) => few[(i + turn) % few.length]! + (i % 7 === 0 ? i : 0));
        const sorted = sortedAscending(values);
        const ranks = new Ranks(values);
        for (const k of [1, 2, 450, 4_500, 8_550, 8_999, 9_000]) {
          expect(ranks.at(k)).toBe(sorted[k - 1]);
          const { below, items } = ranks.around(k);
          expect([below < k, k <= below + items.length]).toEqual([true, true]);
        }
      },
    ),
    { numRuns: 20 },
  );
});
