/** A gate's budget: limits of cost, time and missing requests of its runs. Beyond a limit the data count as incomplete. */

import { sum } from '../../../statistics/index.ts';
import type { ComparedSides } from '../../gate/compared-sides.ts';
import type { GateFile } from '../../gate/file.ts';
import type { RunRow } from '../../outcomes/query.ts';
import { dollars, milliseconds, percent } from '../../report/shared/format.ts';
import { failures } from '../../sweep/measure.ts';

export function incompleteReasons({ budget }: GateFile, { candidate }: ComparedSides, runs: readonly RunRow[]): readonly string[] {
  const { usd, durationMs, errorRate } = budget;
  const cost = runs.reduce((total, run) => total + Number(run.cost_usd), 0);
  const lasted = runs.reduce((total, run) => total + Number(run.seconds) * 1000, 0);
  const failed = sum(failures(candidate)) / candidate.step.length;
  const unknown =
    runs.length === 0 && (usd !== undefined || durationMs !== undefined)
      ? ['Incomplete: budget.max_cost and max_duration are of runs, and these outcomes are of none; name one: data: {run: latest}.']
      : [];
  return [
    ...unknown,
    ...(usd !== undefined && cost > usd ? [`Incomplete: the runs cost ${dollars(cost)}, more than budget.max_cost ${dollars(usd)}.`] : []),
    ...(durationMs !== undefined && lasted > durationMs
      ? [`Incomplete: the runs lasted ${milliseconds(lasted)}, more than budget.max_duration ${milliseconds(durationMs)}.`]
      : []),
    ...(errorRate !== undefined && failed > errorRate
      ? [`Incomplete: ${percent(failed)} of the candidate's requests failed, more than budget.max_error_rate ${percent(errorRate)}.`]
      : []),
  ];
}
