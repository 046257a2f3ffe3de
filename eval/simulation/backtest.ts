/** Simulates another configuration over recorded requests without calling a provider, and compares the deployed one with the record. */

import {
  differences,
  type Estimate,
  meanInference,
  quantileRank,
  Ranks,
  sum,
  tabulate,
  weightedMean,
  weightedQuantile,
} from '../../statistics/index.ts';
import { compare } from '../gate/compare.ts';
import type { ComparedSides } from '../gate/compared-sides.ts';
import type { Bounds } from '../gate/evaluate.ts';
import { compareSides } from '../gate/run.ts';
import type { ResolvedSide } from '../gate/side.ts';
import { trialsAt } from '../identification/comparable.ts';
import type { CompleteItems, Item, Outcomes } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';

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
  /** The difference is smaller than the simulation's error: the two cannot be ranked. */
  readonly tooClose: boolean;
}

/** Trials of the items whose outcomes suffice, in their order, and which items those are. */
interface KnownTrials {
  readonly at: readonly number[];
  readonly trials: Trials;
  readonly unsupported: Readonly<Record<string, number>>;
}

/** Columns of numbers: each way through the chain is computed once, and a request is a copy of one of them. */
function knownTrials({ policy }: Chain, items: readonly Item[]): KnownTrials {
  const trials = trialRunner(items)(policy);
  const at: number[] = [];
  const unsupported: Record<string, number> = {};
  for (let i = 0; i < items.length; i++) {
    const lacking = policy.steps[trials.lacks![i]!]?.target;
    if (lacking === undefined) at.push(i);
    else unsupported[lacking] = (unsupported[lacking] ?? 0) + 1;
  }
  return { at, trials: at.length === items.length ? trials : trialsAt(trials, at), unsupported };
}

/** `weights` are one over the chance that each item's outcomes were drawn with. */
export function simulateChain(chain: Chain, items: readonly Item[], weights?: Float64Array): SimulatedChain {
  const { trials, unsupported } = knownTrials(chain, items);
  const n = trials.step.length;
  if (weights) return weightedChain(chain, trials, weights);
  const answered = Object.fromEntries(chain.targets.map((target, step) => [target, countWhere(trials.step, one => one === step)]));
  const [cost, quality] = [sum(trials.cost), sum(trials.quality)];
  const times = new Ranks(trials.latencyMs.filter(Number.isFinite));
  return {
    ...{ chain: chain.name, items: n, unsupported, answered },
    costPer1k: n > 0 && Number.isFinite(cost) ? cost / n / 1e6 : null,
    quality: n > 0 && Number.isFinite(quality) ? quality / n : null,
    errors: n === 0 ? 0 : countWhere(trials.step, step => step < 0) / n,
    latencyP50: quantileIn(times, 0.5),
    latencyP95: quantileIn(times, 0.95),
  };
}

function countWhere(values: Int8Array, holds: (value: number) => boolean): number {
  let n = 0;
  for (let i = 0; i < values.length; i++) if (holds(values[i]!)) n++;
  return n;
}

const quantileIn = (ranks: Ranks, q: number): number | null => (ranks.count === 0 ? null : ranks.at(quantileRank(ranks.count, q)));

/** `recorded` is the column of what callers got. Undefined where nothing was recorded that could be simulated. */
export function backtest(chain: Chain, items: readonly Item[], recorded: string): Backtest | undefined {
  const seen = items.filter(item => item.outcomes.has(recorded));
  const { at, trials } = knownTrials(chain, seen);
  const n = at.length;
  if (n === 0) return undefined;
  const was = at.map(i => seen[i]!.outcomes.get(recorded)!);
  const off = (simulated: number, before: number): number | null =>
    before > 0 && Number.isFinite(simulated) ? simulated / before - 1 : null;
  const priced = [...was.keys()].filter(k => was[k]!.costNanoUsd !== undefined && Number.isFinite(trials.cost[k]!));
  const timed = [...was.keys()].filter(k => was[k]!.latencyMs !== undefined && Number.isFinite(trials.latencyMs[k]!));
  const [simulated, before] = [new Ranks(timed.map(k => trials.latencyMs[k]!)), new Ranks(timed.map(k => was[k]!.latencyMs!))];
  const latency = (q: number): number | null => (timed.length === 0 ? null : off(quantileIn(simulated, q)!, quantileIn(before, q)!));
  return {
    items: n,
    cost: off(sum(priced.map(k => trials.cost[k]!)), sum(priced.map(k => was[k]!.costNanoUsd!))),
    latencyP50: latency(0.5),
    latencyP95: latency(0.95),
    errors: (countWhere(trials.step, step => step < 0) - was.filter(({ failure }) => failure).length) / n,
  };
}

function weightedChain(chain: Chain, trials: Trials, weights: Float64Array): SimulatedChain {
  const n = trials.step.length;
  const [cost, quality, total] = [weightedMean(trials.cost, weights), weightedMean(trials.quality, weights), sum(weights)];
  const timed = [...trials.latencyMs.keys()].filter(i => Number.isFinite(trials.latencyMs[i]!));
  const at = (q: number): number | null =>
    timed.length === 0
      ? null
      : weightedQuantile(
          timed.map(i => trials.latencyMs[i]!),
          timed.map(i => weights[i]!),
          q,
        );
  const share = (step: number): number => sum(tabulate(n, i => (trials.step[i] === step ? weights[i]! : 0)));
  return {
    ...{ chain: chain.name, items: n, unsupported: {} },
    answered: Object.fromEntries(chain.targets.map((target, step) => [target, (share(step) / total) * n])),
    costPer1k: Number.isFinite(cost) ? cost / 1e6 : null,
    quality: Number.isFinite(quality) ? quality : null,
    errors: weightedMean(
      tabulate(n, i => Number(trials.step[i]! < 0)),
      weights,
    ),
    latencyP50: at(0.5),
    latencyP95: at(0.95),
  };
}

export interface SimulatedPair {
  readonly kept: CompleteItems;
  readonly deployed: SimulatedChain;
  readonly candidate: SimulatedChain;
  readonly comparison: Comparison | undefined;
  /** What is not known of some requests, and what would make it known. */
  readonly problem: string | undefined;
}

/** Both policies over the same requests, by the comparison that `compare` and `gate` make: the same question has the same number. */
export function simulatePair(
  deployed: Chain,
  candidate: Chain,
  outcomes: Outcomes,
  { confidence, error }: { readonly confidence: number; readonly error: Backtest | undefined },
): SimulatedPair {
  const side = (chain: Chain): ResolvedSide => ({
    name: chain.name,
    policy: chain.policy,
    chain,
    targets: chain.targets,
    column: undefined,
  });
  const {
    kept,
    compared,
    bounds,
    differenceProblem: problem,
  } = compareSides({ baseline: side(deployed), candidate: side(candidate) }, outcomes);
  const weights = compared?.draws?.weights;
  return {
    kept,
    deployed: simulateChain(deployed, kept.items, weights),
    candidate: simulateChain(candidate, kept.items, weights),
    comparison: compared && comparisonOf(compared, bounds, { confidence, error }),
    problem,
  };
}

function comparisonOf(
  compared: ComparedSides,
  bounds: Bounds | undefined,
  { confidence, error }: { readonly confidence: number; readonly error: Backtest | undefined },
): Comparison {
  const rows = compare(compared, { confidence, seed: 0, bounds, metrics: ['quality', 'cost_per_1k'] }).rows;
  const row = (metric: string) => rows.find(found => found.metric === metric);
  const cost = row('cost_per_1k')?.change ?? null;
  const gaps = differences(compared.candidate.latencyMs, compared.baseline.latencyMs);
  const isTimed = !compared.draws && !bounds && gaps.every(Number.isFinite);
  return {
    ...{ items: compared.candidate.step.length, cost, quality: row('quality')?.delta ?? null },
    latencyMs: isTimed ? meanInference(gaps, compared.clusters).interval(confidence) : null,
    tooClose: cost !== null && error?.cost !== undefined && error.cost !== null && Math.abs(cost.value) <= Math.abs(error.cost),
  };
}
