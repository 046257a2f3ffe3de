/** Means of items drawn with unequal probabilities, such as audits: each item is weighted by one over its probability. */
import { type Clusters, clusteredMean, type Numbers, ratioInference, sum, tabulate } from './clustered.ts';
import { type Inference, tInference } from './estimate.ts';

/** Σ w x / Σ w. Hájek, "Comment on an essay by D. Basu" (1971). */
export const weightedMean = (values: Numbers, weights: Numbers | undefined): number =>
  weights ? sum(products(values, weights)) / sum(weights) : sum(values) / values.length;

const products = (values: Numbers, weights: Numbers): Float64Array => tabulate(values.length, i => values[i]! * weights[i]!);

/** Σ w a / Σ w b by linearisation, cluster-robust. With b = 1 it is Hájek's mean. */
export const weightedRatio = (numerator: Numbers, denominator: Numbers, weights: Numbers, clusters: Clusters): Inference =>
  ratioInference(products(numerator, weights), products(denominator, weights), clusters);

/** The weighted mean of the values, with a cluster-robust error. */
export const weightedMeanInference = (values: Numbers, weights: Numbers, clusters: Clusters): Inference =>
  weightedRatio(values, new Float64Array(values.length).fill(1), weights, clusters);

/** The bounded mean as in `boundedMeanInference`: with two imaginary items of the greatest weight, one at each bound. */
export function weightedBoundedInference(values: Numbers, weights: Numbers, clusters: Clusters, from: number, to: number): Inference {
  const n = values.length;
  const most = tabulate(n, i => weights[i]!).reduce((a, b) => Math.max(a, b), 0);
  const w = tabulate(n + 2, i => (i < n ? weights[i]! : most));
  const x = tabulate(n + 2, i => (i < n ? values[i]! : i === n ? from : to));
  const of = Int32Array.from({ length: n + 2 }, (_, i) => (i < n ? clusters.of[i]! : clusters.count + i - n));
  const centre = weightedMean(x, w);
  const total = sum(w);
  const residuals = tabulate(n + 2, i => (w[i]! * (x[i]! - centre) * (n + 2)) / total);
  const { standardError } = clusteredMean(residuals, { of, count: clusters.count + 2 });
  return tInference(weightedMean(values, weights), standardError, clusters.count - 1, centre);
}

/** Kish's effective sample size, (Σ w)² / Σ w²: the number of items of equal weight with the same information. */
export const kishEffectiveSampleSize = (weights: Numbers): number => sum(weights) ** 2 / sum(products(weights, weights));
