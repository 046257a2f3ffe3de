/** Constructions that look right and are wrong, planted so that the guarantees are seen to break. */
import {
  binomialPValueBelow,
  type Clusters,
  clusteredMean,
  conversationMeanPayoffs,
  harmBets,
  mixturePValue,
  type Numbers,
  predictionPoweredMean,
  sequentialInference,
  tabulate,
  unclustered,
} from '../../statistics/index.ts';
import type { ConversationClaim, WeightedTest } from './certificates.ts';
import type { AuditInterval } from './intervals.ts';
import type { MoneySequence } from './looks.ts';

const delta = 0.05;
const share = 0.75;

/** Stakes fitted to the numbers seen so far (Waudby-Smith and Ramdas): valid for independent numbers, never for parts of one conversation. */
function bettingPValue(values: Numbers, bound: number, delta = 0.05): number {
  if (bound >= 1) return 0;
  const n = values.length;
  const most = share / (1 - bound);
  let [capital, best, sum, squares] = [0, 0, 0, 0];
  for (let j = 1; j <= n; j++) {
    const variance = (0.25 + squares) / j;
    const stake = Math.min(most, Math.sqrt((2 * Math.log(1 / delta)) / (n * variance)));
    const x = values[j - 1]!;
    capital += Math.log1p(stake * (bound - x));
    best = Math.max(best, capital);
    sum += x;
    squares += (x - (0.5 + sum) / (j + 1)) ** 2;
  }
  return Math.exp(-best);
}

/** Scaled by the largest weight that was drawn, as if no larger one were possible. */
function reweightedLosses(losses: Numbers, weights: Numbers, bound: number): Float64Array {
  const most = tabulate(weights.length, i => weights[i]!).reduce((a, b) => Math.max(a, b), 0);
  return tabulate(losses.length, i => bound + (weights[i]! / most) * (losses[i]! - bound));
}

/** Each conversation one number, its mean: what is bounded is not the share of requests. */
export const byMeans: ConversationClaim = (losses, clusters, bound) =>
  mixturePValue(conversationMeanPayoffs(losses, clusters, bound), harmBets) <= delta;

/** Request by request, as if those of one conversation were independent. */
export const byRequest: ConversationClaim = (losses, _clusters, bound) => bettingPValue(losses, bound) <= delta;

export const byDrawnWeights: WeightedTest = (losses, weights, bound) => bettingPValue(reweightedLosses(losses, weights, bound), bound);

/** Drawn weights that are equal are taken for chances that are. */
export const byEqualDrawnWeights: WeightedTest = (losses, weights, bound) =>
  weights.every(w => w === weights[0])
    ? binomialPValueBelow(
        losses.reduce((a, b) => a + b, 0),
        losses.length,
        bound,
      )
    : 1;

/** Asymptotic from the second unit on. */
export const unguarded: MoneySequence = values => {
  const { mean, standardError } = clusteredMean(values, unclustered(values.length));
  return sequentialInference(mean, standardError, values.length, 400);
};

export const poweredAlways: AuditInterval = ({ judged, labels }, clusters: Clusters) =>
  predictionPoweredMean(judged, labels, clusters)!.inference.interval(0.95);
