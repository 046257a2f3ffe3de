/** Simulates another configuration over recorded requests without calling a provider, and compares the deployed one with the record. */

import {
  differences,
  type Estimate,
  meanInference,
  quantileOf,
  sortedAscending,
  sum,
  weightedMean,
  weightedQuantile,
} from '../../statistics/index.ts';
import { compare } from '../gate/compare.ts';
import type { ComparedSides } from '../gate/compared-sides.ts';
import type { Bounds } from '../gate/evaluate.ts';
import { compareSides } from '../gate/run.ts';
import type { ResolvedSide } from '../gate/side.ts';
import type { CompleteItems, Item, Outcomes } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';
import { missingTargetFor, runTrial, type Trial } from '../policies/trials.ts';

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

/** `weights` are one over the chance that each item's outcomes were drawn with. */
export function simulateChain(chain: Chain, items: readonly Item[], weights?: Float64Array): SimulatedChain {
  const { trials, unsupported } = trialsOf(chain, items);
  if (weights) return weightedChain(chain, items, [...trials.values()], weights);
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

function weightedChain(chain: Chain, items: readonly Item[], trials: readonly Trial[], weights: Float64Array): SimulatedChain {
  const mean = (of: (trial: Trial) => number): number => weightedMean(trials.map(of), weights);
  const [cost, quality, total] = [mean(t => t.cost), mean(t => t.quality), sum(weights)];
  const timed = [...trials.keys()].filter(i => Number.isFinite(trials[i]!.latencyMs));
  const at = (q: number): number | null =>
    timed.length === 0
      ? null
      : weightedQuantile(
          timed.map(i => trials[i]!.latencyMs),
          timed.map(i => weights[i]!),
          q,
        );
  const share = (step: number): number => sum(trials.map((t, i) => (t.step === step ? weights[i]! : 0)));
  return {
    ...{ chain: chain.name, items: items.length, unsupported: {} },
    answered: Object.fromEntries(chain.targets.map((target, step) => [target, (share(step) / total) * items.length])),
    costPer1k: Number.isFinite(cost) ? cost / 1e6 : null,
    quality: Number.isFinite(quality) ? quality : null,
    errors: mean(t => Number(t.step < 0)),
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
  const { kept, compared, bounds, problem } = compareSides({ baseline: side(deployed), candidate: side(candidate) }, outcomes);
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
