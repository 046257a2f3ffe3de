/** Prediction-powered inference: a judge's scores of all items, corrected by people's labels of some. */
import { betInference } from '../betting/bounded-mean.ts';
import { clusterSizes } from '../betting/payoffs.ts';
import { type Clusters, clusteredMean, clustersOf, type Numbers, sum, tabulate, unclustered } from './clustered.ts';
import { type Inference, tInference, withinBounds } from './estimate.ts';
import { exactProportionInference, isBinary } from './proportion.ts';

export interface PredictionPoweredMean {
  readonly inference: Inference;
  /** The weight of the judge's scores, from 0 to 1 (Angelopoulos, Duchi and Zrnic, "PPI++", arXiv 2311.01453). */
  readonly lambda: number;
  readonly labelled: number;
  /** The mean of people's labels minus the judge's scores, on the same items. */
  readonly bias: number;
}

/**
 * θ̂ = λ·mean(f) + mean over the labelled of (y - λ·f), with λ = Cov(y, f) / ((1 + m/N)·Var(f)) clipped to [0, 1].
 * The error is cluster-robust: scores and corrections are summed by cluster, so that answers of one conversation count together. `labels`
 * is NaN for unlabelled items. Undefined with fewer than two labelled clusters.
 */
export function predictionPoweredMean(judged: Numbers, labels: Numbers, clusters: Clusters): PredictionPoweredMean | undefined {
  const n = judged.length;
  const at = [...Array(n).keys()].filter(i => !Number.isNaN(labels[i]!));
  const m = at.length;
  const groups = clustersOf(at.map(i => String(clusters.of[i])));
  if (m < 2 || groups.count < 2) return undefined;
  const y = tabulate(m, k => labels[at[k]!]!);
  const f = tabulate(m, k => judged[at[k]!]!);
  const lambda = Math.min(1, Math.max(0, covariance(y, f) / ((1 + m / n) * covariance(judged, judged)) || 0));
  const value = (lambda * sum(judged)) / n + (sum(y) - lambda * sum(f)) / m;
  // Each item's influence: n numbers whose mean is the estimate.
  const influence = tabulate(n, i => lambda * judged[i]! + (Number.isNaN(labels[i]!) ? 0 : ((labels[i]! - lambda * judged[i]!) * n) / m));
  const centred = tabulate(n, i => influence[i]! - (Number.isNaN(labels[i]!) ? 0 : ((sum(y) - lambda * sum(f)) / m) * (n / m)));
  const { standardError } = clusteredMean(centred, clusters);
  return { inference: tInference(value, standardError, groups.count - 1), lambda, labelled: m, bias: (sum(y) - sum(f)) / m };
}

function covariance(a: Numbers, b: Numbers): number {
  const n = a.length;
  const [ma, mb] = [sum(a) / n, sum(b) / n];
  let total = 0;
  for (let i = 0; i < n; i++) total += (a[i]! - ma) * (b[i]! - mb);
  return total / (n - 1);
}

/**
 * The same for the mean over the judged answers themselves: the drawing of labels is the only chance, so neither conversations nor the
 * judge's mean add to the error. λ = Cov(y, f) / Var(f) over the labelled; error² = Var(y - λf) / m · (1 - m/N), t with m - 1.
 */
function recordedMean(judged: Numbers, labels: Numbers): PredictionPoweredMean | undefined {
  const n = judged.length;
  const at = Int32Array.from({ length: n }, (_, i) => i).filter(i => !Number.isNaN(labels[i]!));
  const m = at.length;
  if (m < 2) return undefined;
  const y = tabulate(m, k => labels[at[k]!]!);
  const f = tabulate(m, k => judged[at[k]!]!);
  const lambda = Math.min(1, Math.max(0, covariance(y, f) / covariance(f, f) || 0));
  const rest = tabulate(m, k => y[k]! - lambda * f[k]!);
  const error = Math.sqrt((covariance(rest, rest) / m) * (1 - m / n));
  return {
    inference: tInference((lambda * sum(judged)) / n + sum(rest) / m, error, m - 1),
    lambda,
    labelled: m,
    bias: (sum(y) - sum(f)) / m,
  };
}

export interface LabelledMean {
  readonly inference: Inference;
  readonly method: 'labels alone, exact binomial' | 'labels alone, betting' | 'prediction-powered';
  /** The prediction-powered point estimate, for reports; undefined with fewer than two labelled clusters. */
  readonly powered: PredictionPoweredMean | undefined;
  readonly labelled: number;
  /** Labelled items on which judge and people fall on different sides of a half. */
  readonly disagreements: number;
}

const labelsMin = 100;
const disagreementsMin = 20;
const ofEachKindMin = 10;

/**
 * The mean of people's labels in [0, 1] over all judged items. Labels alone, by Clopper and Pearson's exact interval (grades, and several
 * labels of one conversation: by betting), until 100 labels, 20 labelled disagreements and 10 labels of each kind are there: with fewer,
 * every valid interval that uses the judge is wider. Then prediction-powered, asymptotic, clustered, and kept within [0, 1]. Which of the two
 * follows from these counts alone, never from which is shorter. Labels must be drawn at random with equal chances. `recorded` is about the
 * judged answers alone, for which it does not matter that answers of one conversation are alike.
 */
export function labelledMean(judged: Numbers, labels: Numbers, clusters: Clusters, target: 'future' | 'recorded' = 'future'): LabelledMean {
  const n = judged.length;
  const at = Int32Array.from({ length: n }, (_, i) => i).filter(i => !Number.isNaN(labels[i]!));
  const y = tabulate(at.length, k => labels[at[k]!]!);
  const right = y.filter(label => label > 0.5).length;
  const disagreements = at.filter(i => labels[i]! > 0.5 !== judged[i]! > 0.5).length;
  const powered = target === 'recorded' ? recordedMean(judged, labels) : predictionPoweredMean(judged, labels, clusters);
  const summary = { powered, labelled: at.length, disagreements };
  const isEnough = at.length >= labelsMin && disagreements >= disagreementsMin && Math.min(right, at.length - right) >= ofEachKindMin;
  if (isEnough && powered) return { ...summary, method: 'prediction-powered', inference: withinBounds(powered.inference, 0, 1) };
  const groups = target === 'recorded' ? unclustered(at.length) : clustersOf(Array.from(at, i => String(clusters.of[i])));
  if (groups.count === at.length && isBinary(y)) {
    return { ...summary, method: 'labels alone, exact binomial', inference: exactProportionInference(y, unclustered(y.length)) };
  }
  // Not more labels of one conversation than it has answers: a limit that does not depend on which of them were drawn.
  const cap = groups.count === at.length ? 1 : clusterSizes(clusters).reduce((a, b) => Math.max(a, b), 1);
  return { ...summary, method: 'labels alone, betting', inference: betInference(y, groups, { from: 0, to: 1, cap }) };
}

/** Cohen's kappa of two raters' yes and no (above ½ is yes): agreement beyond chance; NaN where both give one constant answer. */
export function kappa(a: Numbers, b: Numbers): number {
  const n = a.length;
  let [same, yesA, yesB] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! > 0.5, b[i]! > 0.5];
    if (x === y) same++;
    if (x) yesA++;
    if (y) yesB++;
  }
  const chance = (yesA * yesB + (n - yesA) * (n - yesB)) / (n * n);
  return (same / n - chance) / (1 - chance);
}
