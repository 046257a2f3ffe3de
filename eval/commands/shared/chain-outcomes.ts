/** The input of sweep and certify: the chain, and its targets' outcomes from a file or the store. */
import { CommandError, exit, loadSettings } from '../../../gateway/cli/command.ts';
import type { Settings } from '../../../gateway/settings/settings.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { scoredItems, withScorers } from '../../calibration/train-scorer.ts';
import type { Outcomes } from '../../outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../policies/chain.ts';
import { readOutcomesFile, type SharedOptions } from './options.ts';
import { readScorer } from './scorer-file.ts';
import { loadStoreOutcomes, withStore } from './store-outcomes.ts';

export interface ChainOptions extends SharedOptions {
  readonly chain: string;
  readonly outcomes?: string;
  readonly since?: string;
  readonly run?: readonly string[];
  readonly signal: string;
  readonly quality: string;
  readonly limit: string;
  /** Of the first steps, in order. */
  readonly scorer?: readonly string[];
  readonly weigh?: boolean;
}

/** Whether the command supports weights of items drawn with unequal probabilities. */
interface WeightSupport {
  readonly weighs?: boolean;
  /** Nothing but what callers of the route got. */
  readonly liveOnly?: boolean;
}

/** With `item`, of that request alone. */
export async function chainAndOutcomes(
  options: Omit<ChainOptions, 'signal'>,
  item?: string,
  { weighs = false, liveOnly = false }: WeightSupport = {},
): Promise<{ readonly chain: Chain; readonly outcomes: Outcomes }> {
  // Targets by name with outcomes from a file need no config at all.
  const settings = options.outcomes !== undefined && options.chain.includes(',') ? undefined : loadSettings(options);
  const chain = withScorers(parseChain(options.chain, settings), (options.scorer ?? []).map(readScorer));
  const outcomes = await outcomesFor(options, chain, settings, item, { weighs, liveOnly });
  return { chain, outcomes: { ...outcomes, items: scoredItems(chain, outcomes.items) } };
}

function parseChain(text: string, settings: Settings | undefined): Chain {
  const chain = chainOf(text, settings?.routes ?? new Map());
  if (typeof chain === 'string') throw new CommandError(exit.usage, `--chain: ${chain}.`);
  if (chain.targets.length > 1) return chain;
  throw new CommandError(exit.usage, `--chain ${text}: the route has one target only, so it has no threshold.`);
}

async function outcomesFor(
  options: Omit<ChainOptions, 'signal'>,
  chain: Chain,
  settings: Settings | undefined,
  item: string | undefined,
  { weighs, liveOnly }: Required<WeightSupport>,
): Promise<Outcomes> {
  if (options.outcomes !== undefined) {
    if (options.weigh) throw new CommandError(exit.usage, '--weigh is for --run audit or shadow; a file says the weight of each item.');
    if (!options.run && options.since === undefined) return readOutcomesFile(options.outcomes, weighs);
    throw new CommandError(exit.usage, '--outcomes reads a file, --run and --since choose from the store; give one of them.');
  }
  const request = {
    targets: chain.targets,
    columns: [],
    judged: chain.targets,
    quality: options.quality,
    since: options.since,
    runs: options.run ?? [],
    limit: parseCount(options.limit, '--limit'),
    weighted: options.weigh ?? false,
    liveOnly,
    ...(settings?.routes.has(options.chain) ? { route: options.chain } : {}),
    ...(item === undefined ? {} : { item }),
  };
  return withStore(settings!, store => loadStoreOutcomes(store, settings!, request));
}
