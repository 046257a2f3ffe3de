/** `hindcast eval sweep`. */
import { CommandError, exit, note, result, table } from '../../gateway/cli.ts';
import { type Calibration, calibrate } from '../calibrate.ts';
import type { Chain, SweptSignal } from '../chain.ts';
import { complete, type Outcomes } from '../outcomes.ts';
import { sweepJson } from '../report/json.ts';
import { sweepText } from '../report/sweep.ts';
import { sweepHtml } from '../report/sweep-html.ts';
import { type Sweep, sweep } from '../sweep.ts';
import { type ChainOptions, chainAndOutcomes } from './chain.ts';
import { nothingComplete, selectionNote } from './data.ts';
import { parseConfidence, parseSignal, writeText } from './options.ts';

export interface SweepCommandOptions extends ChainOptions {
  readonly confidence: string;
  readonly threshold?: readonly string[];
  readonly wide?: boolean;
  readonly output?: string;
}

export async function runSweep(options: SweepCommandOptions): Promise<void> {
  const confidence = parseConfidence(options.confidence);
  const signal = parseSignal(options.signal);
  const { chain, outcomes } = await chainAndOutcomes(options);
  const thresholds = thresholdsOf(options.threshold, chain);
  const swept = sweep(chain, outcomes, { signal, confidence, ...(thresholds ? { thresholds } : {}) });
  const kept = complete(outcomes.items, chain.targets);
  if (!swept) throw nothingComplete(chain.targets, kept, options.outcomes !== undefined);
  const told = { ...swept, notes: [...swept.notes, ...selectionNote(kept.dropped, kept.known)] };
  if (options.output !== undefined) writePage(options.output, told, calibrationsOf(chain, outcomes, { signal, confidence }));
  result(options, sweepJson(told), () => sweepText(told, table, { wide: options.wide ?? false }));
}

function writePage(file: string, swept: Sweep, calibrations: readonly Calibration[]): void {
  if (!/\.html?$/.test(file))
    throw new CommandError(exit.usage, `--output ${file}: name a page such as frontier.html; --json prints the numbers.`);
  writeText(file, sweepHtml(swept, calibrations));
  note(`written: ${file}`);
}

const calibrationsOf = (
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
