/** The estimators of a comparison, on the project's statistics. */
import { boundedMeanInference, clusterBootstrap, clustersOf, meanInference, ratioInference } from '../../statistics/index.ts';
import type { Estimators } from './totals.ts';

const confidence = 0.95;
const resamples = 400;

/** Means, shares and quantile differences of pairs with 95 % intervals, clustered by conversation. */
export const estimators: Estimators = {
  mean: (values, weights, keys, bounds) => {
    const clusters = clustersOf(keys);
    const isEven = weights.every(weight => weight === weights[0]);
    const weighted = (): number[] => values.map((value, i) => value * weights[i]!);
    const interval = (isEven ? meanInference(values, clusters) : ratioInference(weighted(), weights, clusters)).interval(confidence);
    if (!bounds) return interval;
    // A sample without spread is no proof that there is none: of shares the interval is never narrower than the safe one.
    const safe = boundedMeanInference(values, clusters, ...bounds).interval(confidence);
    const [below, above] = isEven
      ? [safe.low, safe.high]
      : [interval.value - (safe.value - safe.low), interval.value + (safe.high - safe.value)];
    const [low, high] = isEven ? [below, above] : [Math.min(interval.low, below), Math.max(interval.high, above)];
    return { value: interval.value, low: Math.max(bounds[0], low), high: Math.min(bounds[1], high) };
  },
  quantileDelta: (before, after, weights, keys, q) => {
    const clusters = clustersOf(keys);
    const quantileOf = (values: readonly number[]): ((by: ArrayLike<number>) => number) => {
      const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
      // In the order of the values, so that each of the many passes runs through memory in one line.
      const sorted = Float64Array.from(order, i => values[i]!);
      const share = Float64Array.from(order, i => weights[i]!);
      const cluster = Int32Array.from(order, i => clusters.of[i]!);
      const clusterWeights = new Float64Array(clusters.count);
      for (let i = 0; i < share.length; i++) clusterWeights[cluster[i]!]! += share[i]!;
      return by => {
        let total = 0;
        for (let c = 0; c < clusterWeights.length; c++) total += clusterWeights[c]! * by[c]!;
        const wanted = q * total - 1e-9;
        let cumulativeWeight = 0;
        for (let i = 0; i < sorted.length; i++) {
          cumulativeWeight += share[i]! * by[cluster[i]!]!;
          if (cumulativeWeight >= wanted && cumulativeWeight > 0) return sorted[i]!;
        }
        return Number.NaN;
      };
    };
    if (before.every((value, i) => value === after[i])) return { value: 0, low: 0, high: 0 };
    const [a, b] = [quantileOf(before), quantileOf(after)];
    return clusterBootstrap(clusters.count, [by => b(by) - a(by)], { seed: 7, resamples })[0]!.interval(confidence);
  },
};
