/** Another configuration over yesterday's requests, without asking anybody; and the deployed one, held against what was recorded. */

import {
  clustersOf,
  differences,
  type Estimate,
  meanInference,
  quantileOf,
  ratioInference,
  scaled,
  sortedAscending,
  sum,
  tabulate,
} from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';
import { missingTargetFor, runTrial, type Trial } from '../policies/trials.ts';
import { deltaInference } from '../sweep/measure.ts';

export interface SimulatedChain {
  readonly chain: string;
  /** Requests that everything needed is known of. */
  readonly items: number;
  /** Those that lack an outcome, by the target it is lacking of. Never guessed. */
  readonly unsupported: Readonly<Record<string, number>>;
  readonly costPer1k: number | null;
  readonly quality: number | null;
  readonly errors: number;
  readonly latencyP50: number | null;
  readonly latencyP95: number | null;
  /** By target. */
  readonly answered: Readonly<Record<string, number>>;
}

export interface Backtest {
  readonly items: number;
  /** Simulated less recorded, as a share of the recorded. */
  readonly cost: number | null;
  readonly latencyP50: number | null;
  readonly latencyP95: number | null;
  readonly errors: number;
}

export interface Comparison {
  readonly items: number;
  readonly cost: Estimate | null;
  readonly quality: Estimate | null;
  readonly latencyMs: Estimate | null;
  /** Nearer to one another than the simulation is to the record: not to be ranked. */
  readonly tooClose: boolean;
}

/** The trial of each item whose outcomes suffice. */
function trialsOf(
  { policy }: Chain,
  items: readonly Item[],
): { readonly trials: ReadonlyMap<Item, Trial>; readonly unsupported: Record<string, number> } {
  const trials = new Map<Item, Trial>();
  const unsupported: Record<string, number> = {};
  for (const item of items) {
    const missing = missingTargetFor(policy, item);
    if (missing === undefined) trials.set(item, runTrial(policy, item));
    else unsupported[missing] = (unsupported[missing] ?? 0) + 1;
  }
  return { trials, unsupported };
}

/** The items that every one of the policies can be simulated on. */
export const supportedItems = (chains: readonly Chain[], items: readonly Item[]): readonly Item[] =>
  items.filter(item => chains.every(({ policy }) => missingTargetFor(policy, item) === undefined));

export function simulateChain(chain: Chain, items: readonly Item[]): SimulatedChain {
  const { trials, unsupported } = trialsOf(chain, items);
  const all = [...trials.values()];
  const answered = Object.fromEntries(chain.targets.map((target, step) => [target, all.filter(t => t.step === step).length]));
  const cost = sum(all.map(t => t.cost));
  const quality = sum(all.map(t => t.quality));
  const times = sortedAscending(all.map(t => t.latencyMs).filter(Number.isFinite));
  const n = all.length;
  return {
    ...{ chain: chain.name, items: n, unsupported, answered },
    costPer1k: n > 0 && Number.isFinite(cost) ? cost / n / 1e6 : null,
    quality: n > 0 && Number.isFinite(quality) ? quality / n : null,
    errors: n === 0 ? 0 : all.filter(t => t.step < 0).length / n,
    latencyP50: times.length === 0 ? null : quantileOf(times, 0.5),
    latencyP95: times.length === 0 ? null : quantileOf(times, 0.95),
  };
}

/** `recorded` is the column of what callers got. Undefined where nothing was recorded that could be simulated. */
export function backtest(chain: Chain, items: readonly Item[], recorded: string): Backtest | undefined {
  const { trials } = trialsOf(
    chain,
    items.filter(item => item.outcomes.has(recorded)),
  );
  if (trials.size === 0) return undefined;
  const pairs = [...trials].map(([item, t]) => ({ t, was: item.outcomes.get(recorded)! }));
  const off = (simulated: number, was: number): number | null => (was > 0 && Number.isFinite(simulated) ? simulated / was - 1 : null);
  const priced = pairs.filter(({ t, was }) => was.costNanoUsd !== undefined && Number.isFinite(t.cost));
  const timed = pairs.filter(({ t, was }) => was.latencyMs !== undefined && Number.isFinite(t.latencyMs));
  const at = (q: number): number | null =>
    timed.length === 0
      ? null
      : off(
          quantileOf(sortedAscending(timed.map(p => p.t.latencyMs)), q),
          quantileOf(sortedAscending(timed.map(p => p.was.latencyMs!)), q),
        );
  return {
    items: pairs.length,
    cost: off(sum(priced.map(p => p.t.cost)), sum(priced.map(p => p.was.costNanoUsd!))),
    latencyP50: at(0.5),
    latencyP95: at(0.95),
    errors: (pairs.filter(p => p.t.step < 0).length - pairs.filter(p => p.was.failure).length) / pairs.length,
  };
}

export function compareChains(
  current: Chain,
  candidate: Chain,
  items: readonly Item[],
  confidence: number,
  error: Backtest | undefined,
): Comparison | undefined {
  const [before, after] = [trialsOf(current, items).trials, trialsOf(candidate, items).trials];
  const both = items.filter(item => before.has(item) && after.has(item));
  if (both.length === 0) return undefined;
  const clusters = clustersOf(both.map(item => item.cluster));
  const column = (trials: ReadonlyMap<Item, Trial>, of: (t: Trial) => number): Float64Array =>
    tabulate(both.length, i => of(trials.get(both[i]!)!));
  const known = (values: Float64Array): boolean => values.every(Number.isFinite);
  const [base, head] = [column(before, t => t.cost), column(after, t => t.cost)];
  const priced = known(base) && known(head) && sum(base) > 0;
  const [was, is] = [column(before, t => t.quality), column(after, t => t.quality)];
  const [slow, fast] = [column(before, t => t.latencyMs), column(after, t => t.latencyMs)];
  const cost = priced ? scaled(ratioInference(head, base, clusters), 1, -1).interval(confidence) : null;
  return {
    items: both.length,
    cost,
    quality: known(was) && known(is) ? deltaInference(is, was, clusters).interval(confidence) : null,
    latencyMs: known(slow) && known(fast) ? meanInference(differences(fast, slow), clusters).interval(confidence) : null,
    tooClose: cost !== null && error?.cost !== undefined && error.cost !== null && Math.abs(cost.value) <= Math.abs(error.cost),
  };
}
