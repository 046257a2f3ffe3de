/** Means over requests of which some were drawn with known probabilities: estimates, and valid p-values. */
import {
  bettingOrder,
  type Clusters,
  clusterSizes,
  deltaBets,
  drawnOnlyPayoffs,
  type Inference,
  mixturePValue,
  sortedAscending,
  weightedBoundedInference,
  weightedMeanInference,
} from '../../statistics/index.ts';

export interface DrawWeights {
  /** One over the chance that each request's needed outcomes were drawn with. */
  readonly weights: Float64Array;
  /** One over the least chance of the configuration, drawn or not. */
  readonly weightMax: number;
}

/**
 * Value and interval are Hajek's, asymptotic. Shares and differences have exact p-values besides, by betting on sums over conversations with
 * the configured weight as their limit; these decide verdicts. Amounts have no ceiling, so theirs are asymptotic too.
 */
export function drawnMean(
  values: Float64Array,
  kind: 'share' | 'difference' | 'amount',
  clusters: Clusters,
  { weights, weightMax }: DrawWeights,
): Inference {
  if (kind === 'amount') return weightedMeanInference(values, weights, clusters);
  const from = kind === 'share' ? 0 : -1;
  const estimate = weightedBoundedInference(values, weights, clusters, from, 1);
  const cap = sortedAscending(Float64Array.from(clusterSizes(clusters))).at(-1) ?? 1;
  const order = bettingOrder(
    Array.from(clusters.of, g => String(g)),
    'drawn',
  );
  const p = (losses: Float64Array, bound: number, to: number): number =>
    mixturePValue(drawnOnlyPayoffs(losses, weights, clusters, { bound, cap, to, weightMax }), deltaBets, order);
  const negated = values.map(x => -x);
  return {
    value: estimate.value,
    interval: confidence => {
      const { value, low, high } = estimate.interval(confidence);
      return { value, low: Math.max(from, low), high: Math.min(1, high) };
    },
    pValueBelow: bound => (bound > 1 ? 0 : bound <= from ? 1 : p(values, bound, 1)),
    pValueAbove: bound => (bound < from ? 0 : bound >= 1 ? 1 : p(negated, -bound, -from)),
  };
}
