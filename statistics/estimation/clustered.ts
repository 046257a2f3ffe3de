/** Means, differences and ratios of clustered items (conversations, users), with cluster-robust errors. */
import { type Inference, tInference } from './estimate.ts';

/** The cluster of each item, numbered from 0. */
export interface Clusters {
  readonly of: Int32Array;
  readonly count: number;
}

export type Numbers = ArrayLike<number>;

/** A column of numbers by index. A plain loop, because `Float64Array.from` with a function takes ten times as long. */
export function tabulate(n: number, at: (i: number) => number): Float64Array {
  const column = new Float64Array(n);
  for (let i = 0; i < n; i++) column[i] = at(i);
  return column;
}

/** Numbers the clusters 0, 1, … in order of first appearance. `keys` names the cluster of each item. */
export function clustersOf(keys: readonly string[]): Clusters {
  const numbers = new Map<string, number>();
  const of = Int32Array.from(keys, key => {
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  });
  return { of, count: numbers.size };
}

/** Every item as a cluster of its own. */
export const unclustered = (n: number): Clusters => ({ of: Int32Array.from({ length: n }, (_, i) => i), count: n });

export interface ClusteredMean {
  readonly mean: number;
  readonly n: number;
  readonly clusters: number;
  /** SE² = G/(G-1) · Σ_g (Σ_{i∈g} (x_i - x̄))² / n²; 0 with a single cluster, which shows no spread between clusters; its intervals are infinite. */
  readonly standardError: number;
  /** The error if every item were independent: s/√n. */
  readonly standardErrorIid: number;
  /** error² / errorIid²: the factor by which clustering reduces the sample size; 1 without spread. */
  readonly designEffect: number;
}

/** Cameron and Miller, "A practitioner's guide to cluster-robust inference" (2015); Miller, arXiv 2411.00640, appendix A, without the G/(G-1). */
export function clusteredMean(values: Numbers, clusters: Clusters): ClusteredMean {
  const n = values.length;
  const { count: groups } = clusters;
  const mean = sum(values) / n;
  const sums = new Float64Array(groups);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const away = values[i]! - mean;
    sums[clusters.of[i]!]! += away;
    squares += away * away;
  }
  const between = sums.reduce((s, x) => s + x * x, 0);
  const error = groups > 1 ? Math.sqrt(((groups / (groups - 1)) * between) / n ** 2) : 0;
  const errorIid = n > 1 ? Math.sqrt(squares / (n * (n - 1))) : 0;
  // Of items that are all clusters of their own it is 1 to the last digit, which sizes that are multiplied by it need.
  const designEffect = errorIid > 0 && groups < n ? (error / errorIid) ** 2 : 1;
  return {
    mean,
    n,
    clusters: groups,
    standardError: error,
    standardErrorIid: errorIid,
    designEffect,
  };
}

/** The mean of unbounded numbers, such as costs: t with G-1 degrees of freedom. */
export function meanInference(values: Numbers, clusters: Clusters): Inference {
  const { mean, standardError } = clusteredMean(values, clusters);
  return tInference(mean, standardError, clusters.count - 1);
}

/**
 * The mean of numbers between two bounds, or of their paired differences.
 * Two imaginary items, one at each bound and each a cluster of its own, keep the interval open when a small sample shows no spread. For
 * paired binary outcomes that is Bonett and Price's adjusted interval (2012); here it also covers clusters and graded outcomes.
 */
export function boundedMeanInference(values: Numbers, clusters: Clusters, from: number, to: number): Inference {
  const { mean, standardError } = regularisedMean(values, clusters, from, to);
  return tInference(sum(values) / values.length, standardError, clusters.count - 1, mean);
}

/** The mean and its error, the two imaginary items included. */
export function regularisedMean(values: Numbers, clusters: Clusters, from: number, to: number): ClusteredMean {
  const n = values.length;
  const more = new Float64Array(n + 2);
  const of = new Int32Array(n + 2);
  for (let i = 0; i < n; i++) {
    more[i] = values[i]!;
    of[i] = clusters.of[i]!;
  }
  more.set([from, to], n);
  of.set([clusters.count, clusters.count + 1], n);
  return clusteredMean(more, { of, count: clusters.count + 2 });
}

/** Σ numerator / Σ denominator, its error by linearisation: the clustered error of (numerator - ratio·denominator) / mean denominator. */
export function ratioInference(numerator: Numbers, denominator: Numbers, clusters: Clusters): Inference {
  const n = numerator.length;
  const total = sum(denominator);
  const ratio = sum(numerator) / total;
  const residuals = new Float64Array(n);
  for (let i = 0; i < n; i++) residuals[i] = ((numerator[i]! - ratio * denominator[i]!) * n) / total;
  return tInference(ratio, clusteredMean(residuals, clusters).standardError, clusters.count - 1);
}

/** candidate - baseline, item by item. */
export function differences(candidate: Numbers, baseline: Numbers): Float64Array {
  return tabulate(candidate.length, i => candidate[i]! - baseline[i]!);
}

/** The error of the difference of two means if they were measured on different items: the cost of ignoring the pairing. */
export const unpairedStandardError = (a: ClusteredMean, b: ClusteredMean): number => Math.hypot(a.standardErrorIid, b.standardErrorIid);

/** The sum of the values. */
export function sum(values: Numbers): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
