/** Calibration reports as text: claimed confidence, observed quality, and the calibrated curve. */

import type { Calibrator } from '../../statistics/index.ts';
import type { Calibration } from '../calibration/calibrate.ts';
import { fittedMin } from '../calibration/calibrate.ts';
import { count, none, percent, withInterval } from './shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

export interface CalibrationReport {
  readonly chain: string;
  readonly label: string;
  readonly confidence: number;
  /** Of each target but the last; those that rank its answers best come first. */
  readonly calibrations: readonly Calibration[];
  readonly notes: readonly string[];
}

/** The report for the terminal. */
export function calibrationText({ chain, label, confidence, calibrations, notes }: CalibrationReport, table: Table): string {
  const leaders = [...new Map(calibrations.toReversed().map(c => [c.target, c])).values()].toReversed();
  const head = `chain ${chain}   quality: ${label}   intervals: ${Number((confidence * 100).toFixed(2))} %`;
  return [
    ...leaders.map(calibrationSentence),
    ...['', head, '', summary(calibrations, table)],
    ...leaders.flatMap(c => ['', `${c.target}, ${c.signal}: bins of equal count`, reliability(c, table), curveText(c)]),
    '',
    'AUROC: the chance that a right answer is surer than a wrong one. AURC: the mean loss of the surest share, over all shares; lower is better.',
    'Brier and ECE "after" are of answers that the curve was not fitted on. A certificate needs no calibration: only the order of the signal counts.',
    ...notes,
  ].join('\n');
}

/** One sentence: what the signal claims, what is observed, and whether to trust it. */
export function calibrationSentence(c: Calibration): string {
  const claims = `The ${c.signal} of ${c.target} is ${percent(c.signalMean)} on average, and its quality ${withInterval(c.quality, percent)}`;
  const { value, low, high } = c.quality;
  const verdict =
    c.signalMean > high ? 'it is too sure' : c.signalMean < low ? 'it is not sure enough' : 'on the whole it is as sure as it should be';
  const ranks =
    c.auroc === null
      ? value === 1
        ? '; every answer is right'
        : '; no answer is right'
      : `; it ranks a right answer above a wrong one ${percent(c.auroc)} of the time`;
  return `${claims}: ${verdict}${ranks}.`;
}

function summary(calibrations: readonly Calibration[], table: Table): string {
  const head = ['target', 'signal', 'shown by', 'AUROC', 'AURC', 'Brier', 'after', 'ECE mass', 'after', 'ECE width', 'after', 'curve'];
  return table(
    head,
    calibrations.map(c => [
      c.target,
      c.signal,
      `${c.items} of ${c.answers}`,
      c.auroc === null ? none : c.auroc.toFixed(3),
      c.aurc.toFixed(4),
      ...[c.raw.brier, c.crossFitted.brier].map(x => x.toFixed(4)),
      ...[c.raw.eceMass, c.crossFitted.eceMass].map(x => x.toFixed(3)),
      ...[c.raw.eceWidth, c.crossFitted.eceWidth].map(x => x.toFixed(3)),
      c.calibrator.kind,
    ]),
  );
}

const barWidth = 30;

function reliability({ bins, signal, calibrator }: Calibration, table: Table): string {
  const fitted = calibrator.kind !== 'none';
  return table(
    [signal, 'n', 'mean', 'quality', ...(fitted ? ['calibrated'] : []), `0 … 1  (# quality, | ${signal})`],
    bins.map(bin => [
      `${bin.from.toFixed(3)} … ${bin.to.toFixed(3)}`,
      String(bin.count),
      percent(bin.signal),
      withInterval(bin.quality, percent),
      ...(fitted ? [percent(bin.calibrated)] : []),
      bar(bin.quality.value, bin.signal),
    ]),
  );
}

function bar(quality: number, signal: number): string {
  const cells = [...'#'.repeat(Math.round(quality * barWidth)).padEnd(barWidth, '.')];
  cells[Math.min(barWidth - 1, Math.round(signal * barWidth))] = '|';
  return cells.join('');
}

function curveText({ calibrator, brierBy, items }: Calibration): string {
  const tried = Object.entries(brierBy)
    .map(([kind, value]) => `${kind} ${value.toFixed(4)}`)
    .join(', ');
  if (Object.keys(brierBy).length === 1)
    return `Too few answers to fit a curve: ${items} of at least ${fittedMin}, of 20 clusters or more.`;
  return `Curve: ${calibratorText(calibrator)}\nChosen by the Brier score of answers it was not fitted on: ${tried}`;
}

/** The calibrator as a formula. */
export function calibratorText(calibrator: Calibrator): string {
  const number = (x: number): string => String(Number(x.toPrecision(4)));
  const plus = (x: number): string => `${x < 0 ? '-' : '+'} ${number(Math.abs(x))}`;
  switch (calibrator.kind) {
    case 'none':
      return 'none; no curve is better than the signal as it is';
    case 'platt':
      return `platt, σ(${number(calibrator.slope)}·s ${plus(calibrator.constant)})`;
    case 'beta':
      return `beta, σ(${number(calibrator.a)}·ln s - ${number(calibrator.b)}·ln(1-s) ${plus(calibrator.constant)})`;
    case 'isotonic':
      return `isotonic, ${count(calibrator.from.length, 'point')} (in --json)`;
  }
}

/** What `eval calibrate --json` prints. */
export const calibrationJson = ({ chain, label, confidence, calibrations, notes }: CalibrationReport): object => ({
  ...{ chain, quality_from: label, confidence },
  calibrations: calibrations.map(c => ({
    ...{ target: c.target, signal: c.signal, answers: c.answers, items: c.items, clusters: c.clusters },
    ...{ signal_mean: c.signalMean, quality: c.quality, auroc: c.auroc, aurc: c.aurc },
    brier: c.raw.brier,
    ece_mass: c.raw.eceMass,
    ece_width: c.raw.eceWidth,
    cross_fitted: { brier: c.crossFitted.brier, ece_mass: c.crossFitted.eceMass, ece_width: c.crossFitted.eceWidth, brier_by: c.brierBy },
    ...{ calibrator: c.calibrator, bins: c.bins, risk_coverage: c.riskCoverage },
  })),
  notes,
});
