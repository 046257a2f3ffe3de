/** The estimators against published tables, closed forms and each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aurc,
  auroc,
  benjaminiHochberg,
  betaQuantile,
  betInference,
  binomialCdf,
  binomialPValueBelow,
  boundedMeanInference,
  brier,
  calibrationError,
  clusterBootstrap,
  clusteredMean,
  clusterSums,
  clustersOf,
  equalCountBins,
  equalWidthBins,
  exactInterval,
  exactProportionInference,
  fixedSequence,
  holm,
  incompleteBeta,
  logGamma,
  mcnemar,
  meanInference,
  normalCdf,
  normalDraw,
  normalQuantile,
  proportionInference,
  quantileEstimate,
  quantileOf,
  quantileStatistic,
  randomGenerator,
  ratioInference,
  sampleSizeFactor,
  scaled,
  shuffled,
  studentCdf,
  studentQuantile,
  unclustered,
  upperBound,
  weightedSum,
  wilson,
} from '../../statistics/index.ts';

const runs = process.env.HINDCAST_LONG ? 4_000 : 400;

describe('special functions', () => {
  test('the gamma function is exact at integers, half-integers and large numbers', () => {
    expect(Math.exp(logGamma(5))).toBeCloseTo(24, 10);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12);
    expect(logGamma(1001)).toBeCloseTo(5912.128178488163, 8);
  });

  test('the normal distribution, its far tail and its inverse equal the tables', () => {
    expect(normalCdf(1.96)).toBeCloseTo(0.9750021048517795, 14);
    expect(normalCdf(-6) / 9.865876450376946e-10).toBeCloseTo(1, 10);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 11);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167813, 11);
  });

  test.each([
    [0.975, 1, 12.706204736],
    [0.975, 2, 4.30265273],
    [0.975, 10, 2.228138852],
    [0.95, 30, 1.697260887],
    [0.995, 120, 2.617421145],
  ])("Student's t at %d with %d degrees of freedom is %d", (p, df, t) => {
    expect(studentQuantile(p, df)).toBeCloseTo(t, 6);
    expect(studentCdf(t, df)).toBeCloseTo(p, 9);
  });

  test('the incomplete beta function equals the summed binomial distribution', () => {
    const n = 20;
    const p = 0.3;
    let term = (1 - p) ** n;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      sum += term;
      expect(binomialCdf(k, n, p)).toBeCloseTo(sum, 12);
      term *= ((n - k) / (k + 1)) * (p / (1 - p));
    }
    expect(incompleteBeta(0.25, 2, 3)).toBeCloseTo(0.26171875, 13);
    expect(binomialCdf(99_000, 100_000, 0.99)).toBeCloseTo(0.5, 1);
  });

  test('a beta quantile is where its distribution function reaches it', () => {
    const shape = fc.double({ min: 0.5, max: 5_000, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), shape, shape, (p, a, b) => {
        expect(incompleteBeta(betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 5);
      }),
      { numRuns: runs / 4 },
    );
  });
});

describe('proportions', () => {
  test("Wilson's interval for 81 of 263 is that of Newcombe (1998)", () => {
    const { low, high } = wilson(81, 263, 0.95);
    expect([low, high].map(x => x.toFixed(4))).toEqual(['0.2553', '0.3662']);
  });

  test('the exact interval for 81 of 263 is that of Newcombe (1998)', () => {
    const { low, high } = exactInterval(81, 263, 0.95);
    expect([low, high].map(x => x.toFixed(4))).toEqual(['0.2527', '0.3676']);
  });

  test('301 items without harm certify one per cent (the rule of three)', () => {
    expect(upperBound(0, 301, 0.95)).toBeCloseTo(1 - 0.05 ** (1 / 301), 12);
    expect(binomialPValueBelow(0, 298, 0.01)).toBeGreaterThan(0.05);
    expect(binomialPValueBelow(0, 299, 0.01)).toBeLessThanOrEqual(0.05);
  });

  test('the exact interval reaches its coverage for any proportion', () => {
    for (const p of [0.01, 0.2, 0.5]) {
      let covered = 0;
      let pmf = (1 - p) ** 40;
      for (let k = 0; k <= 40; k++) {
        const { low, high } = exactInterval(k, 40, 0.9);
        if (low <= p && p <= high) covered += pmf;
        pmf *= ((40 - k) / (k + 1)) * (p / (1 - p));
      }
      expect(covered).toBeGreaterThanOrEqual(0.9);
    }
  });

  test('interval and one-sided tests never contradict each other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 0, max: 1_000 }).map(m => m / 1_000),
        (x, bound) => {
          const clusters = clustersOf(x.map((_, i) => String(i % 7)));
          for (const inference of [
            proportionInference(x, clusters),
            exactProportionInference(x, clusters),
            boundedMeanInference(x, clusters, 0, 1),
          ]) {
            const { low, high } = inference.interval(0.95);
            if (bound > high + 1e-9) expect(inference.pValueBelow(bound)).toBeLessThanOrEqual(0.0251);
            if (bound < low - 1e-9) expect(inference.pValueAbove(bound)).toBeLessThanOrEqual(0.0251);
            if (bound > low && bound < high)
              expect(Math.min(inference.pValueBelow(bound), inference.pValueAbove(bound))).toBeGreaterThan(0.0249);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  test('without harm in any cluster, each cluster counts once, whatever its size', () => {
    const clusters = clustersOf(Array.from({ length: 300 }, (_, i) => String(i % 30)));
    const { high } = exactProportionInference(new Float64Array(300), clusters).interval(0.9);
    expect(high).toBeGreaterThanOrEqual(upperBound(0, 30, 0.95));
  });

  test("McNemar's exact test: of 1 against 9 gives 22 of 1024", () => {
    expect(mcnemar(1, 9)).toBeCloseTo(22 / 1024, 12);
    expect(mcnemar(0, 0)).toBe(1);
    expect(mcnemar(4, 4)).toBe(1);
  });
});

describe('clustered means', () => {
  test('with one item a cluster, the error is the textbook s/√n', () => {
    const x = [2, 4, 4, 4, 5, 5, 7, 9];
    const { mean, standardError, standardErrorIid, designEffect } = clusteredMean(x, unclustered(8));
    expect(mean).toBe(5);
    expect(standardError).toBeCloseTo(Math.sqrt(32 / 7 / 8), 12);
    expect(standardErrorIid).toBeCloseTo(standardError, 12);
    expect(designEffect).toBeCloseTo(1, 12);
  });

  test('copying each item k times changes no clustered error, and multiplies the design effect by about k', () => {
    const once = Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const thrice = [...once, ...once, ...once];
    const keys = thrice.map((_, i) => String(i % 50));
    const many = clusteredMean(thrice, clustersOf(keys));
    expect(many.standardError).toBeCloseTo(clusteredMean(once, unclustered(50)).standardError, 12);
    expect(many.designEffect).toBeCloseTo(149 / 49, 6);
  });

  test('the order of the rows changes nothing', () => {
    const x = Array.from({ length: 40 }, (_, i) => (i * 7) % 11);
    const keys = x.map((_, i) => String(i % 9));
    const order = shuffled([...x.keys()], randomGenerator(3));
    const turned = clusteredMean(
      order.map(i => x[i]!),
      clustersOf(order.map(i => keys[i]!)),
    );
    expect(turned.standardError).toBeCloseTo(clusteredMean(x, clustersOf(keys)).standardError, 12);
  });

  test.each([0, 0.2, 0.5])(
    'intervals of clustered numbers have 95 per cent coverage with an intra-cluster correlation of %d',
    correlation => {
      const draw = randomGenerator(17 + correlation * 100);
      const trials = runs * 5;
      const groups = 60;
      const keys = clustersOf(Array.from({ length: groups * 5 }, (_, i) => String(Math.floor(i / 5))));
      let covered = 0;
      for (let t = 0; t < trials; t++) {
        const shared = Float64Array.from({ length: groups }, () => normalDraw(draw));
        const x = Float64Array.from(
          { length: groups * 5 },
          (_, i) => Math.sqrt(correlation) * shared[Math.floor(i / 5)]! + Math.sqrt(1 - correlation) * normalDraw(draw),
        );
        const { low, high } = meanInference(x, keys).interval(0.95);
        if (low <= 0 && 0 <= high) covered++;
      }
      expect(covered / trials).toBeGreaterThan(0.935);
      expect(covered / trials).toBeLessThan(0.965);
    },
  );

  test('an interval of paired outcomes keeps a width when no pair differs', () => {
    const { value, low, high } = boundedMeanInference(new Float64Array(100), unclustered(100), -1, 1).interval(0.95);
    expect(value).toBe(0);
    expect(low).toBeLessThan(-0.01);
    expect(high).toBeGreaterThan(0.01);
  });

  test("without clusters it equals Bonett and Price's interval, with t for z", () => {
    const [better, worse, n] = [6, 1, 20];
    const d = Float64Array.from({ length: n }, (_, i) => (i < better ? 1 : i < better + worse ? -1 : 0));
    const { value, low, high } = boundedMeanInference(d, unclustered(n), -1, 1).interval(0.95);
    const [p, q] = [(better + 1) / (n + 2), (worse + 1) / (n + 2)];
    const reach = studentQuantile(0.975, n - 1) * Math.sqrt((p + q - (p - q) ** 2) / (n + 1));
    expect(value).toBe(0.25);
    expect(low).toBeCloseTo(p - q - reach, 12);
    expect(high).toBeCloseTo(p - q + reach, 12);
  });

  test('the linearised and the bootstrapped interval of a ratio agree', () => {
    const draw = randomGenerator(5);
    const b = Float64Array.from({ length: 400 }, () => 1 + draw());
    const a = b.map(x => x * (0.4 + 0.2 * draw()));
    const clusters = clustersOf(Array.from(a, (_, i) => String(i % 100)));
    const linear = ratioInference(a, b, clusters).interval(0.95);
    const [sumsA, sumsB] = [clusterSums(a, clusters), clusterSums(b, clusters)];
    const [resampled] = clusterBootstrap(clusters.count, [w => weightedSum(sumsA, w) / weightedSum(sumsB, w)], {
      seed: 1,
      resamples: 4000,
    });
    const { value, low, high } = resampled!.interval(0.95);
    expect(value).toBeCloseTo(linear.value, 12);
    expect(low).toBeCloseTo(linear.low, 2);
    expect(high).toBeCloseTo(linear.high, 2);
  });
});

describe('the bootstrap', () => {
  test('is corrected for bias and skew: the interval of a skewed mean extends further on the long side', () => {
    const draw = randomGenerator(9);
    const x = Float64Array.from({ length: 40 }, () => -Math.log(1 - draw()));
    const skewed = x.map(v => v * v);
    const sums = clusterSums(skewed, unclustered(40));
    const mean = (w: ArrayLike<number>): number => weightedSum(sums, w) / 40;
    const [resampled] = clusterBootstrap(40, [mean], { seed: 2 });
    const { value, low, high } = resampled!.interval(0.95);
    expect(high - value).toBeGreaterThan((value - low) * 1.2);
  });

  test("is Efron's BCa, computed by hand from the same resamples", () => {
    const draw = randomGenerator(13);
    const x = Float64Array.from({ length: 25 }, () => Math.exp(normalDraw(draw)));
    const seen: number[] = [];
    // A spread is biased downwards in resamples, so the correction matters.
    const spread = (w: ArrayLike<number>): number => {
      const n = x.reduce((s, _, i) => s + w[i]!, 0);
      const mean = x.reduce((s, v, i) => s + w[i]! * v, 0) / n;
      const value = Math.sqrt(x.reduce((s, v, i) => s + w[i]! * (v - mean) ** 2, 0) / n);
      seen.push(value);
      return value;
    };
    const [inference] = clusterBootstrap(25, [spread], { seed: 8, resamples: 2000 });
    const { value, low, high } = inference!.interval(0.9);
    const replicates = seen.slice(0, 2000).sort((a, b) => a - b);
    const z0 = normalQuantile(replicates.filter(r => r < value).length / 2000);
    const without = x.map((_, g) => spread(x.map((__, i) => (i === g ? 0 : 1))));
    const mean = without.reduce((s, v) => s + v, 0) / 25;
    const a = without.reduce((s, v) => s + (mean - v) ** 3, 0) / (6 * without.reduce((s, v) => s + (mean - v) ** 2, 0) ** 1.5);
    const at = (alpha: number): number => {
      const z = z0 + normalQuantile(alpha);
      return replicates[Math.ceil(normalCdf(z0 + z / (1 - a * z)) * 2000) - 1]!;
    };
    expect(Math.abs(z0)).toBeGreaterThan(0.2);
    expect(Math.abs(a)).toBeGreaterThan(0.05);
    expect(low).toBeCloseTo(at(0.05), 10);
    expect(high).toBeCloseTo(at(0.95), 10);
  });

  test('repeats its numbers for one seed and changes them for another', () => {
    const sums = Float64Array.from({ length: 30 }, (_, i) => Math.cos(i));
    const interval = (seed: number): unknown =>
      clusterBootstrap(30, [w => weightedSum(sums, w)], { seed, resamples: 500 })[0]!.interval(0.9);
    expect(interval(4)).toEqual(interval(4));
    expect(interval(4)).not.toEqual(interval(5));
  });

  test('has a test and an interval that agree at the bound', () => {
    const draw = randomGenerator(11);
    const x = Float64Array.from({ length: 80 }, () => normalDraw(draw) + 0.2);
    const sums = clusterSums(x, unclustered(80));
    const [resampled] = clusterBootstrap(80, [w => weightedSum(sums, w) / 80], { seed: 3 });
    const { low, high } = resampled!.interval(0.95);
    expect(resampled!.pValueAbove(low)).toBeCloseTo(0.025, 2);
    expect(resampled!.pValueBelow(high)).toBeCloseTo(0.025, 2);
  });

  test('rejects a bound that no resample reached as far as their number allows, even without spread', () => {
    const sums = Float64Array.from({ length: 50 }, (_, i) => 1 + (i % 2) / 100);
    const [resampled, constant] = clusterBootstrap(50, [w => weightedSum(sums, w) / 50, () => 3], { seed: 3, resamples: 999 });
    expect(resampled!.pValueBelow(2)).toBe(1 / 1000);
    expect(resampled!.pValueAbove(0)).toBe(1 / 1000);
    expect(constant!.interval(0.95)).toEqual({ value: 3, low: 3, high: 3 });
    expect(constant!.pValueBelow(4)).toBe(1 / 1000);
    expect(constant!.pValueAbove(4)).toBe(1);
  });

  test('claims nothing from one cluster, which has no spread', () => {
    const [resampled] = clusterBootstrap(1, [w => w[0]!], { seed: 1, resamples: 100 });
    expect(resampled!.interval(0.95)).toEqual({ value: 1, low: -Infinity, high: Infinity });
    expect(resampled!.pValueBelow(5)).toBe(1);
  });
});

describe('quantiles', () => {
  test('are values that occurred', () => {
    expect(quantileOf([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantileOf([1, 2, 3, 4], 0.95)).toBe(4);
    const twenty = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(quantileOf(twenty, 0.95)).toBe(19);
    const statistic = quantileStatistic(twenty, 0.95, unclustered(20));
    expect(statistic(new Float64Array(20).fill(1))).toBe(19);
  });

  test('a p95 of clustered latencies is inside its interval nine to ten times in ten', () => {
    const draw = randomGenerator(23);
    const truth = Math.exp(normalQuantile(0.95));
    const keys = clustersOf(Array.from({ length: 600 }, (_, i) => String(Math.floor(i / 4))));
    let covered = 0;
    for (let t = 0; t < runs; t++) {
      const shared = Float64Array.from({ length: 150 }, () => normalDraw(draw));
      const x = Float64Array.from({ length: 600 }, (_, i) =>
        Math.exp(Math.sqrt(0.3) * shared[Math.floor(i / 4)]! + Math.sqrt(0.7) * normalDraw(draw)),
      );
      const { low, high } = quantileEstimate(x, 0.95, keys, 0.95);
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / runs).toBeGreaterThan(0.9);
  });
});

describe('multiple testing', () => {
  test("Holm's adjusted p-values equal those computed by hand", () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([])).toEqual([]);
  });

  test("Benjamini and Hochberg's adjusted p-values equal those computed by hand", () => {
    const adjusted = benjaminiHochberg([0.01, 0.04, 0.03, 0.005]);
    expect(adjusted.map(p => p.toFixed(4))).toEqual(['0.0200', '0.0400', '0.0400', '0.0200']);
  });

  test('a fixed sequence stops at the first hypothesis that is not rejected', () => {
    expect(fixedSequence([0.001, 0.02, 0.2, 0.0001], 0.05)).toBe(2);
    expect(fixedSequence([Number.NaN], 0.05)).toBe(0);
  });

  test('a fixed sequence of true nulls is wrong no more often than one test', () => {
    const draw = randomGenerator(31);
    let wrong = 0;
    for (let t = 0; t < runs * 5; t++) if (fixedSequence([draw(), draw(), draw(), draw()], 0.05) > 0) wrong++;
    expect(wrong / (runs * 5)).toBeLessThan(0.05 + 3 * Math.sqrt(0.0475 / (runs * 5)));
  });
});

describe('betting', () => {
  test('certifies a net loss of 2.1 points on 500 items of which 2 % differ', () => {
    const draw = randomGenerator(43);
    const smallest = Array.from({ length: 41 }, () => {
      const losses = shuffled(
        Array.from({ length: 500 }, (_, i) => (i < 10 ? (i % 2 === 0 ? 1 : -1) : 0)),
        draw,
      );
      return betInference(losses, unclustered(500), { from: -1, to: 1, cap: 1 }).interval(0.9).high;
    }).sort((a, b) => a - b)[20]!;
    expect(smallest).toBeGreaterThan(0.018);
    expect(smallest).toBeLessThan(0.024);
  });
});

describe('calibration', () => {
  test('metrics and fits equal those computed by hand', () => {
    const confidences = [0.95, 0.95, 0.55, 0.55];
    const outcomes = [1, 0, 1, 0];
    expect(brier(confidences, outcomes)).toBeCloseTo((0.05 ** 2 + 0.95 ** 2 + 0.45 ** 2 + 0.55 ** 2) / 4, 12);
    expect(calibrationError(equalWidthBins(confidences, outcomes))).toBeCloseTo(0.5 * 0.45 + 0.5 * 0.05, 12);
    expect(calibrationError(equalCountBins(confidences, outcomes, 2))).toBeCloseTo(0.25, 12);
    expect(auroc(confidences, outcomes)).toBe(0.5);
    expect(auroc([0.1, 0.9, 0.8], [0, 1, 1])).toBe(1);
    expect(aurc([0.9, 0.8, 0.1], [1, 1, 0])).toBeCloseTo(1 / 9, 12);
  });
});

describe('estimates', () => {
  test('keep their tests in other units and with the sign reversed', () => {
    const inference = meanInference([1, 2, 3, 4, 5], unclustered(5));
    const turned = scaled(inference, -100, 7);
    expect(turned.value).toBe(-293);
    expect(turned.pValueBelow(-100 * 1 + 7)).toBeCloseTo(inference.pValueAbove(1), 12);
    const { low, high } = turned.interval(0.9);
    expect(low).toBeCloseTo(7 - 100 * inference.interval(0.9).high, 10);
    expect(high).toBeCloseTo(7 - 100 * inference.interval(0.9).low, 10);
  });

  test('four times the data halve the error, so a doubled gap needs a quarter of them', () => {
    const inference = meanInference([1, 2, 3, 4, 5, 3, 3, 2, 4], unclustered(9));
    const far = sampleSizeFactor(inference, 7, 0.95)!;
    expect(sampleSizeFactor(inference, 5, 0.95)! / far).toBeCloseTo(4, 9);
    expect(sampleSizeFactor(inference, 3, 0.95)).toBeUndefined();
  });
});
