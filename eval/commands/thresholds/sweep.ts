/** `hindcast eval sweep`. */
import { CommandError, exit, note, printResult, table } from '../../../gateway/cli/command.ts';
import { type Calibration, calibrate } from '../../calibration/calibrate.ts';
import { populationOf } from '../../identification/population.ts';
import { selectionProblem } from '../../identification/selected-sample.ts';
import { completeItems, type Item, type Outcomes, weightsOf } from '../../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, singleTargetPolicy, withThresholds } from '../../policies/chain.ts';
import { trialRunner } from '../../policies/trials.ts';
import { sweepJson } from '../../report/json.ts';
import { populationNotes, sourceNotes } from '../../report/population.ts';
import { itemTable } from '../../report/shared/item-table.ts';
import { sweepHtml } from '../../report/sweep/page.ts';
import { bestRow, sweepText } from '../../report/sweep/text.ts';
import { type Sweep, sweep } from '../../sweep/sweep.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { parseConfidence, parseSignal, writeText } from '../shared/options.ts';
import { progressOf } from '../shared/progress.ts';
import { noCompleteItemsError, selectionNote } from '../shared/store-outcomes.ts';

export interface SweepCommandOptions extends ChainOptions {
  readonly confidence: string;
  readonly threshold?: readonly string[];
  readonly wide?: boolean;
  readonly output?: string;
}

/** Prints the sweep, and writes it as a page with --output. Exit code 0, or 3 when it is inconclusive. */
export async function runSweep(options: SweepCommandOptions): Promise<number> {
  const confidence = parseConfidence(options.confidence);
  const signal = parseSignal(options.signal);
  const { chain, outcomes } = await chainAndOutcomes(options, undefined, { weighs: true });
  const thresholds = thresholdsOf(options.threshold, chain);
  const swept = sweep(chain, outcomes, {
    ...{ signal, confidence, onProgress: progressOf('sweep thresholds') },
    ...(thresholds ? { thresholds } : {}),
  });
  const kept = completeItems(outcomes.items, chain.targets);
  if (!swept) throw noCompleteItemsError(chain.targets, kept, options.outcomes !== undefined);
  const problem = selectionProblem(kept, chain.targets);
  const weights = weightsOf(kept.items);
  const known = [...sourceNotes(outcomes), ...populationNotes(populationOf(kept.population, chain.targets), chain)];
  const report = { ...swept, notes: [...known, ...swept.notes, ...(weights ? selectionNote(kept.dropped, kept.known, weights) : [])] };
  if (options.output !== undefined)
    writePage(options.output, report, calibrationsOf(chain, outcomes, { signal, confidence }), requestsOf(chain, kept.items, report));
  printResult(options, { ...sweepJson(report), inconclusive: problem ?? null }, () =>
    [
      ...known,
      '',
      ...(problem ? [problem, ''] : []),
      sweepText({ ...report, notes: report.notes.slice(known.length) }, table, { wide: options.wide ?? false }),
    ].join('\n'),
  );
  return problem === undefined ? exit.pass : exit.inconclusive;
}

/** Of the configured rule, else of the row that the sentence on top is about. */
function requestsOf(chain: Chain, items: readonly Item[], swept: Sweep): string {
  const row = swept.current ?? bestRow(swept);
  if (!row) return '';
  const decide = trialRunner(items, chain.targets);
  const { signal, reference } = swept;
  return itemTable({
    ...{ items, targets: chain.targets, signal: { of: chain.targets[0]!, name: signal } },
    head: row.thresholds ? `at ${row.thresholds.join(', ')}` : 'as configured',
    base: `always ${reference}`,
    candidate: decide(row.thresholds ? withThresholds(chain, row.thresholds, signal) : chain.policy),
    baseline: decide(singleTargetPolicy(chain, reference)),
  });
}

function writePage(file: string, swept: Sweep, calibrations: readonly Calibration[], requests: string): void {
  if (!/\.html?$/.test(file))
    throw new CommandError(exit.usage, `--output ${file}: name a page such as frontier.html; --json prints the numbers.`);
  writeText(file, sweepHtml(swept, calibrations, requests));
  note(`written: ${file}`);
}

/** A calibration of the signal for each target before the last. */
export const calibrationsOf = (
  chain: Chain,
  { items }: Outcomes,
  { signal, confidence }: { readonly signal: SweptSignal; readonly confidence: number },
): readonly Calibration[] =>
  chain.targets.slice(0, -1).flatMap(target => calibrate(items, target, signal, { confidence, seed: 0, curves: false }) ?? []);

/** Each flag is one combination; with a single threshold to choose, a list with commas is several. */
export function thresholdsOf(flags: readonly string[] | undefined, chain: Chain): readonly (readonly number[])[] | undefined {
  if (!flags) return undefined;
  const needed = chain.targets.length - 1;
  return flags.flatMap(flag => {
    const numbers = flag.split(',').map(Number);
    const valid = numbers.every(n => n >= 0 && n <= 1) && flag.trim() !== '' && (needed === 1 || numbers.length === needed);
    if (!valid) {
      const want =
        needed === 1
          ? 'numbers from 0 to 1, such as 0.7 or 0.9,0.8'
          : `${needed} numbers from 0 to 1 with commas between, one for each target but the last`;
      throw new CommandError(exit.usage, `--threshold ${flag}: write ${want}.`);
    }
    return needed === 1 ? numbers.map(n => [n]) : [numbers];
  });
}
