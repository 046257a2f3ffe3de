/** Differences of weighted, clustered pairs with 95 % intervals, as a comparison of two runs prints them. */
import { clusterBootstrap } from './bootstrap.ts';
import { boundedMeanInference, clustersOf, meanInference, type Numbers, ratioInference, tabulate } from './clustered.ts';
import type { Estimate } from './estimate.ts';

const confidence = 0.95;
const resamples = 400;

/** One entry for each pair. */
export interface PairWeights {
  /** How many requests the pair stands for. */
  readonly weights: Numbers;
  /** Pairs with the same key depend on one another. */
  readonly keys: readonly string[];
}

/**
 * The weighted mean of differences: t on clusters, by linearisation where weights differ. Within `bounds` it is never narrower than with one
 * imaginary pair at either bound, because a sample without spread is no proof that there is none.
 */
export function pairedMean(differences: Numbers, { weights, keys }: PairWeights, bounds?: readonly [number, number]): Estimate {
  const clusters = clustersOf(keys);
  const n = differences.length;
  const isEven = tabulate(n, i => weights[i]!).every(weight => weight === weights[0]);
  const weighted = (): Float64Array => tabulate(n, i => differences[i]! * weights[i]!);
  const interval = (isEven ? meanInference(differences, clusters) : ratioInference(weighted(), weights, clusters)).interval(confidence);
  if (!bounds) return interval;
  const safe = boundedMeanInference(differences, clusters, ...bounds).interval(confidence);
  const [below, above] = isEven
    ? [safe.low, safe.high]
    : [interval.value - (safe.value - safe.low), interval.value + (safe.high - safe.value)];
  const [low, high] = isEven ? [below, above] : [Math.min(interval.low, below), Math.max(interval.high, above)];
  return { value: interval.value, low: Math.max(bounds[0], low), high: Math.min(bounds[1], high) };
}

/** The q-quantile of `after` less that of `before`, whole clusters resampled 400 times (Efron 1987); exactly 0 where every pair is equal. */
export function pairedQuantileDifference(before: Numbers, after: Numbers, { weights, keys }: PairWeights, q: number): Estimate {
  const clusters = clustersOf(keys);
  const n = before.length;
  if (tabulate(n, i => after[i]! - before[i]!).every(gap => gap === 0)) return { value: 0, low: 0, high: 0 };
  const quantileUnder = (values: Numbers): ((by: Numbers) => number) => {
    const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
    // In the order of the values, so that each of the many passes runs through memory in one line.
    const sorted = Float64Array.from(order, i => values[i]!);
    const share = Float64Array.from(order, i => weights[i]!);
    const cluster = Int32Array.from(order, i => clusters.of[i]!);
    const clusterWeights = new Float64Array(clusters.count);
    for (let i = 0; i < n; i++) clusterWeights[cluster[i]!]! += share[i]!;
    return by => {
      let total = 0;
      for (let c = 0; c < clusterWeights.length; c++) total += clusterWeights[c]! * by[c]!;
      const wanted = q * total - 1e-9;
      let cumulativeWeight = 0;
      for (let i = 0; i < n; i++) {
        cumulativeWeight += share[i]! * by[cluster[i]!]!;
        if (cumulativeWeight >= wanted && cumulativeWeight > 0) return sorted[i]!;
      }
      return Number.NaN;
    };
  };
  const [a, b] = [quantileUnder(before), quantileUnder(after)];
  return clusterBootstrap(clusters.count, [by => b(by) - a(by)], { seed: 7, resamples })[0]!.interval(confidence);
}
