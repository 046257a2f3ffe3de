/** Proportions: Wilson's interval and the exact binomial, both for clustered items as well. */

import { betaQuantile, binomialCdf, incompleteBeta, normalCdf, normalQuantile, studentQuantile } from '../distributions/distributions.ts';
import { type Clusters, clusteredMean, type Numbers } from './clustered.ts';
import type { Estimate, Inference } from './estimate.ts';

/** Wilson's score interval (1927). */
export function wilson(successes: number, n: number, confidence: number): Estimate {
  if (n === 0) return { value: Number.NaN, low: 0, high: 1 };
  const z = normalQuantile((1 + confidence) / 2);
  const p = successes / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const halfWidth = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return { value: p, low: p === 0 ? 0 : Math.max(0, centre - halfWidth), high: p === 1 ? 1 : Math.min(1, centre + halfWidth) };
}

/** The exact interval of Clopper and Pearson (1934). */
export function exactInterval(successes: number, n: number, confidence: number): Estimate {
  const tail = (1 - confidence) / 2;
  return { value: n === 0 ? Number.NaN : successes / n, low: lowerBound(successes, n, 1 - tail), high: upperBound(successes, n, 1 - tail) };
}

/** One-sided exact bounds: with this `confidence` the true proportion is at most (at least) the result. */
export const upperBound = (successes: number, n: number, confidence: number): number =>
  successes >= n ? 1 : betaQuantile(confidence, successes + 1, n - successes);

/** The exact (Clopper-Pearson) lower bound of a share, one-sided, at the given confidence. */
export const lowerBound = (successes: number, n: number, confidence: number): number =>
  successes <= 0 ? 0 : betaQuantile(1 - confidence, successes, n - successes + 1);

/** P(Bin(n, bound) ≤ successes): the exact p-value of "the share is at least `bound`". */
export const binomialPValueBelow = (successes: number, n: number, bound: number): number => binomialCdf(successes, n, bound);
/** P(Bin(n, bound) ≥ successes): the exact p-value of "the share is at most `bound`". */
export const binomialPValueAbove = (successes: number, n: number, bound: number): number =>
  successes <= 0 ? 1 : incompleteBeta(bound, successes, n - successes + 1);

/**
 * The effective sample size of clustered items: n divided by the design effect, at most n.
 * When all values are equal, or there is one cluster, the data do not show how alike a cluster's items are; then each cluster counts once.
 */
export function effectiveSampleSize(values: Numbers, clusters: Clusters): number {
  const { n, standardErrorIid, designEffect } = clusteredMean(values, clusters);
  if (clusters.count === n) return n;
  return standardErrorIid === 0 || clusters.count < 2 ? clusters.count : Math.min(n, n / Math.max(1, designEffect));
}

/** Wilson's interval and the score test that it inverts, on the effective sample size. For display. One cluster of several items decides nothing. */
export function proportionInference(values: Numbers, clusters: Clusters): Inference {
  const { mean } = clusteredMean(values, clusters);
  const n = clusters.count < 2 && values.length > 1 ? 0 : effectiveSampleSize(values, clusters);
  if (n === 0) return { value: mean, interval: () => ({ value: mean, low: 0, high: 1 }), pValueBelow: () => 1, pValueAbove: () => 1 };
  const z = (bound: number): number => (mean - bound) / Math.sqrt((bound * (1 - bound)) / n);
  return {
    value: mean,
    interval: confidence => ({ ...wilson(mean * n, n, confidence), value: mean }),
    pValueBelow: bound => (bound <= 0 ? 1 : bound >= 1 ? Number(mean >= bound) : normalCdf(z(bound))),
    pValueAbove: bound => (bound >= 1 ? 1 : bound <= 0 ? Number(mean <= bound) : normalCdf(-z(bound))),
  };
}

/**
 * The exact binomial, for guarantees. With clusters it uses the effective sample size with a t-to-t correction for estimating it from few
 * clusters (Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts", 1998).
 */
export function exactProportionInference(values: Numbers, clusters: Clusters): Inference {
  const { mean, n: items } = clusteredMean(values, clusters);
  const sizeAt = (confidence: number): number => {
    if (clusters.count === items) return items;
    const p = (1 + confidence) / 2;
    const correction = clusters.count < 2 ? 0 : (studentQuantile(p, items - 1) / studentQuantile(p, clusters.count - 1)) ** 2;
    return Math.min(items, effectiveSampleSize(values, clusters) * correction);
  };
  // P-values use the correction of a 95 % interval.
  const n = sizeAt(0.95);
  return {
    value: mean,
    interval: confidence => {
      const size = sizeAt(confidence);
      return { ...exactInterval(mean * size, size, confidence), value: mean };
    },
    pValueBelow: bound => (bound <= 0 ? 1 : binomialPValueBelow(mean * n, n, Math.min(1, bound))),
    pValueAbove: bound => (bound >= 1 ? 1 : binomialPValueAbove(mean * n, n, Math.max(0, bound))),
  };
}

/** Whether every value is 0 or 1. */
export const isBinary = (values: Numbers): boolean => {
  for (let i = 0; i < values.length; i++) if (values[i] !== 0 && values[i] !== 1) return false;
  return true;
};

/** McNemar's exact test of paired yes and no: the two-sided p-value of `better` and `worse` changes being equally likely. */
export function mcnemar(better: number, worse: number): number {
  const changes = better + worse;
  return changes === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(better, worse), changes, 0.5));
}
