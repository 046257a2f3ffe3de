/** How well a signal predicts the quality of a target's responses, and the curve that maps it to quality. */

import {
  aurc,
  auroc,
  brier,
  type Calibrator,
  type CalibratorKind,
  calibrated,
  calibrationError,
  calibratorKinds,
  clustersOf,
  crossFitted,
  type Estimate,
  equalCountBins,
  equalCountMembers,
  equalWidthBins,
  fitCalibrator,
  sum,
} from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { SweptSignal } from '../policies/chain.ts';
import { gradeInference } from '../sweep/measure.ts';
import { signalOf } from '../sweep/thresholds.ts';

export interface CalibrationOptions {
  readonly confidence: number;
  readonly seed: number;
  /** Whether a curve is looked for; a page that draws the signal as it is needs none. */
  readonly curves?: boolean;
}

export interface Calibration {
  readonly target: string;
  readonly signal: SweptSignal;
  /** Answers whose quality is known, and those of them that show the signal: all else is about these. */
  readonly answers: number;
  readonly items: number;
  readonly clusters: number;
  readonly signalMean: number;
  readonly quality: Estimate;
  /** The chance that a right answer is surer than a wrong one; null when all are right, or all wrong. */
  readonly auroc: number | null;
  readonly aurc: number;
  /** The mean loss of the surest k, over k: what `aurc` is the mean of; thinned. */
  readonly riskCoverage: readonly { readonly coverage: number; readonly risk: number }[];
  /** Of the signal as it is. */
  readonly raw: CalibrationScores;
  /** Of what the chosen curve makes of answers that it was not fitted on. */
  readonly crossFitted: CalibrationScores;
  /** The cross-fitted Brier scores that the curve was chosen by; none but the signal's own when there is too little to fit. */
  readonly brierBy: Readonly<Partial<Record<CalibratorKind, number>>>;
  /** Fitted on all. */
  readonly calibrator: Calibrator;
  readonly bins: readonly ReliabilityBin[];
}

export interface CalibrationScores {
  readonly brier: number;
  /** Expected calibration error, over ten bins of equal count, and of equal width. */
  readonly eceMass: number;
  readonly eceWidth: number;
}

export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly signal: number;
  readonly calibrated: number;
  readonly quality: Estimate;
}

/** With fewer a curve is noise. */
export const fittedMin = 50;
const clustersMin = 20;
const pointsMax = 200;
/** With more responses, ten folds are no better than five. */
const foldsBelow = 20_000;

/** Failed answers show nothing and are left out. `undefined` when no answer of known quality shows the signal. */
export function calibrate(
  items: readonly Item[],
  target: string,
  signal: SweptSignal,
  options: CalibrationOptions,
): Calibration | undefined {
  const judged = items
    .filter(item => item.outcomes.get(target)?.quality !== undefined && !item.outcomes.get(target)!.failure)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const shown = judged.filter(item => signalOf(item.outcomes.get(target), signal) !== undefined);
  if (shown.length === 0) return undefined;
  const signals = Float64Array.from(shown, item => signalOf(item.outcomes.get(target), signal)!);
  const qualities = Float64Array.from(shown, item => item.outcomes.get(target)!.quality!);
  const clusters = clustersOf(shown.map(item => item.cluster));
  const fits = options.curves !== false && shown.length >= fittedMin && clusters.count >= clustersMin;
  const tried = (fits ? calibratorKinds : (['none'] as const)).map(kind => {
    const predicted =
      kind === 'none'
        ? signals
        : crossFitted(kind, signals, qualities, clusters, { seed: options.seed, folds: shown.length > foldsBelow ? 5 : 10 });
    return { kind, predicted, brier: brier(predicted, qualities) };
  });
  const best = tried.reduce((a, b) => (b.brier < a.brier ? b : a));
  const calibrator = fitCalibrator(best.kind, signals, qualities);
  const ranking = auroc(signals, qualities);
  return {
    ...{ target, signal, answers: judged.length, items: shown.length, clusters: clusters.count },
    signalMean: sum(signals) / shown.length,
    quality: gradeInference(qualities, clusters).interval(options.confidence),
    auroc: Number.isNaN(ranking) ? null : ranking,
    aurc: aurc(signals, qualities),
    riskCoverage: riskCoverage(signals, qualities),
    raw: calibrationScores(signals, qualities),
    crossFitted: calibrationScores(best.predicted, qualities),
    brierBy: Object.fromEntries(tried.map(t => [t.kind, t.brier])),
    calibrator,
    bins: binsOf(shown, signals, qualities, calibrator, options),
  };
}

const calibrationScores = (signals: Float64Array, qualities: Float64Array): CalibrationScores => ({
  brier: brier(signals, qualities),
  eceMass: calibrationError(equalCountBins(signals, qualities)),
  eceWidth: calibrationError(equalWidthBins(signals, qualities)),
});

function binsOf(
  shown: readonly Item[],
  signals: Float64Array,
  qualities: Float64Array,
  calibrator: Calibrator,
  { confidence }: CalibrationOptions,
): ReliabilityBin[] {
  return equalCountMembers(signals).map(members => {
    const own = Float64Array.from(members, i => signals[i]!);
    const meant = Float64Array.from(members, i => calibrated(calibrator, signals[i]!));
    const inside = clustersOf(members.map(i => shown[i]!.cluster));
    return {
      from: own.reduce((a, b) => Math.min(a, b)),
      to: own.reduce((a, b) => Math.max(a, b)),
      count: members.length,
      signal: sum(own) / own.length,
      calibrated: sum(meant) / meant.length,
      quality: gradeInference(
        Float64Array.from(members, i => qualities[i]!),
        inside,
      ).interval(confidence),
    };
  });
}

/** Points only where a threshold can lie: between different signals. */
function riskCoverage(signals: Float64Array, qualities: Float64Array): Calibration['riskCoverage'] {
  const order = [...signals.keys()].sort((a, b) => signals[b]! - signals[a]!);
  const points: { coverage: number; risk: number }[] = [];
  let loss = 0;
  for (const [k, i] of order.entries()) {
    loss += 1 - qualities[i]!;
    if (signals[order[k + 1]!] !== signals[i]) points.push({ coverage: (k + 1) / order.length, risk: loss / (k + 1) });
  }
  const every = Math.ceil(points.length / pointsMax);
  return points.filter((_, k) => k % every === 0 || k === points.length - 1);
}
