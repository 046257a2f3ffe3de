/** Prediction-powered inference: a judge's scores of all items, corrected by people's labels of some. */
import { type Clusters, clusteredMean, clustersOf, type Numbers, sum, tabulate } from './clustered.ts';
import { type Inference, tInference } from './estimate.ts';

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
