/** Means over all requests when only some outcomes were drawn: predictions for all, corrected by what was drawn (AIPW). For estimates. */
import { fitLogistic, logistic } from '../calibration/logistic.ts';
import { randomGenerator, shuffled } from '../distributions/random.ts';
import { type Clusters, type Numbers, ratioInference, sum, tabulate } from './clustered.ts';
import type { Inference } from './estimate.ts';
import { kishEffectiveSampleSize } from './weighted.ts';

/** One entry per request of the population; outcomes are not read where nothing was drawn. */
export interface DrawnOutcomes {
  readonly outcomes: Numbers;
  readonly drawn: Numbers;
  /** Of being drawn, set before the outcome; above 0 everywhere. */
  readonly chance: Numbers;
  readonly clusters: Clusters;
}

export interface AugmentedMean {
  readonly inference: Inference;
  readonly drawn: number;
  /** Kish's, of the drawn ones' weights. */
  readonly effectiveSize: number;
  /** Too few for an interval where false: then the betting bounds of `inverseChancePayoffs` are to be shown. */
  readonly isEnough: boolean;
}

const clustersMin = 100;
const effectiveSizeMin = 100;
const ofEachKindMin = 10;

/**
 * θ = Σ A / n with A = m + R (y - m) / π, its error by linearisation over conversations, t with G - 1 degrees; unbiased whatever the
 * predictions m, asymptotic. `isEnough` asks for 100 conversations, 100 effective outcomes, and 10 drawn on either side of their mean.
 * Robins, Rotnitzky and Zhao (1994); Chernozhukov et al., "Double machine learning" (2018). Estimated chances are outside of this.
 */
export function augmentedMean({ outcomes, drawn, chance, clusters }: DrawnOutcomes, predictions: Numbers): AugmentedMean {
  const n = outcomes.length;
  const values = tabulate(n, i => predictions[i]! + (drawn[i] ? (outcomes[i]! - predictions[i]!) / chance[i]! : 0));
  const known = Int32Array.from({ length: n }, (_, i) => i).filter(i => drawn[i]);
  const y = tabulate(known.length, k => outcomes[known[k]!]!);
  const centre = sum(y) / y.length;
  const above = y.filter(x => x > centre).length;
  const effectiveSize = known.length === 0 ? 0 : kishEffectiveSampleSize(tabulate(known.length, k => 1 / chance[known[k]!]!));
  return {
    inference: ratioInference(values, new Float64Array(n).fill(1), clusters),
    drawn: known.length,
    effectiveSize,
    isEnough:
      clusters.count >= clustersMin && effectiveSize >= effectiveSizeMin - 1e-9 && Math.min(above, y.length - above) >= ofEachKindMin,
  };
}

/**
 * Each request's expected outcome in [0, 1] by a logistic curve of the features, fitted on the drawn outcomes of the other folds; a
 * conversation is in one fold. For estimates: a certificate may not use predictions that later units helped to fit.
 */
export function crossFittedPredictions(
  features: readonly Numbers[],
  { outcomes, drawn, clusters }: DrawnOutcomes,
  { folds = 5, seed = 0 }: { readonly folds?: number; readonly seed?: number } = {},
): Float64Array {
  const order = shuffled(
    Array.from({ length: clusters.count }, (_, g) => g),
    randomGenerator(seed),
  );
  const foldOf = new Int32Array(clusters.count);
  for (const [rank, g] of order.entries()) foldOf[g] = rank % folds;
  const predicted = new Float64Array(outcomes.length);
  const all = Int32Array.from({ length: outcomes.length }, (_, i) => i);
  for (let fold = 0; fold < folds; fold++) {
    const used = all.filter(i => drawn[i] && foldOf[clusters.of[i]!] !== fold);
    const of = (column: Numbers): Float64Array => tabulate(used.length, k => column[used[k]!]!);
    const weights = used.length === 0 ? features.map(() => 0).concat(0) : fitLogistic(features.map(of), of(outcomes));
    for (const i of all) {
      if (foldOf[clusters.of[i]!] !== fold) continue;
      predicted[i] = logistic(features.reduce((total, feature, j) => total + weights[j]! * feature[i]!, weights.at(-1)!));
    }
  }
  return predicted;
}
