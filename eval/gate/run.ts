/** One gate, run: both sides decided on the same complete items, and judged. */
import { onlyTarget } from '../chain.ts';
import { decider, type Trials } from '../decide.ts';
import { judge } from '../gate.ts';
import { type Complete, complete, type Item, type Outcome, type Outcomes } from '../outcomes.ts';
import type { GateReport, ItemChange } from '../report/gate.ts';
import { clustersOf } from '../statistics.ts';
import { mixingHull } from '../sweep/mix.ts';
import type { Compared } from './compared.ts';
import type { GateFile } from './file.ts';
import { judgedColumns, type Playing } from './side.ts';

export interface Sides {
  readonly baseline: Playing;
  readonly candidate: Playing;
}

/** Both sides on the items that all their columns know; nothing to compare when there are none. */
export function decideSides({ baseline, candidate }: Sides, outcomes: Outcomes): { readonly kept: Complete; readonly compared?: Compared } {
  const columns = judgedColumns(baseline, candidate);
  const kept = complete(outcomes.items, columns);
  if (kept.items.length === 0) return { kept };
  const decide = decider(kept.items, columns);
  const { chain } = candidate;
  const alone = (target: string): [string, Trials] => [target, decide(onlyTarget(chain!, target))];
  const hull = chain && chain.targets.length > 1 ? mixingHull(new Map(chain.targets.map(alone))) : undefined;
  const clusters = clustersOf(kept.items.map(item => item.cluster));
  const [base, head] = [decide(baseline.policy), decide(candidate.policy)];
  const answers = { baseline: answersOf(baseline, base, kept.items), candidate: answersOf(candidate, head, kept.items) };
  return { kept, compared: { baseline: base, candidate: head, clusters, hull, items: kept.items, answers } };
}

const answersOf = ({ policy }: Playing, { step }: Trials, items: readonly Item[]): readonly (Outcome | undefined)[] =>
  items.map((item, i) => (step[i]! < 0 ? undefined : item.outcomes.get(policy.steps[step[i]!]!.target)));

export interface Run {
  readonly kept: Complete;
  readonly compared?: Compared;
  readonly report?: GateReport;
}

/** `psi` is asked for only when a rule is about it. */
export function runJudgement(gate: GateFile, sides: Sides, outcomes: Outcomes, psi?: (items: readonly Item[]) => number | string): Run {
  const { data, confidence, seed, sequential, rules } = gate;
  const asked = { ...outcomes, items: selected(outcomes.items, gate) };
  const { kept, compared: plain } = decideSides(sides, asked);
  if (!plain) return { kept };
  const compared: Compared = {
    ...plain,
    weights: data.weights,
    ...(sequential ? { sequential: { planned: Math.max(data.clustersMin, 100) } } : {}),
    ...(psi && rules.some(({ metric }) => metric === 'certificate.psi') ? { psi: psi(asked.items) } : {}),
  };
  const judgement = judge(rules, compared, { confidence, seed, clustersMin: data.clustersMin });
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
const changesOf = ({ baseline, candidate }: Compared, items: readonly Item[]): readonly ItemChange[] =>
  items
    .map(({ id }, i) => ({ id, baseline: baseline.quality[i]!, candidate: candidate.quality[i]! }))
    .filter(({ baseline: base, candidate: head }) => head < base)
    .toSorted((a, b) => a.candidate - a.baseline - (b.candidate - b.baseline))
    .slice(0, changesMax);
