/** The paired cluster bootstrap: whole clusters are resampled, with the same resample for every configuration and every metric. */

import { normalCdf, normalQuantile } from '../distributions/distributions.ts';
import { randomGenerator, randomInteger } from '../distributions/random.ts';
import { type Clusters, type Numbers, sum, tabulate } from './clustered.ts';
import type { Inference } from './estimate.ts';

/** A number computed from the data with each cluster counted `weights[cluster]` times. */
export type Statistic = (weights: Numbers) => number;

/** Above this many clusters plain percentiles suffice, with fewer resamples. */
export const correctedClustersMax = 2_000;

/** The number of resamples: 10,000 for few clusters, 2,000 otherwise. */
export const resamplesDefault = (clusters: number): number => (clusters <= correctedClustersMax ? 10_000 : 2_000);

/**
 * One inference per statistic, all from the same resamples: bias-corrected and accelerated (Efron 1987), plain percentiles above 2,000
 * clusters.
 * The acceleration leaves out one cluster at a time. A resample in which a statistic is not finite is left out of it.
 */
export function clusterBootstrap(
  clusters: number,
  statistics: readonly Statistic[],
  options: { readonly seed: number; readonly resamples?: number },
): Inference[] {
  const resamples = options.resamples ?? resamplesDefault(clusters);
  const draw = randomGenerator(options.seed);
  const weights = new Float64Array(clusters);
  const replicates = statistics.map(() => new Float64Array(resamples));
  for (let b = 0; b < resamples; b++) {
    weights.fill(0);
    for (let g = 0; g < clusters; g++) weights[randomInteger(draw, clusters)]!++;
    for (const [s, statistic] of statistics.entries()) replicates[s]![b] = statistic(weights);
  }
  return statistics.map((statistic, s) => bcaInference(statistic, replicates[s]!.filter(Number.isFinite).sort(), clusters));
}

function bcaInference(statistic: Statistic, replicates: Float64Array, clusters: number): Inference {
  const value = statistic(new Float64Array(clusters).fill(1));
  const count = replicates.length;
  const [bias, acceleration] = clusters > correctedClustersMax ? [0, 0] : [biasOf(value, replicates), accelerationOf(statistic, clusters)];
  /** The share of resamples below a one-sided bound at `p`, and its inverse. */
  const shareAt = (p: number): number => {
    const z = bias + normalQuantile(p);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
  const pAt = (share: number): number => {
    if (share <= 0 || share >= 1) return share;
    const w = normalQuantile(share) - bias;
    return normalCdf(w / (1 + acceleration * w) - bias);
  };
  const clamp = (p: number): number => (count === 0 || clusters < 2 ? 1 : Math.min(1, Math.max(1 / (count + 1), p)));
  const at = (share: number): number => replicates[Math.min(count - 1, Math.max(0, Math.ceil(share * count) - 1))]!;
  return {
    value,
    interval: confidence => {
      if (count === 0 || clusters < 2) return { value, low: -Infinity, high: Infinity };
      const tail = (1 - confidence) / 2;
      return { value, low: Math.min(value, at(shareAt(tail))), high: Math.max(value, at(shareAt(1 - tail))) };
    },
    pValueBelow: bound => (value >= bound ? 1 : clamp(1 - pAt(shareUnder(replicates, bound)))),
    pValueAbove: bound => (value <= bound ? 1 : clamp(pAt(1 - shareOver(replicates, bound)))),
  };
}

/** Ties with the value count half, because a quantile's resamples often equal it exactly. */
function biasOf(value: number, replicates: Float64Array): number {
  const share = (shareUnder(replicates, value) + 1 - shareOver(replicates, value)) / 2;
  const edge = 1 / (replicates.length + 1);
  return normalQuantile(Math.min(1 - edge, Math.max(edge, share)));
}

function accelerationOf(statistic: Statistic, clusters: number): number {
  const weights = new Float64Array(clusters).fill(1);
  const without = tabulate(clusters, g => {
    weights[g] = 0;
    const value = statistic(weights);
    weights[g] = 1;
    return value;
  });
  const mean = sum(without) / clusters;
  let [squares, cubes] = [0, 0];
  for (const value of without) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  const acceleration = cubes / (6 * squares ** 1.5);
  return Number.isFinite(acceleration) ? acceleration : 0;
}

const shareUnder = (sorted: Float64Array, bound: number): number => sorted.filter(x => x < bound).length / sorted.length;
const shareOver = (sorted: Float64Array, bound: number): number => sorted.filter(x => x > bound).length / sorted.length;

/** The sum of the values in each cluster. */
export function clusterSums(values: Numbers, clusters: Clusters): Float64Array {
  const sums = new Float64Array(clusters.count);
  for (let i = 0; i < values.length; i++) sums[clusters.of[i]!]! += values[i]!;
  return sums;
}

/** The sum of `sums[g] * weights[g]`. */
export function weightedSum(sums: Float64Array, weights: Numbers): number {
  let total = 0;
  for (let g = 0; g < sums.length; g++) total += sums[g]! * weights[g]!;
  return total;
}

/** The quantile of the items under cluster weights. Sorts once for all resamples. */
export function quantileStatistic(values: Numbers, q: number, clusters: Clusters): Statistic {
  const order = Int32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const sizes = clusterSums(new Float64Array(values.length).fill(1), clusters);
  return weights => {
    const wanted = q * weightedSum(sizes, weights) - 1e-9;
    let cumulativeWeight = 0;
    for (const i of order) {
      cumulativeWeight += weights[clusters.of[i]!]!;
      if (cumulativeWeight >= wanted && cumulativeWeight > 0) return values[i]!;
    }
    return Number.NaN;
  };
}
