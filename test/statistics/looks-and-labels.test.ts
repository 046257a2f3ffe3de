/** Quantiles, augmented means, small audits, guarded sequences, sizes: each against its formula written another way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  augmentedMean,
  aurc,
  bettingSampleSize,
  bettingSizeWithoutHarm,
  clusteredMean,
  clustersOf,
  crossFittedPredictions,
  deltaBets,
  exactInterval,
  guardedInference,
  labelledMean,
  meanInference,
  mixturePValue,
  normalDraw,
  proportionInference,
  quantileEstimate,
  quantileEstimates,
  randomGenerator,
  shuffled,
  sizeForHarm,
  studentQuantile,
  unclustered,
  weightedQuantile,
} from '../../statistics/index.ts';

const choose = (n: number, k: number): number => Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((a, b) => a * b, 1);
const binomial = (k: number, n: number, p: number): number => choose(n, k) * p ** k * (1 - p) ** (n - k);
const atMost = (k: number, n: number, p: number): number =>
  Array.from({ length: k + 1 }, (_, i) => binomial(i, n, p)).reduce((a, b) => a + b, 0);

describe('Intervals of a quantile', () => {
  test('of independent items are the order statistics that the binomial allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.constantFrom(0.5, 0.9, 0.95), (n, q) => {
        const { low, high } = quantileEstimate(
          Array.from({ length: n }, (_, i) => i + 1),
          q,
          unclustered(n),
          0.95,
        );
        let [l, u] = [0, n + 1];
        while (l < n && atMost(l, n, q) <= 0.025) l++;
        while (u > 1 && 1 - atMost(u - 2, n, q) <= 0.025) u--;
        expect(low).toBe(l === 0 ? Number.NEGATIVE_INFINITY : l);
        expect(high).toBe(u === n + 1 ? Number.POSITIVE_INFINITY : u);
      }),
    );
  });

  test('stay open above a p95 below 72 items', () => {
    const end = (n: number): number =>
      quantileEstimate(
        Array.from({ length: n }, (_, i) => i),
        0.95,
        unclustered(n),
        0.95,
      ).high;
    expect(end(71)).toBe(Number.POSITIVE_INFINITY);
    expect(end(72)).toBe(71);
  });

  test('of clusters leave out exactly what the betting test on sums rejects', () => {
    const draw = randomGenerator(6);
    const values = Array.from({ length: 600 }, () => Math.round(draw() * 50));
    const clusters = clustersOf(values.map((_, i) => `${i % 300}`));
    const [half] = quantileEstimates(values, [0.5], clusters, 0.95, { cap: 2 });
    const p = (sign: 1 | -1, isAbove: (v: number) => boolean): number =>
      mixturePValue(
        {
          values: Array.from({ length: 300 }, (_, g) => sign * ([values[g]!, values[g + 300]!].filter(isAbove).length - 1)),
          upper: 1,
        },
        deltaBets,
      );
    const xs = [...new Set(values)].sort((a, b) => a - b);
    expect(half!.high).toBe(xs.find(x => p(1, v => v > x) <= 0.025));
    expect(half!.low).toBe(xs.findLast(x => p(-1, v => v >= x) <= 0.025));
    expect(quantileEstimate(values, 0.95, clusters, 0.95, { cap: 2 }).value).toBe(values.toSorted((a, b) => a - b)[569]);
  });

  test('weigh and take what never came', () => {
    expect(weightedQuantile([3, 1, 2], [1, 1, 2], 0.5)).toBe(2);
    expect(weightedQuantile([], [], 0.5)).toBeNaN();
    expect(quantileEstimate([1, Number.POSITIVE_INFINITY, 2], 0.95, unclustered(3), 0.95).value).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('A mean of drawn outcomes', () => {
  const draw = randomGenerator(8);
  const n = 900;
  const features = Array.from({ length: n }, () => draw());
  const outcomes = features.map(x => Number(draw() < x));
  const chance = features.map(x => (x > 0.5 ? 0.5 : 0.2));
  const drawn = chance.map(pi => Number(draw() < pi));
  const clusters = clustersOf(features.map((_, i) => `${i % 300}`));
  const sample = { outcomes: outcomes.map((y, i) => (drawn[i] ? y : Number.NaN)), drawn, chance, clusters };

  test('is the augmented one, with the error of its conversations', () => {
    const m = features.map(x => x * 0.8);
    const { inference, isEnough } = augmentedMean(sample, m);
    const a = features.map((_, i) => m[i]! + (drawn[i] ? (outcomes[i]! - m[i]!) / chance[i]! : 0));
    const theta = a.reduce((x, y) => x + y, 0) / n;
    const residual = Array.from({ length: 300 }, (_, g) => [g, g + 300, g + 600].reduce((total, i) => total + a[i]! - theta, 0));
    const error = Math.sqrt(((300 / 299) * residual.reduce((total, r) => total + r * r, 0)) / n ** 2);
    expect(inference.value).toBeCloseTo(theta, 12);
    expect(inference.interval(0.95).high).toBeCloseTo(theta + studentQuantile(0.975, 299) * error, 10);
    expect(isEnough).toBe(true);
  });

  test('does not read what was not drawn, and knows when it is too small', () => {
    const changed = { ...sample, outcomes: sample.outcomes.map(y => (Number.isNaN(y) ? 77 : y)) };
    const m = crossFittedPredictions([features], sample);
    expect([...crossFittedPredictions([features], changed)]).toEqual([...m]);
    expect(augmentedMean(changed, m).inference.value).toBe(augmentedMean(sample, m).inference.value);
    expect(augmentedMean({ ...sample, clusters: clustersOf(features.map((_, i) => `${i % 99}`)) }, m).isEnough).toBe(false);
    const quiet = { ...sample, outcomes: outcomes.map((_, i) => Number(i < 3)) };
    expect(augmentedMean(quiet, m).isEnough).toBe(false);
  });

  test('has a smaller error with predictions that know something', () => {
    const width = (m: ArrayLike<number>): number => {
      const { low, high } = augmentedMean(sample, m).inference.interval(0.95);
      return high - low;
    };
    expect(width(crossFittedPredictions([features], sample))).toBeLessThan(0.97 * width(new Float64Array(n)));
  });

  test('predicts a conversation from others alone', () => {
    const m = crossFittedPredictions([features], sample, { folds: 300 });
    const other = crossFittedPredictions(
      [features],
      { ...sample, outcomes: sample.outcomes.map((y, i) => (i % 300 === 7 ? 1 - y : y)) },
      { folds: 300 },
    );
    for (const i of [7, 307, 607]) expect(other[i]).toBe(m[i]);
    expect([...other]).not.toEqual([...m]);
  });
});

describe('A small audit', () => {
  const audit = (m: number, wrong: number, disagreements: number): ReturnType<typeof labelledMean> => {
    const labels = Array.from({ length: 1_000 }, (_, i) => (i < m ? Number(i >= wrong) : Number.NaN));
    const judged = labels.map((y, i) => (i < disagreements ? 1 - y : Number.isNaN(y) ? i % 2 : y));
    return labelledMean(judged, labels, unclustered(1_000));
  };

  test('is judged by its labels alone, exactly', () => {
    const { method, inference } = audit(30, 0, 0);
    expect(method).toBe('labels alone, exact binomial');
    expect(inference.interval(0.95)).toEqual(exactInterval(30, 30, 0.95));
  });

  test('uses the judge from 100 labels, 20 disagreements and 10 of each kind on', () => {
    expect(audit(100, 10, 20).method).toBe('prediction-powered');
    expect(audit(99, 10, 20).method).toBe('labels alone, exact binomial');
    expect(audit(100, 9, 20).method).toBe('labels alone, exact binomial');
    expect(audit(100, 10, 19).method).toBe('labels alone, exact binomial');
    const { low, high } = audit(300, 290, 20).inference.interval(0.95);
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
  });

  test('bets on grades and on labels that share a conversation', () => {
    const labels = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 1 : Number.NaN));
    const shared = labelledMean(new Float64Array(60).fill(1), labels, clustersOf(labels.map((_, i) => `${i >> 2}`)));
    expect(shared.method).toBe('labels alone, betting');
    const alone = labelledMean(new Float64Array(60).fill(1), labels, unclustered(60));
    expect(shared.inference.interval(0.95).low).toBeLessThan(alone.inference.interval(0.95).low);
    const graded = labelledMean(
      new Float64Array(60).fill(1),
      labels.map(y => y / 2),
      unclustered(60),
    );
    expect(graded.method).toBe('labels alone, betting');
  });
});

describe('The mean of the judged answers themselves', () => {
  test('is a difference estimator whose only chance is the draw of the labels', () => {
    const draw = randomGenerator(11);
    const truths = Array.from({ length: 600 }, () => Number(draw() < 0.8));
    const judged = truths.map(y => (draw() < 0.2 ? 1 - y : y));
    const labels = truths.map((y, i) => (i % 3 === 0 ? y : Number.NaN));
    const shared = clustersOf(truths.map((_, i) => `${i >> 3}`));
    const { method, inference, powered } = labelledMean(judged, labels, shared, 'recorded');
    const at = truths.flatMap((_, i) => (i % 3 === 0 ? [i] : []));
    const mean = (of: (i: number) => number): number => at.reduce((total, i) => total + of(i), 0) / at.length;
    const [my, mf] = [mean(i => truths[i]!), mean(i => judged[i]!)];
    const lambda = mean(i => (truths[i]! - my) * (judged[i]! - mf)) / mean(i => (judged[i]! - mf) ** 2);
    const rest = mean(i => (truths[i]! - my - lambda * (judged[i]! - mf)) ** 2) / 199;
    const value = my + lambda * (judged.reduce((a, b) => a + b, 0) / 600 - mf);
    expect(method).toBe('prediction-powered');
    expect(powered!.lambda).toBeCloseTo(lambda, 12);
    expect(inference.value).toBeCloseTo(value, 12);
    expect(inference.interval(0.95).high).toBeCloseTo(value + studentQuantile(0.975, 199) * Math.sqrt(rest * (1 - 200 / 600)), 10);
  });

  test('takes labels of one conversation by the exact binomial', () => {
    const labels = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 1 : Number.NaN));
    const shared = clustersOf(labels.map((_, i) => `${i >> 2}`));
    expect(labelledMean(new Float64Array(60).fill(1), labels, shared, 'recorded').method).toBe('labels alone, exact binomial');
  });
});

describe('A guarded sequence', () => {
  const draw = randomGenerator(9);
  const costs = Array.from({ length: 500 }, () => Math.exp(normalDraw(draw)));
  const sizes = costs.map((_, i) => 1 + (i % 3));

  test('has the p-value of its formula', () => {
    const bound = 1;
    const x = costs.map((c, i) => c - bound * sizes[i]!);
    const guarded = [...x, 2 * Math.max(...x.map(Math.abs))];
    const n = guarded.length;
    const mean = guarded.reduce((a, b) => a + b, 0) / n;
    const sigma = Math.sqrt(guarded.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    const rho2 = (-2 * Math.log(0.05) + Math.log(-2 * Math.log(0.05) + 1)) / 400;
    const margin = (alpha: number): number =>
      sigma * Math.sqrt(((n * rho2 + 1) / (n * n * rho2)) * Math.log((n * rho2 + 1) / (2 * alpha) ** 2));
    const p = guardedInference(costs, sizes).pValueBelow(bound);
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThan(0.5);
    expect(margin(p)).toBeCloseTo(-mean, 9);
  });

  test('has an interval whose ends its tests reject', () => {
    const inference = guardedInference(costs, sizes);
    const { value, low, high } = inference.interval(0.95);
    expect(value).toBeCloseTo(costs.reduce((a, b) => a + b, 0) / sizes.reduce((a, b) => a + b, 0), 12);
    expect([inference.pValueBelow(high) <= 0.025, inference.pValueBelow(high - 1e-6) > 0.025]).toEqual([true, true]);
    expect([inference.pValueAbove(low) <= 0.025, inference.pValueAbove(low + 1e-6) > 0.025]).toEqual([true, true]);
  });

  test('decides nothing before 400 units', () => {
    const few = guardedInference(costs.slice(0, 399), sizes.slice(0, 399));
    expect([few.pValueBelow(100), few.pValueAbove(-100)]).toEqual([1, 1]);
    expect(few.interval(0.95).high).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('Ties, single clusters, sizes', () => {
  test('the area under the risk-coverage curve is the mean over all orders of a tie', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(0.2, 0.5), fc.constantFrom(0, 0.5, 1)), { minLength: 1, maxLength: 6 }), rows => {
        const orders = (some: typeof rows): (typeof rows)[] =>
          some.length === 0 ? [[]] : some.flatMap((row, i) => orders(some.toSpliced(i, 1)).map(rest => [row, ...rest]));
        const area = (order: typeof rows): number =>
          order.map((_, k) => order.slice(0, k + 1).reduce((total, [, y]) => total + 1 - y, 0) / (k + 1)).reduce((a, b) => a + b, 0) /
          order.length;
        const all = orders(rows).filter(order => order.every(([c], i) => i === 0 || order[i - 1]![0] >= c));
        expect(
          aurc(
            rows.map(([c]) => c),
            rows.map(([, y]) => y),
          ),
        ).toBeCloseTo(all.reduce((total, order) => total + area(order), 0) / all.length, 12);
      }),
    );
  });

  test('and does not change when items are named anew', () => {
    const draw = randomGenerator(3);
    const rows = Array.from({ length: 200 }, () => [Math.round(draw() * 4) / 4, Number(draw() < 0.7)] as const);
    const of = (some: typeof rows): number =>
      aurc(
        some.map(([c]) => c),
        some.map(([, y]) => y),
      );
    expect(of(shuffled(rows, draw))).toBeCloseTo(of(rows), 12);
  });

  test('one cluster is no certainty', () => {
    const one = clustersOf(['a', 'a', 'a']);
    expect(meanInference([1, 1, 1], one).interval(0.95)).toEqual({ value: 1, low: -Infinity, high: Infinity });
    expect(proportionInference([1, 1, 0], one).interval(0.95)).toEqual({ value: expect.closeTo(2 / 3, 12), low: 0, high: 1 });
    expect(proportionInference([1, 1, 0], one).pValueAbove(0.01)).toBe(1);
    expect(proportionInference([1], unclustered(1)).interval(0.95).low).toBeGreaterThan(0.1);
  });

  test('the design effect of independent items is 1 to the last digit', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 50 }), values => {
        expect(clusteredMean(values, unclustered(values.length)).designEffect).toBe(1);
      }),
    );
  });

  test('the exact size is the first that suffices', () => {
    const power = (n: number, bound: number, harm: number): number => {
      let k = -1;
      while (k + 1 < n && atMost(k + 1, n, bound) <= 0.05) k++;
      return k < 0 ? 0 : atMost(k, n, harm);
    };
    for (const [bound, harm] of [
      [0.05, 0.01],
      [0.1, 0.02],
      [0.05, 0.025],
    ] as const) {
      let n = 1;
      while (power(n, bound, harm) < 0.8) n++;
      expect(sizeForHarm({ harmMax: bound, harm, delta: 0.05, power: 0.8 })).toBe(n);
    }
  });

  test('the betting test needs about what was measured', () => {
    const payoffs = (harm: number): number[] => Array.from({ length: 10_000 }, (_, i) => (i < harm * 10_000 ? 0.95 : -0.05));
    const size = (harm: number): number => bettingSampleSize({ values: payoffs(harm), upper: 0.95 }, { delta: 0.05, power: 0.8 });
    expect(bettingSizeWithoutHarm(0.05, 0.95, 0.05)).toBe(84);
    expect(size(0)).toBe(77);
    for (const [harm, measured] of [
      [0.01, 190],
      [0.025, 680],
    ] as const) {
      expect(size(harm)).toBeGreaterThan(0.85 * measured);
      expect(size(harm)).toBeLessThan(1.15 * measured);
    }
    expect(size(0.05)).toBe(Number.POSITIVE_INFINITY);
  });
});
