/** One gate, run: both sides decided on the same complete items, and judged. */

import { clustersOf } from '../../statistics/index.ts';
import { selectionProblem } from '../identification/selected-sample.ts';
import { type CompleteItems, completeItems, type Item, type Outcome, type Outcomes } from '../outcomes/outcomes.ts';
import { singleTargetPolicy } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { mixingHull } from '../sweep/random-mix.ts';
import type { ComparedSides } from './compared-sides.ts';
import type { GateResult } from './evaluate.ts';
import { evaluateGate, type GateReport, type ItemChange } from './evaluate.ts';
import type { GateFile } from './file.ts';
import { judgedColumns, type ResolvedSide } from './side.ts';

export interface Sides {
  readonly baseline: ResolvedSide;
  readonly candidate: ResolvedSide;
}

/** Both sides on the items that all their columns know; nothing to compare when there are none. */
export function compareSides(
  { baseline, candidate }: Sides,
  outcomes: Outcomes,
): { readonly kept: CompleteItems; readonly compared?: ComparedSides } {
  const columns = judgedColumns(baseline, candidate);
  const kept = completeItems(outcomes.items, columns);
  if (kept.items.length === 0) return { kept };
  const decide = trialRunner(kept.items, columns);
  const { chain } = candidate;
  const alone = (target: string): [string, Trials] => [target, decide(singleTargetPolicy(chain!, target))];
  const hull = chain && chain.targets.length > 1 ? mixingHull(new Map(chain.targets.map(alone))) : undefined;
  const clusters = clustersOf(kept.items.map(item => item.cluster));
  const [base, head] = [decide(baseline.policy), decide(candidate.policy)];
  const answers = { baseline: answersOf(baseline, base, kept.items), candidate: answersOf(candidate, head, kept.items) };
  return { kept, compared: { baseline: base, candidate: head, clusters, hull, items: kept.items, answers } };
}

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
  const { kept, compared: plain } = compareSides(sides, selectedOutcomes);
  if (!plain) return { kept };
  const compared: ComparedSides = {
    ...plain,
    weights: data.weights,
    ...(sequential ? { sequential: { planned: Math.max(data.clustersMin, 100) } } : {}),
    ...(psi && rules.some(({ metric }) => metric === 'certificate.psi') ? { psi: psi(selectedOutcomes.items) } : {}),
  };
  const judgement = heldBack(
    evaluateGate(rules, compared, { confidence, seed, clustersMin: data.clustersMin }),
    selectionProblem(kept, kept.targets),
  );
  const names = { baseline: sides.baseline.name, candidate: sides.candidate.name };
  const report = { ...judgement, ...names, name: gate.name, label: outcomes.label, dropped: kept.dropped, notes: outcomes.notes };
  return { kept, compared, report: { ...report, changes: changesOf(compared, kept.items) } };
}

/** Nothing passes or fails on requests that were selected by what is compared. */
const heldBack = (result: GateResult, problem: string | undefined): GateResult =>
  problem === undefined
    ? result
    : {
        ...result,
        verdict: 'inconclusive',
        findings: result.findings.map(finding =>
          finding.verdict === 'skipped' ? finding : { ...finding, verdict: 'inconclusive', reason: problem },
        ),
      };

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
