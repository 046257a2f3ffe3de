/** What a certified policy must keep, and the p-value of its not keeping it: small when the data say that it does. */

import {
  bettingLossPValue,
  bettingPValue,
  binomialPValueBelow,
  type Clusters,
  clusterSums,
  randomGenerator,
  reweightedLosses,
  shuffled,
  sum,
  tabulate,
} from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { Trials } from '../policies/trials.ts';
import { failures, harms } from '../sweep/measure.ts';

export type Constraint =
  /** `harm`: what is lost where the answer is worse than the reference's. `net`: less what is won where it is better. */
  | { readonly kind: 'harm' | 'net'; readonly max: number }
  /** Share of the requests that get no answer. */
  | { readonly kind: 'errors'; readonly max: number }
  /** At most one request in twenty takes longer. */
  | { readonly kind: 'latency_p95' | 'ttft_p95'; readonly max: number };

/** Of a p95: this share may lie beyond. */
const tail = 0.05;

/** What is bounded in the mean: in [0, 1], or in [-1, 1] for `net`. NaN where an outcome has no time. */
export function lossesOf({ kind, max }: Constraint, trials: Trials, reference: Trials): Float64Array {
  const n = trials.step.length;
  switch (kind) {
    case 'harm':
      return harms(trials, reference);
    case 'net':
      return tabulate(n, i => reference.quality[i]! - trials.quality[i]!);
    case 'errors':
      return failures(trials);
    default: {
      const times = kind === 'latency_p95' ? trials.latencyMs : trials.firstTokenMs;
      // A caller that got nothing waited for ever.
      return tabulate(n, i => (trials.step[i]! < 0 ? 1 : Number.isNaN(times[i]!) ? Number.NaN : Number(times[i]! > max)));
    }
  }
}

export const boundOf = ({ kind, max }: Constraint): number => (kind === 'latency_p95' || kind === 'ttft_p95' ? tail : max);

export type Method = 'exact binomial' | 'betting on clusters' | 'betting on weighted clusters';

export interface LossTest {
  readonly method: Method;
  p(losses: Float64Array, constraint: Constraint): number;
}

export interface LossTestOptions {
  /** Every loss is yes or no. */
  readonly exact: boolean;
  readonly confidence: number;
  readonly seed: number;
  readonly weights: Float64Array | undefined;
}

/**
 * Yes and no of independent items are tested by the exact binomial; graded or net losses and clustered items by betting, each cluster
 * one observation: its mean, in an order drawn by the seed. What was drawn with unequal chances is tested tilted, never by the binomial.
 */
export function lossTestOf(clusters: Clusters, items: number, { exact, confidence, seed, weights }: LossTestOptions): LossTest {
  if (exact && !weights && clusters.count === items) {
    return {
      method: 'exact binomial',
      p: (losses, constraint) => binomialPValueBelow(Math.round(sum(losses)), items, boundOf(constraint)),
    };
  }
  const order = shuffled(
    Array.from({ length: clusters.count }, (_, g) => g),
    randomGenerator(seed),
  );
  const sizes = clusterSums(new Float64Array(items).fill(1), clusters);
  return {
    method: weights ? 'betting on weighted clusters' : 'betting on clusters',
    p: (losses, constraint) => {
      const sums = clusterSums(weights ? reweightedLosses(losses, weights, boundOf(constraint)) : losses, clusters);
      const means = tabulate(order.length, k => sums[order[k]!]! / sizes[order[k]!]!);
      return (constraint.kind === 'net' ? bettingLossPValue : bettingPValue)(means, boundOf(constraint), 1 - confidence);
    },
  };
}

/** All of them must hold: a policy that breaks one is as wrong as one that breaks all, so the greatest p-value decides and none is corrected. */
export function maxPValue(
  constraints: readonly Constraint[],
  trials: Trials,
  reference: Trials,
  test: (losses: Float64Array, constraint: Constraint) => number,
): number {
  return constraints.reduce((worst, constraint) => Math.max(worst, test(lossesOf(constraint, trials, reference), constraint)), 0);
}

/** Whether every loss is yes or no, whatever the thresholds. */
export const allBinary = (constraints: readonly Constraint[], items: readonly Item[], targets: readonly string[]): boolean =>
  constraints.every(({ kind }) => kind !== 'net') &&
  (constraints.every(({ kind }) => kind !== 'harm') ||
    items.every(({ outcomes }) => targets.every(target => isYesOrNo(outcomes.get(target)?.quality))));

const isYesOrNo = (quality: number | undefined): boolean => quality === undefined || quality === 0 || quality === 1;
