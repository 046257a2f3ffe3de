/**
 * Calibrators turn a signal into the expected quality: Platt's curve, the beta curve or isotonic steps. Each is stored as a few numbers.
 */

import { randomGenerator, shuffled } from '../distributions/random.ts';
import { type Clusters, type Numbers, tabulate } from '../estimation/clustered.ts';
import { fitLogistic, logistic } from './logistic.ts';

export type Calibrator =
  /** The identity: the signal itself. */
  | { readonly kind: 'none' }
  /** σ(slope·s + constant). */
  | { readonly kind: 'platt'; readonly slope: number; readonly constant: number }
  /** σ(a·ln s - b·ln(1-s) + constant), a and b at least 0. */
  | { readonly kind: 'beta'; readonly a: number; readonly b: number; readonly constant: number }
  /** Linear between these points, flat beyond the first and the last. */
  | { readonly kind: 'isotonic'; readonly from: readonly number[]; readonly to: readonly number[] };

export type CalibratorKind = Calibrator['kind'];
export const calibratorKinds: readonly CalibratorKind[] = ['none', 'platt', 'beta', 'isotonic'];

/** The expected quality at signal `s`, from 0 to 1. */
export function calibrated(calibrator: Calibrator, s: number): number {
  switch (calibrator.kind) {
    case 'none':
      return s;
    case 'platt':
      return logistic(calibrator.slope * s + calibrator.constant);
    case 'beta':
      return logistic(calibrator.a * logLow(s) - calibrator.b * logHigh(s) + calibrator.constant);
    case 'isotonic':
      return between(calibrator.from, calibrator.to, s);
  }
}

/** Fits a calibrator of this kind to pairs of signal and outcome; outcomes lie in [0, 1]. */
export function fitCalibrator(kind: CalibratorKind, signals: Numbers, outcomes: Numbers): Calibrator {
  switch (kind) {
    case 'none':
      return { kind };
    case 'platt':
      return fitPlatt(signals, outcomes);
    case 'beta':
      return fitBeta(signals, outcomes);
    case 'isotonic':
      return fitIsotonic(signals, outcomes);
  }
}

/** Platt (1999). His smoothed targets move towards ½, so that a small sample without an error does not promise certainty. */
function fitPlatt(signals: Numbers, outcomes: Numbers): Calibrator {
  const n = outcomes.length;
  let right = 0;
  for (let i = 0; i < n; i++) right += outcomes[i]!;
  const [low, high] = [1 / (n - right + 2), (right + 1) / (right + 2)];
  const [slope, constant] = fitLogistic(
    [signals],
    tabulate(n, i => low + (high - low) * outcomes[i]!),
  );
  return { kind: 'platt', slope: slope!, constant: constant! };
}

const edge = 1e-6;
const logLow = (s: number): number => Math.log(Math.max(edge, s));
const logHigh = (s: number): number => Math.log(Math.max(edge, 1 - s));

/** Kull, Silva Filho and Flach, "Beta calibration" (2017). A weight that would reverse the order of the signals is left out. */
function fitBeta(signals: Numbers, outcomes: Numbers): Calibrator {
  const n = signals.length;
  const low = tabulate(n, i => logLow(signals[i]!));
  const high = tabulate(n, i => -logHigh(signals[i]!));
  const [a, b, constant] = fitLogistic([low, high], outcomes) as [number, number, number];
  if (a >= 0 && b >= 0) return { kind: 'beta', a, b, constant };
  const [weight, rest] = fitLogistic([a < b ? high : low], outcomes) as [number, number];
  if (weight < 0) return { kind: 'beta', a: 0, b: 0, constant: fitLogistic([], outcomes)[0]! };
  return { kind: 'beta', a: a < b ? 0 : weight, b: a < b ? weight : 0, constant: rest };
}

/** The non-decreasing function with the least squared error, by pooling adjacent violators (Ayer et al., 1955). */
function fitIsotonic(signals: Numbers, outcomes: Numbers): Calibrator {
  const order = Array.from({ length: signals.length }, (_, i) => i).sort((a, b) => signals[a]! - signals[b]!);
  const blocks: { first: number; last: number; sum: number; count: number }[] = [];
  for (const i of order) {
    const s = signals[i]!;
    const top = blocks.at(-1);
    if (top && top.first === s) {
      top.sum += outcomes[i]!;
      top.count++;
    } else blocks.push({ first: s, last: s, sum: outcomes[i]!, count: 1 });
  }
  const pooled: typeof blocks = [];
  for (const block of blocks) {
    pooled.push({ ...block });
    while (pooled.length > 1 && pooled.at(-2)!.sum / pooled.at(-2)!.count >= pooled.at(-1)!.sum / pooled.at(-1)!.count) {
      const upper = pooled.pop()!;
      const lower = pooled.at(-1)!;
      lower.last = upper.last;
      lower.sum += upper.sum;
      lower.count += upper.count;
    }
  }
  const points = pooled.flatMap(({ first, last, sum, count }) => {
    const level = sum / count;
    return first === last ? [[first, level] as const] : [[first, level] as const, [last, level] as const];
  });
  return { kind: 'isotonic', from: points.map(([s]) => s), to: points.map(([, level]) => level) };
}

function between(from: readonly number[], to: readonly number[], s: number): number {
  let [low, high] = [0, from.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from[middle]! < s) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return to[0]!;
  if (low === from.length) return to.at(-1)!;
  if (from[low] === s) return to[low]!;
  const share = (s - from[low - 1]!) / (from[low]! - from[low - 1]!);
  return to[low - 1]! + share * (to[low]! - to[low - 1]!);
}

/** Each item's signal, calibrated by a curve that was fitted on the other folds. A cluster is never split over folds. */
export function crossFitted(
  kind: CalibratorKind,
  signals: Numbers,
  outcomes: Numbers,
  clusters: Clusters,
  { folds = 10, seed = 0 }: { readonly folds?: number; readonly seed?: number } = {},
): Float64Array {
  const n = signals.length;
  const order = shuffled([...Array(clusters.count).keys()], randomGenerator(seed));
  const foldOf = new Int32Array(clusters.count);
  for (const [rank, cluster] of order.entries()) foldOf[cluster] = rank % folds;
  const predicted = new Float64Array(n);
  for (let fold = 0; fold < Math.min(folds, clusters.count); fold++) {
    const inside: number[] = [];
    const outside: number[] = [];
    for (let i = 0; i < n; i++) (foldOf[clusters.of[i]!] === fold ? inside : outside).push(i);
    const of = (values: Numbers): Float64Array => tabulate(outside.length, k => values[outside[k]!]!);
    const calibrator = fitCalibrator(kind, of(signals), of(outcomes));
    for (const i of inside) predicted[i] = calibrated(calibrator, signals[i]!);
  }
  return predicted;
}
