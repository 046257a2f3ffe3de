/** `hindcast eval sweep`. */
import { CommandError, exit, result, settingsOf, table } from '../../gateway/cli.ts';
import type { Settings } from '../../gateway/settings.ts';
import { parseCount } from '../../replay/selection.ts';
import { type Chain, chainOf } from '../chain.ts';
import { complete, type Outcomes } from '../outcomes.ts';
import { sweepText } from '../report/sweep.ts';
import { sweep } from '../sweep.ts';
import { nothingComplete, outcomesOfStore, selectionNote, withStore } from './data.ts';
import { outcomesOfFile, parseConfidence, parseSignal, type SharedOptions } from './options.ts';

export interface SweepCommandOptions extends SharedOptions {
  readonly chain: string;
  readonly outcomes?: string;
  readonly since?: string;
  readonly run?: readonly string[];
  readonly signal: string;
  readonly quality: string;
  readonly confidence: string;
  readonly threshold?: readonly string[];
  readonly limit: string;
}

export async function runSweep(options: SweepCommandOptions): Promise<void> {
  const confidence = parseConfidence(options.confidence);
  const signal = parseSignal(options.signal);
  // Targets by name with outcomes from a file need no config at all.
  const settings = options.outcomes !== undefined && options.chain.includes(',') ? undefined : settingsOf(options);
  const chain = chainNamed(options.chain, settings);
  const thresholds = thresholdsOf(options.threshold, chain);
  const outcomes = await outcomesFor(options, chain, settings);
  const swept = sweep(chain, outcomes, { signal, confidence, ...(thresholds ? { thresholds } : {}) });
  const kept = complete(outcomes.items, chain.targets);
  if (!swept) throw nothingComplete(chain.targets, kept, options.outcomes !== undefined);
  const told = { ...swept, notes: [...swept.notes, ...selectionNote(kept.dropped, kept.known)] };
  result(options, told, () => sweepText(told, table));
}

function chainNamed(text: string, settings: Settings | undefined): Chain {
  const chain = chainOf(text, settings?.routes ?? new Map());
  if (typeof chain === 'string') throw new CommandError(exit.usage, `--chain: ${chain}.`);
  if (chain.targets.length < 2)
    throw new CommandError(exit.usage, `--chain ${text}: the route has one target only, so there is no threshold to sweep.`);
  return chain;
}

async function outcomesFor(options: SweepCommandOptions, chain: Chain, settings: Settings | undefined): Promise<Outcomes> {
  if (options.outcomes !== undefined) {
    if (options.run || options.since !== undefined)
      throw new CommandError(exit.usage, '--outcomes reads a file, --run and --since choose from the store; give one of them.');
    return outcomesOfFile(options.outcomes);
  }
  const request = {
    targets: chain.targets,
    columns: [],
    judged: chain.targets,
    quality: options.quality,
    since: options.since,
    runs: options.run ?? [],
    limit: parseCount(options.limit, '--limit'),
  };
  return withStore(settings!, store => outcomesOfStore(store, settings!, request));
}

/** Each flag is one combination; with a single threshold to choose, a list with commas is several. */
function thresholdsOf(flags: readonly string[] | undefined, chain: Chain): readonly (readonly number[])[] | undefined {
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
