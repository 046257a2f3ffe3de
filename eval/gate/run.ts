/** Runs one gate: decides both sides on the same complete items and evaluates the assertions. */

import { clustersOf, tabulate } from '../../statistics/index.ts';
import { comparablePolicies, filled, type PairedTrials } from '../identification/comparable.ts';
import { missingProblem } from '../identification/selected-sample.ts';
import { type CompleteItems, completeItems, type Dropped, type Item, type Outcome, type Outcomes } from '../outcomes/outcomes.ts';
import { type Chain, singleTargetPolicy } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { mixingHull } from '../sweep/random-mix.ts';
import type { ComparedSides } from './compared-sides.ts';
import { type Bounds, evaluateGate, type GateReport, type ItemChange } from './evaluate.ts';
import type { GateFile } from './file.ts';
import { judgedColumns, type ResolvedSide } from './side.ts';

export interface Sides {
  readonly baseline: ResolvedSide;
  readonly candidate: ResolvedSide;
}

export interface ComparedRequests {
  /** `items` are those that are compared, in the order of every column below. */
  readonly kept: CompleteItems;
  readonly compared?: ComparedSides;
  /** Where some requests lack an outcome that the comparison needs: all of them, as bad and as good for the candidate as they can be. */
  readonly bounds?: Bounds;
  /** What is not known, and what would make it known; undefined when nothing that is needed is missing. */
  readonly problem?: string;
  /** The same of the difference alone: requests that both sides answer by the same target need no quality for it. */
  readonly differenceProblem?: string | undefined;
}

/** Both sides on the items of which all that the two need is known; nothing to compare when there are none. */
export function compareSides({ baseline, candidate }: Sides, outcomes: Outcomes): ComparedRequests {
  const columns = judgedColumns(baseline, candidate);
  const policies = { baseline: baseline.policy, candidate: candidate.policy };
  const { known, weights, weightMax, missing, unlabelled, lacking, lackingForDifference } = comparablePolicies(
    outcomes.items,
    policies,
    columns,
  );
  const kept = { ...completeItems(outcomes.items, columns), items: known.items, dropped: droppedOf(lacking) };
  if (known.items.length === 0) return { kept };
  const { chain } = candidate;
  const side = (paired: PairedTrials, hull: ComparedSides['hull']): ComparedSides => ({
    ...{ baseline: paired.baseline, candidate: paired.candidate, items: paired.items, hull },
    clusters: clustersOf(paired.items.map(item => item.cluster)),
    answers: {
      baseline: answersOf(baseline, paired.baseline, paired.items),
      candidate: answersOf(candidate, paired.candidate, paired.items),
    },
    ...(weights ? { draws: { weights: withOwn(weights, paired.items), weightMax } } : {}),
  });
  const compared = side(known, chain && chain.targets.length > 1 ? hullOf(chain, known.items, columns, weights) : undefined);
  const unknown = missing.items.length + unlabelled;
  if (unknown === 0) return { kept, compared };
  const bound = (how: 'worst' | 'best'): ComparedSides => ({
    ...side(joined(filled(known, policies, how), filled(missing, policies, how)), undefined),
    isFilled: true,
  });
  const requests = known.items.length + missing.items.length;
  const problem = missingProblem(unknown, requests, lacking);
  const differing = [...lackingForDifference.values()].reduce((total, n) => total + n, 0);
  const differenceProblem = differing === 0 ? undefined : missingProblem(differing, requests, lackingForDifference);
  return {
    kept,
    compared,
    bounds: { worst: bound('worst'), best: bound('best'), problem, isQualityAlone: missing.items.length === 0 },
    ...{ problem, differenceProblem },
  };
}

/** Undefined where some target is not known for all: then there is no mix to beat. */
function hullOf(
  chain: Chain,
  items: readonly Item[],
  columns: readonly string[],
  weights: Float64Array | undefined,
): ComparedSides['hull'] {
  const run = trialRunner(items, columns);
  const singles = new Map(chain.targets.map((target): [string, Trials] => [target, run(singleTargetPolicy(chain, target))]));
  return [...singles.values()].some(({ lacks }) => lacks!.some(step => step >= 0)) ? undefined : mixingHull(singles, weights);
}

const withOwn = (weights: Float64Array, items: readonly Item[]): Float64Array =>
  tabulate(items.length, i => weights[i] ?? items[i]!.weight ?? 1);

function joined(a: PairedTrials, b: PairedTrials): PairedTrials {
  const column = (x: Float64Array, y: Float64Array): Float64Array =>
    tabulate(x.length + y.length, i => (i < x.length ? x[i]! : y[i - x.length]!));
  const trials = (x: Trials, y: Trials): Trials => ({
    cost: column(x.cost, y.cost),
    quality: column(x.quality, y.quality),
    latencyMs: column(x.latencyMs, y.latencyMs),
    firstTokenMs: column(x.firstTokenMs, y.firstTokenMs),
    step: Int8Array.from([...x.step, ...y.step]),
  });
  return {
    items: [...a.items, ...b.items],
    baseline: trials(a.baseline, b.baseline),
    candidate: trials(a.candidate, b.candidate),
  };
}

const droppedOf = (lacking: ReadonlyMap<string, number>): readonly Dropped[] =>
  [...lacking].map(([target, count]) => ({
    count,
    why: `no outcome, or no quality, of ${target}`,
    mend: `hindcast replay run --against ${target} --only-missing, or score its answers`,
  }));

const answersOf = ({ policy }: ResolvedSide, { step }: Trials, items: readonly Item[]): readonly (Outcome | undefined)[] =>
  items.map((item, i) => (step[i]! < 0 ? undefined : item.outcomes.get(policy.steps[step[i]!]!.target)));

export interface GateRun {
  readonly kept: CompleteItems;
  readonly compared?: ComparedSides;
  readonly report?: GateReport;
}

/** `psi` is computed only when a rule needs it. */
export function runGateFile(gate: GateFile, sides: Sides, outcomes: Outcomes, psi?: (items: readonly Item[]) => number | string): GateRun {
  const { data, confidence, seed, sequential, rules } = gate;
  const selectedOutcomes = { ...outcomes, items: selected(outcomes.items, gate) };
  const { kept, compared: plain, bounds } = compareSides(sides, selectedOutcomes);
  if (!plain) return { kept };
  const asGated = (side: ComparedSides): ComparedSides => ({
    ...side,
    weights: data.weights,
    ...(sequential ? { sequential: { planned: Math.max(data.clustersMin, 100) } } : {}),
    ...(psi && rules.some(({ metric }) => metric === 'certificate.psi') ? { psi: psi(selectedOutcomes.items) } : {}),
  });
  const compared = asGated(plain);
  const judgement = evaluateGate(rules, compared, {
    ...{ confidence, seed, clustersMin: data.clustersMin },
    ...(bounds ? { bounds: { ...bounds, worst: asGated(bounds.worst), best: asGated(bounds.best) } } : {}),
  });
  const names = { baseline: sides.baseline.name, candidate: sides.candidate.name };
  const report = { ...judgement, ...names, name: gate.name, label: outcomes.label, dropped: kept.dropped, notes: outcomes.notes };
  return { kept, compared, report: { ...report, changes: changesOf(compared, kept.items) } };
}

/** The requests that the file is about, in the clusters that it names. */
function selected(items: readonly Item[], { data: { where, cluster } }: GateFile): readonly Item[] {
  const chosen = where ? items.filter(item => where(item.tags ?? {})) : items;
  if (cluster === 'conversation_id') return chosen;
  const tag = cluster === 'tenant_id' ? 'tenant' : 'user';
  return chosen.map(item => ({ ...item, cluster: item.tags?.[tag] || item.cluster }));
}

const changesMax = 5;

/** What came out worst. */
const changesOf = ({ baseline, candidate }: ComparedSides, items: readonly Item[]): readonly ItemChange[] =>
  items
    .map(({ id }, i) => ({ id, baseline: baseline.quality[i]!, candidate: candidate.quality[i]! }))
    .filter(({ baseline: base, candidate: head }) => head < base)
    .toSorted((a, b) => a.candidate - a.baseline - (b.candidate - b.baseline))
    .slice(0, changesMax);
