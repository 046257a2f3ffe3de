/** One gate, run: both sides decided on the same complete items, and judged. */
import { onlyTarget } from '../chain.ts';
import { decider, type Trials } from '../decide.ts';
import { judge } from '../gate.ts';
import { type Complete, complete, type Outcomes } from '../outcomes.ts';
import type { GateReport } from '../report/gate.ts';
import { clustersOf } from '../statistics.ts';
import { mixingHull } from '../sweep/mix.ts';
import type { GateFile } from './file.ts';
import type { Compared } from './metric.ts';
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
  return { kept, compared: { baseline: decide(baseline.policy), candidate: decide(candidate.policy), clusters, hull } };
}

export function runJudgement(gate: GateFile, sides: Sides, outcomes: Outcomes): { readonly kept: Complete; readonly report?: GateReport } {
  const { kept, compared } = decideSides(sides, outcomes);
  if (!compared) return { kept };
  const judgement = judge(gate.rules, compared, { confidence: gate.confidence, seed: gate.seed, clustersMin: gate.data.clustersMin });
  const names = { baseline: sides.baseline.name, candidate: sides.candidate.name };
  return { kept, report: { ...judgement, ...names, label: outcomes.label, dropped: kept.dropped, notes: outcomes.notes } };
}
