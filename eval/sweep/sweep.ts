/** Cost and quality of each threshold of a chain on the same requests: the frontier, with intervals. */
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import { clusteredMean, clustersOf, type Estimate, sum } from '../../statistics/index.ts';
import { completeItems, type Dropped, type Outcomes, weightsOf } from '../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, singleTargetPolicy, thresholdsOf, withThresholds } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { type Measured, measurePolicy } from './measure.ts';
import { dominatedTargets, gainOverRandomMix, mixingHull } from './random-mix.ts';
import { type RouterMetrics, routerMetrics } from './router-metrics.ts';
import { candidatesMax, combinations, distinctValues, signalOf, thresholdGrid } from './thresholds.ts';

export interface SweepOptions {
  readonly signal: SweptSignal;
  /** Of the intervals, in (0, 1). */
  readonly confidence: number;
  /** Just these, one list for each combination; undefined looks for them. */
  readonly thresholds?: readonly (readonly number[])[];
  /** Hears of each row that is done. */
  readonly onProgress?: (done: number, all: number) => void;
}

export interface SweepRow extends Measured {
  /** One for each target but the last; null for the config's own rule when it is no single threshold on the signal. */
  readonly thresholds: readonly number[] | null;
  /** Quality above that of a random mix of the targets at the same cost. */
  readonly vsRandomMix: Estimate | null;
  /** No other row, single target or random mix of targets is as good in cost, quality and p95 latency, and better in one. */
  readonly frontier: boolean;
}

export interface Sweep {
  readonly chain: string;
  readonly targets: readonly string[];
  /** Everything is compared with always using this one: the last. */
  readonly reference: string;
  readonly signal: SweptSignal;
  readonly label: string;
  readonly confidence: number;
  readonly items: number;
  readonly clusters: number;
  /** Of the reference's quality: how many times fewer independent requests these are worth. */
  readonly designEffect: number;
  /** For each target but the last, the share of its answers that show the signal. */
  readonly signalCoverage: Readonly<Record<string, number>>;
  readonly dropped: readonly Dropped[];
  readonly coverage: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** Each target alone. */
  readonly singles: readonly (Measured & { readonly target: string })[];
  readonly dominated: readonly { readonly target: string; readonly by: string }[];
  /** The cheapest target that is right, for each request: what no chain can beat. */
  /** Of a chain of two targets, over all its thresholds. */
  readonly routerMetrics: RouterMetrics | null;
  readonly oracle: { readonly quality: number; readonly costPer1k: number | null };
  /** The route as it is configured. */
  readonly current: SweepRow | null;
  /** From the strictest thresholds down. */
  readonly rows: readonly SweepRow[];
}

/** Undefined when no item has every target's outcome. */
export function sweep(chain: Chain, outcomes: Outcomes, options: SweepOptions): Sweep | undefined {
  const { signal, confidence } = options;
  const kept = completeItems(outcomes.items, chain.targets);
  if (kept.items.length === 0) return undefined;
  const clusters = clustersOf(kept.items.map(item => item.cluster));
  const weights = weightsOf(kept.items);
  const decide = trialRunner(kept.items, chain.targets);
  const reference = chain.targets.at(-1)!;
  const singles = new Map(chain.targets.map(target => [target, decide(singleTargetPolicy(chain, target))]));
  const baseline = singles.get(reference)!;
  const hull = mixingHull(singles, weights);
  let scratch: Trials | undefined;
  const row = (policy: RoutePolicy, thresholds: readonly number[] | null): Omit<SweepRow, 'frontier'> => {
    scratch = decide(policy, scratch);
    const trials = scratch;
    const measured = measurePolicy(trials, baseline, policy.steps.length, clusters, confidence, weights);
    return { thresholds, ...measured, vsRandomMix: gainOverRandomMix(trials, hull, clusters, weights)?.interval(confidence) ?? null };
  };
  const singleRows = [...singles].map(([target, trials]) => ({
    target,
    ...measurePolicy(trials, baseline, 1, clusters, confidence, weights),
  }));
  const candidates = options.thresholds ?? candidatesOf(chain, kept.items, signal);
  const current = chain.configured ? row(chain.policy, thresholdsOf(chain.policy, signal) ?? null) : null;
  const rows = markFrontier(
    [
      ...candidates.map((thresholds, i) => {
        options.onProgress?.(i, candidates.length);
        return row(withThresholds(chain, thresholds, signal), thresholds);
      }),
      ...(current ? [current] : []),
    ],
    singleRows,
  );
  return {
    chain: chain.name,
    targets: chain.targets,
    reference,
    signal,
    label: outcomes.label,
    confidence,
    items: kept.items.length,
    clusters: clusters.count,
    designEffect: clusteredMean(baseline.quality, clusters).designEffect,
    signalCoverage: Object.fromEntries(chain.targets.slice(0, -1).map(target => [target, shareShowing(kept.items, target, signal)])),
    dropped: kept.dropped,
    coverage: Object.fromEntries([...kept.coverage].map(([target, count]) => [target, count / kept.known])),
    notes: [...outcomes.notes, ...notesOf(kept.items, chain, baseline)],
    singles: singleRows,
    dominated: dominatedTargets(singles, weights),
    oracle: oracleOf(singles, clusters.of.length, weights),
    // A few named thresholds are no curve.
    routerMetrics: chain.targets.length === 2 && !options.thresholds ? (routerMetrics(singleRows[0]!, singleRows[1]!, rows) ?? null) : null,
    current: current ? rows.at(-1)! : null,
    rows: current ? rows.slice(0, -1) : rows,
  };
}

type Items = ReturnType<typeof completeItems>['items'];

const candidatesOf = (chain: Chain, items: Items, signal: SweptSignal): readonly (readonly number[])[] => {
  const most = candidatesMax(items.length);
  const perStep = chain.targets.slice(0, -1).map(target => thresholdGrid(distinctValues(items, target, signal), most));
  return perStep.some(values => values.length === 0) ? [] : combinations(perStep, most);
};

function shareShowing(items: Items, target: string, signal: SweptSignal): number {
  const answered = items.filter(item => !item.outcomes.get(target)!.failure);
  return answered.length === 0
    ? 0
    : answered.filter(item => signalOf(item.outcomes.get(target), signal) !== undefined).length / answered.length;
}

/** A row below the line of random mixing is never on it. Where a single target equals a row, both are. */
function markFrontier(rows: readonly Omit<SweepRow, 'frontier'>[], singles: readonly Measured[]): SweepRow[] {
  const costsOf = (row: Measured): number[] => [row.relativeCost?.value ?? 0, -row.quality.value, row.latencyMs?.p95.value ?? 0];
  const costs = rows.map(costsOf);
  const others = [...costs, ...singles.map(costsOf)];
  return rows.map((row, i) => {
    const mine = costs[i]!;
    const isBelowMix = row.vsRandomMix !== null && row.vsRandomMix.value < -1e-9;
    const beaten = isBelowMix || others.some(other => other.every((c, k) => c <= mine[k]!) && other.some((c, k) => c < mine[k]!));
    return { ...row, frontier: !beaten };
  });
}

/** For each item the best quality that any target gives, from the cheapest that gives it. */
function oracleOf(singles: ReadonlyMap<string, Trials>, n: number, weights: Float64Array | undefined): Sweep['oracle'] {
  const all = [...singles.values()];
  const total = weights ? sum(weights) : n;
  let [quality, cost] = [0, 0];
  for (let i = 0; i < n; i++) {
    const part = (weights?.[i] ?? 1) / total;
    const best = Math.max(...all.map(trials => trials.quality[i]!));
    quality += best * part;
    cost += Math.min(...all.filter(trials => trials.quality[i] === best).map(trials => trials.cost[i]!)) * part;
  }
  return { quality, costPer1k: Number.isFinite(cost) ? cost / 1e6 : null };
}

function notesOf(items: Items, chain: Chain, baseline: Trials): string[] {
  const notes: string[] = [];
  if (Number.isNaN(baseline.cost[0]!))
    notes.push('Costs are not judged: some target has no known price (give it one under `prices` in the config).');
  const timed = items.filter(item => chain.targets.every(target => item.outcomes.get(target)!.latencyMs !== undefined)).length;
  if (timed > 0 && timed < items.length)
    notes.push(`Latency is known for all targets in ${timed} of ${items.length} requests; percentiles are over those.`);
  return notes;
}
