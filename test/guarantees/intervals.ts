/** Intervals: how often they hold the truth, and that none is printed where too little is known. */
import {
  augmentedMean,
  betInference,
  clustersOf,
  crossFittedPredictions,
  type Estimate,
  labelledMean,
  meanInference,
  quantileEstimate,
  type Random,
  randomInteger,
  tabulate,
  unclustered,
  weightedBoundedInference,
} from '../../statistics/index.ts';
import type { Guarantee } from './guarantee.ts';
import { bernoulli, clustersOfSizes, lognormal, shortSizes } from './populations.ts';

const level = 0.95;
const holds = ({ low, high }: Estimate, truth: number): boolean => low <= truth && truth <= high;

interface Audit {
  readonly judged: Float64Array;
  readonly labels: Float64Array;
}

/** The judge says the opposite with chance `error`; `m` of `n` answers are labelled, drawn at random. */
function auditOf(draw: Random, truths: Float64Array, m: number, error: number): Audit {
  const n = truths.length;
  const judged = truths.map(y => (draw() < error ? 1 - y : y));
  const labels = new Float64Array(n).fill(Number.NaN);
  for (let left = m; left > 0; ) {
    const i = randomInteger(draw, n);
    if (!Number.isNaN(labels[i]!)) continue;
    labels[i] = truths[i]!;
    left--;
  }
  return { judged, labels };
}

export type AuditInterval = (audit: Audit, clusters: ReturnType<typeof unclustered>) => Estimate;
export const audited: AuditInterval = ({ judged, labels }, clusters) => labelledMean(judged, labels, clusters).inference.interval(level);
const qualities = [0.97, 0.9] as const;

export function auditGuarantees(interval: AuditInterval = audited): readonly Guarantee[] {
  const one = (n: number, m: number, error: number, quality: number): Guarantee => {
    const clusters = unclustered(n);
    return {
      generator: `audit of ${m} in ${n}, judge wrong in ${error * 100} %, quality ${quality * 100} %`,
      claim: 'quality of future answers',
      ...{ kind: 'covers at least', nominal: level, runs: n > 1_000 ? 600 : 1_500, ...(n === 500 && m === 30 && { shortRuns: 150 }) },
      run: draw => {
        const truths = tabulate(n, () => bernoulli(draw, quality));
        return holds(interval(auditOf(draw, truths, m, error), clusters), quality);
      },
    };
  };
  return [
    ...[500, 1_000, 10_000].flatMap(n => [30, 50, 100].flatMap(m => [0.03, 0.1, 0.3].map(error => one(n, m, error, qualities[0])))),
    one(1_000, 100, 0.3, 0.9),
    one(1_000, 200, 0.1, 0.9),
    one(1_000, 200, 0.3, 0.9),
    one(5_000, 300, 0.1, 0.9),
    one(1_000, 300, 0.3, 0.7),
    {
      generator: 'audit of 300 in 400 conversations of mean 4, qualities alike inside, judge wrong in 30 %',
      claim: 'quality of future answers',
      ...{ kind: 'covers at least', nominal: level, runs: 1_000 },
      run: draw => {
        const clusters = clustersOfSizes(shortSizes(draw, 400));
        const chance = tabulate(400, () => (draw() < 0.5 ? 0.7 : 0.9));
        const truths = tabulate(clusters.of.length, i => bernoulli(draw, chance[clusters.of[i]!]!));
        return holds(interval(auditOf(draw, truths, 300, 0.3), clusters), 0.8);
      },
    },
  ];
}

/** About the recorded answers themselves, several of one conversation. */
function recordedAudit(m: number, error: number): Guarantee {
  return {
    generator: `audit of ${m} in 250 conversations of mean 4, one fate each, judge wrong in ${error * 100} %`,
    claim: 'quality of the recorded answers',
    ...{ kind: 'covers at least', nominal: level, runs: 1_500 },
    run: draw => {
      const clusters = clustersOfSizes(shortSizes(draw, 250));
      const fate = tabulate(250, () => bernoulli(draw, 0.85));
      const truths = tabulate(clusters.of.length, i => fate[clusters.of[i]!]!);
      const { judged, labels } = auditOf(draw, truths, m, error);
      const truth = truths.reduce((a, b) => a + b, 0) / truths.length;
      return holds(labelledMean(judged, labels, clusters, 'recorded').inference.interval(level), truth);
    },
  };
}

export function quantileGuarantees(): readonly Guarantee[] {
  const singles = (n: number, q: number): Guarantee => ({
    generator: `${n} lognormal latencies`,
    claim: `p${q * 100}`,
    ...{ kind: 'covers at least', nominal: level, runs: 2_000, ...(n === 20 && { shortRuns: 150 }) },
    run: draw =>
      holds(
        quantileEstimate(
          tabulate(n, () => lognormal(draw, 1)),
          q,
          unclustered(n),
          level,
        ),
        Math.exp(q === 0.5 ? 0 : 1.6448536269514722),
      ),
  });
  return [
    ...[20, 30, 72, 200, 1_000].flatMap(n => [singles(n, 0.5), singles(n, 0.95)]),
    ...[0.5, 0.95].map(
      (q): Guarantee => ({
        generator: '600 conversations of mean 4 at most 20, half of the spread shared',
        claim: `p${q * 100}`,
        ...{ kind: 'covers at least', nominal: level, runs: 500 },
        run: draw => {
          const clusters = clustersOfSizes(shortSizes(draw, 600));
          const shared = tabulate(600, () => lognormal(draw, Math.SQRT1_2));
          const values = tabulate(clusters.of.length, i => shared[clusters.of[i]!]! * lognormal(draw, Math.SQRT1_2));
          return holds(quantileEstimate(values, q, clusters, level, { cap: 20 }), Math.exp(q === 0.5 ? 0 : 1.6448536269514722));
        },
      }),
    ),
  ];
}

/** Accepted answers of a cascade are drawn with chance rho; the rest is known. */
function augmentedGuarantee(count: number, rho: number, fitted: boolean): Guarantee {
  return {
    generator: `${count} conversations of mean 4, audits ${rho}, quality follows the score`,
    claim: `mean quality of the reference (augmented, ${fitted ? 'cross-fitted' : 'no predictions'})`,
    ...{ kind: 'covers about', nominal: level, runs: 1_000 },
    run: draw => {
      const clusters = clustersOfSizes(shortSizes(draw, count));
      const n = clusters.of.length;
      const level1 = tabulate(count, () => 0.2 * (draw() - 0.5));
      const scores = tabulate(n, () => draw());
      const chance = scores.map(s => (s > 0.3 ? rho : 1));
      const drawn = chance.map(pi => bernoulli(draw, pi));
      const outcomes = scores.map((s, i) => bernoulli(draw, 0.4 + 0.4 * s + level1[clusters.of[i]!]!));
      const sample = { outcomes, drawn, chance, clusters };
      const { inference, isEnough } = augmentedMean(sample, fitted ? crossFittedPredictions([scores], sample) : new Float64Array(n));
      return isEnough ? holds(inference.interval(level), 0.6) : undefined;
    },
  };
}

function meanGuarantees(): readonly Guarantee[] {
  const unlikely = tabulate(1_000, () => 0);
  return [
    {
      generator: '300 grades of 0, 0.5 and 1',
      claim: 'mean (betting)',
      ...{ kind: 'covers at least', nominal: level, shortRuns: 60 },
      run: draw => {
        const values = tabulate(300, () => (draw() < 0.1 ? 0 : draw() < 0.2 ? 0.5 : 1));
        return holds(betInference(values, unclustered(300), { from: 0, to: 1, cap: 1 }).interval(level), 0.9 * (0.1 + 0.8));
      },
    },
    {
      generator: '300 conversations of mean 4, long ones worse',
      claim: 'mean per request (betting on sums)',
      ...{ kind: 'covers at least', nominal: level, runs: 600 },
      run: draw => {
        const sizes = shortSizes(draw, 300);
        const clusters = clustersOfSizes(sizes);
        const fate = tabulate(300, () => draw());
        const values = tabulate(clusters.of.length, i => Number(fate[clusters.of[i]!]! < (sizes[clusters.of[i]!]! > 3 ? 0.6 : 0.9)));
        return holds(betInference(values, clusters, { from: 0, to: 1, cap: 20 }).interval(level), longWorseMean);
      },
    },
    {
      generator: 'one conversation of 1000 requests',
      claim: 'cost per request',
      ...{ kind: 'covers at least', nominal: level, runs: 200, shortRuns: 20 },
      run: draw => {
        const one = clustersOf(Array.from(unlikely, () => 'one'));
        return holds(
          meanInference(
            tabulate(1_000, () => 3 + 0 * draw()),
            one,
          ).interval(level),
          5,
        );
      },
    },
    {
      generator: '2000 requests, audits of 0.3 and 1, quality 90 %',
      claim: 'mean (Hájek, t)',
      ...{ kind: 'covers about', nominal: level },
      run: draw => {
        const rows: { x: number; w: number }[] = [];
        for (let i = 0; i < 2_000; i++) {
          const chance = i % 2 === 0 ? 1 : 0.3;
          if (draw() < chance) rows.push({ x: bernoulli(draw, i % 2 === 0 ? 0.85 : 0.95), w: 1 / chance });
        }
        const [x, w] = [rows.map(r => r.x), rows.map(r => r.w)];
        return holds(weightedBoundedInference(x, w, unclustered(rows.length), 0, 1).interval(level), 0.9);
      },
    },
  ];
}

/** E[sum] / E[size] of sizes that stop with chance 1/4 and end at 20. */
const longWorseMean = ((): number => {
  let [sum, size] = [0, 0];
  for (let n = 1; n <= 20; n++) {
    const p = n < 20 ? 0.75 ** (n - 1) * 0.25 : 0.75 ** 19;
    sum += p * n * (n > 3 ? 0.6 : 0.9);
    size += p * n;
  }
  return sum / size;
})();

export const intervalGuarantees = (): readonly Guarantee[] => [
  ...auditGuarantees(),
  recordedAudit(40, 0.1),
  recordedAudit(150, 0.2),
  recordedAudit(300, 0.1),
  ...quantileGuarantees(),
  augmentedGuarantee(1_000, 0.1, true),
  augmentedGuarantee(1_000, 0.1, false),
  augmentedGuarantee(1_000, 0.03, true),
  augmentedGuarantee(300, 0.3, true),
  ...meanGuarantees(),
];
