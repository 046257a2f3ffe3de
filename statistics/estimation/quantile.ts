/** Quantiles, such as a p95 latency, with exact intervals that stay open where the sample is too small for the level. */
import { betInference } from '../betting/bounded-mean.ts';
import { clusterSizes } from '../betting/payoffs.ts';
import { binomialCdf } from '../distributions/distributions.ts';
import { type Clusters, type Numbers, sum, tabulate } from './clustered.ts';
import { clusteredQuantileEnds } from './clustered-quantile.ts';
import type { Estimate, Inference } from './estimate.ts';
import { binomialPValueAbove, binomialPValueBelow } from './proportion.ts';
import { Ranks } from './ranks.ts';

/** The smallest value that at least the share `q` of the values does not exceed. `sorted` is ascending. */
export const quantileOf = (sorted: Numbers, q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[quantileRank(sorted.length, q) - 1]!;

/** Of n values, from 1. */
export const quantileRank = (n: number, q: number): number => Math.min(n, Math.max(1, Math.ceil(q * n - 1e-9)));

/** The smallest value that at least the share `q` of the weights does not exceed; NaN of none. */
export function weightedQuantile(values: Numbers, weights: Numbers, q: number): number {
  const order = Int32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const wanted = q * order.reduce((total, i) => total + weights[i]!, 0) - 1e-9;
  let cumulativeWeight = 0;
  for (const i of order) {
    cumulativeWeight += weights[i]!;
    if (cumulativeWeight >= wanted && cumulativeWeight > 0) return values[i]!;
  }
  return Number.NaN;
}

/** A sorted copy of the values. */
export const sortedAscending = (values: Numbers): Float64Array =>
  (values instanceof Float64Array ? values.slice() : Float64Array.from(values)).sort();

export interface QuantileOptions {
  /** Items of one cluster that count, fixed before; by default as many as the largest cluster has. */
  readonly cap?: number;
  /** Of the clusters, as in `bettingOrder`. */
  readonly order?: Numbers;
}

/**
 * Exact two-sided intervals, -Infinity and Infinity where the sample is too small for a bound (below 72 items for the upper end of a p95 at
 * 95 %). Independent items: order statistics by the binomial. Clustered items: all x of which neither "more than 1 - q lie above" nor
 * "fewer do" is shown by betting on sums over clusters. Values may be Infinity, for what never came.
 */
export function quantileEstimates(
  values: Numbers,
  qs: readonly number[],
  clusters: Clusters,
  confidence: number,
  options: QuantileOptions = {},
): Estimate[] {
  const ranks = new Ranks(values);
  return qs.map(q => {
    const value = values.length === 0 ? Number.NaN : ranks.at(quantileRank(values.length, q));
    const ends =
      clusters.count === values.length
        ? orderStatistics(ranks, q, confidence)
        : clusteredQuantileEnds({ values, ranks, clusters, ...options }, q, confidence);
    return { value, low: ends.low, high: ends.high };
  });
}

/** One quantile with its interval, as `quantileEstimates` gives several. */
export const quantileEstimate = (values: Numbers, q: number, clusters: Clusters, confidence: number, options?: QuantileOptions): Estimate =>
  quantileEstimates(values, [q], clusters, confidence, options)[0]!;

/** The quantile with the tests that its interval inverts: of the share of values on one side of a bound, by the binomial or by betting. */
export function quantileInference(values: Numbers, q: number, clusters: Clusters, options: QuantileOptions = {}): Inference {
  const n = values.length;
  const isSingle = clusters.count === n;
  const cap = options.cap ?? (isSingle ? 1 : clusterSizes(clusters).reduce((a, b) => Math.max(a, b), 1));
  const share = (holds: (value: number) => boolean): Float64Array => tabulate(n, i => Number(holds(values[i]!)));
  const bet = (of: Float64Array): Inference =>
    betInference(of, clusters, { from: 0, to: 1, cap, ...(options.order && { order: options.order }) });
  return {
    value: quantileEstimate(values, q, clusters, 0.95, options).value,
    interval: confidence => quantileEstimate(values, q, clusters, confidence, options),
    pValueBelow: bound => {
      const of = share(value => value >= bound);
      return isSingle ? binomialPValueBelow(sum(of), n, 1 - q) : bet(of).pValueBelow(1 - q);
    },
    pValueAbove: bound => {
      const of = share(value => value > bound);
      return isSingle ? binomialPValueAbove(sum(of), n, 1 - q) : bet(of).pValueAbove(1 - q);
    },
  };
}

/**
 * P(ξ < X_(l)) = P(Bin(n, q) < l) and P(X_(u) < ξ) ≤ P(Bin(n, q) ≥ u), each at most half of 1 - confidence. David and Nagaraja, "Order
 * statistics" (2003), 7.1.
 */
function orderStatistics(ranks: Ranks, q: number, confidence: number): { readonly low: number; readonly high: number } {
  const n = ranks.count;
  const alpha = (1 - confidence) / 2;
  const low = leastIndex(n + 1, l => binomialCdf(l - 1, n, q) > alpha) - 1;
  const high = leastIndex(n + 1, u => u > n || 1 - binomialCdf(u - 1, n, q) <= alpha);
  return { low: low < 1 ? Number.NEGATIVE_INFINITY : ranks.at(low), high: high > n ? Number.POSITIVE_INFINITY : ranks.at(high) };
}

/** The least whole number from 1 to `most` where it holds, it holding from there on. */
function leastIndex(most: number, holds: (index: number) => boolean): number {
  let [low, high] = [1, most];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
