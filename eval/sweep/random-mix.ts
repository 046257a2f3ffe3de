/** Quality of a random mix of the targets at the same cost. A chain that does not beat it is no better than chance. */

import { type Clusters, clusteredMean, type Inference, slope, tInference, upperHull, weightedMean } from '../../statistics/index.ts';
import type { Trials } from '../policies/trials.ts';

export interface HullVertex {
  readonly target: string;
  readonly cost: number;
  readonly quality: number;
  readonly trials: Trials;
}

const mean = weightedMean;

/** The targets that no mix of others beats at their cost. */
export const mixingHull = (singles: ReadonlyMap<string, Trials>, weights?: Float64Array): readonly HullVertex[] =>
  upperHull(
    [...singles]
      .map(([target, trials]) => ({ target, trials, cost: mean(trials.cost, weights), quality: mean(trials.quality, weights) }))
      .filter(({ cost }) => Number.isFinite(cost)),
  );

/** Targets that another one beats or equals in both cost and quality, and in one of them truly. */
export function dominatedTargets(
  singles: ReadonlyMap<string, Trials>,
  weights?: Float64Array,
): readonly { readonly target: string; readonly by: string }[] {
  const points = [...singles].map(([target, trials]) => ({
    target,
    cost: mean(trials.cost, weights),
    quality: mean(trials.quality, weights),
  }));
  return points.flatMap(({ target, cost, quality }) => {
    const by = points.find(p => p.cost <= cost && p.quality >= quality && (p.cost < cost || p.quality > quality));
    return by ? [{ target, by: by.target }] : [];
  });
}

/**
 * The policy's quality less that of the mix of its cost, with the clustered error of its linearisation: the mix's share moves with every
 * item's cost as well. Below the cheapest target no mix is as cheap, above the best none is better: there the corner itself stands in.
 */
export function gainOverRandomMix(
  trials: Trials,
  hull: readonly HullVertex[],
  clusters: Clusters,
  weights?: Float64Array,
): Inference | undefined {
  const cost = mean(trials.cost, weights);
  if (hull.length === 0 || !Number.isFinite(cost)) return undefined;
  const quality = mean(trials.quality, weights);
  const upper = hull.findIndex(corner => corner.cost >= cost);
  const corner = upper === 0 ? hull[0]! : upper < 0 ? hull.at(-1)! : undefined;
  if (corner) {
    const gaps = trials.quality.map((q, i) => q - corner.trials.quality[i]!);
    return tInference(mean(gaps, weights), standardErrorOf(gaps, clusters, weights), clusters.count - 1);
  }
  const [a, b] = [hull[upper - 1]!, hull[upper]!];
  const share = (cost - a.cost) / (b.cost - a.cost);
  const rate = slope(a, b);
  const residuals = trials.quality.map((q, i) => {
    const [qa, qb] = [a.trials.quality[i]!, b.trials.quality[i]!];
    const [ca, cb] = [a.trials.cost[i]!, b.trials.cost[i]!];
    return q - (1 - share) * qa - share * qb - rate * (trials.cost[i]! - (1 - share) * ca - share * cb);
  });
  const value = quality - (1 - share) * a.quality - share * b.quality;
  return tInference(value, standardErrorOf(residuals, clusters, weights), clusters.count - 1);
}

/** Hájek's, by linearisation, where there are weights. */
function standardErrorOf(values: Float64Array, clusters: Clusters, weights: Float64Array | undefined): number {
  if (!weights) return clusteredMean(values, clusters).standardError;
  const centre = mean(values, weights);
  const share = weights.reduce((total, weight) => total + weight, 0) / weights.length;
  const residuals = values.map((x, i) => (weights[i]! * (x - centre)) / share);
  return clusteredMean(residuals, clusters).standardError;
}
