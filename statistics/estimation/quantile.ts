/** Quantiles of clustered items, such as a p95 latency, with their intervals. */

import { studentQuantile } from '../distributions/distributions.ts';
import { type Clusters, clusteredMean, type Numbers, tabulate } from './clustered.ts';
import type { Estimate } from './estimate.ts';

/** The smallest value that at least the share `q` of the values does not exceed. `sorted` is ascending. */
export const quantileOf = (sorted: Numbers, q: number): number => {
  const n = sorted.length;
  return n === 0 ? Number.NaN : sorted[Math.min(n - 1, Math.max(0, Math.ceil(q * n - 1e-9) - 1))]!;
};

export const sortedAscending = (values: Numbers): Float64Array =>
  (values instanceof Float64Array ? values.slice() : Float64Array.from(values)).sort();

/**
 * Woodruff's interval (1952): the cluster-robust interval of the share at or below the quantile, read back through the empirical
 * distribution.
 * Where the sample is too small for a bound, the bound is the end of the sample.
 */
export function quantileEstimates(values: Numbers, qs: readonly number[], clusters: Clusters, confidence: number): Estimate[] {
  const sorted = sortedAscending(values);
  const n = values.length;
  const critical = clusters.count > 1 ? studentQuantile((1 + confidence) / 2, clusters.count - 1) : undefined;
  return qs.map(q => {
    const value = quantileOf(sorted, q);
    const under = tabulate(n, i => (values[i]! <= value ? 1 : 0));
    // With an extreme q and few items every item lies below; the binomial error is then the lower limit.
    const error = Math.max(clusteredMean(under, clusters).standardError, Math.sqrt((q * (1 - q)) / n));
    const halfWidth = critical === undefined ? 1 : critical * error;
    return { value, low: quantileOf(sorted, Math.max(0, q - halfWidth)), high: quantileOf(sorted, Math.min(1, q + halfWidth)) };
  });
}

export const quantileEstimate = (values: Numbers, q: number, clusters: Clusters, confidence: number): Estimate =>
  quantileEstimates(values, [q], clusters, confidence)[0]!;
