/** `hindcast eval calibrate`. */
import { CommandError, exit, printResult, table } from '../../../gateway/cli/command.ts';
import { signalNames } from '../../../gateway/core/signals/names.ts';
import { type Calibration, calibrate } from '../../calibration/calibrate.ts';
import type { Outcomes } from '../../outcomes/outcomes.ts';
import type { Chain, SweptSignal } from '../../policies/chain.ts';
import { calibrationJson, calibrationText } from '../../report/calibrate.ts';
import { calibrationPage } from '../../report/pages.ts';
import { signalRemedy } from '../../report/shared/format.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { parseConfidence, parseSeed, parseSignal, writePage } from '../shared/options.ts';

export interface CalibrateCommandOptions extends ChainOptions {
  readonly confidence: string;
  readonly seed: string;
  readonly output?: string;
}

export async function runCalibrate(options: CalibrateCommandOptions): Promise<void> {
  const settings = { confidence: parseConfidence(options.confidence), seed: parseSeed(options.seed) };
  const signals = signalsOf(options.signal);
  const { chain, outcomes } = await chainAndOutcomes(options);
  const calibrations = chain.targets
    .slice(0, -1)
    .flatMap(target => byDiscrimination(signals.flatMap(s => calibrate(outcomes.items, target, s, settings) ?? [])));
  if (calibrations.length === 0) throw noSignalError(chain, signals, outcomes);
  const silent = chain.targets
    .slice(0, -1)
    .filter(target => !calibrations.some(c => c.target === target))
    .map(target => `No judged answer of ${target} shows ${signals.join(', ')}.`);
  const report = { chain: chain.name, label: outcomes.label, ...settings, calibrations, notes: [...outcomes.notes, ...silent] };
  if (options.output !== undefined) writePage(options.output, calibrationPage(report));
  printResult(options, calibrationJson(report), () => calibrationText(report, table));
}

/** For routing what counts is the order: the signal with the lowest area under risk and coverage first. */
const byDiscrimination = (calibrations: readonly Calibration[]): readonly Calibration[] =>
  calibrations.toSorted((a, b) => b.items - a.items || a.aurc - b.aurc);

function signalsOf(text: string): readonly SweptSignal[] {
  if (text.trim() === 'all') return ['confidence', ...signalNames];
  return text.split(',').map(name => parseSignal(name.trim()));
}

function noSignalError(chain: Chain, signals: readonly string[], { items }: Outcomes): CommandError {
  const targets = chain.targets.slice(0, -1);
  const judged = items.filter(item => targets.some(target => item.outcomes.get(target)?.quality !== undefined)).length;
  const remedy =
    judged === 0
      ? `No answer of ${targets.join(', ')} has a quality: score them, or replay against ${chain.targets.at(-1)} and judge by agreement.`
      : `No answer of ${targets.join(', ')} whose quality is known shows ${signals.join(', ')}; --signal all looks at every signal. ${signalRemedy(targets[0]!)}`;
  return new CommandError(exit.nothing, remedy);
}
