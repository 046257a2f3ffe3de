/** The summary of a run, as printed. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { ReplayResult } from '../run/result.ts';
import { money, ms } from './format.ts';

export interface LostCalls {
  readonly lost: number;
  readonly lostWorst: NanoUsd;
}

/** The lines printed after a run. */
export function replayedText(run: string, replayed: ReplayResult, { lost, lostWorst }: LostCalls = { lost: 0, lostWorst: 0 }): string {
  const spent = replayed.unpriced > 0 && replayed.unpriced >= replayed.asked ? 'unpriced' : `${money(replayed.spent)} spent`;
  const lines = [`Run ${run}: ${replayed.answered} of ${replayed.asked} calls answered, ${spent}.`];
  if (replayed.unpriced > 0) lines.push(`${replayed.unpriced} calls are unpriced: no sum includes their cost.`);
  if (replayed.before > 0) lines.push(`${replayed.before} calls were done before and not sent again.`);
  if (lost > 0)
    lines.push(
      `Up to ${lost} calls may be billed twice: they were in flight when a process died. Their worst-case cost, ${money(lostWorst)}, counts as spent.`,
    );
  if (replayed.fromRecord > 0) lines.push(`${replayed.fromRecord} answered from the record, which saved ${money(replayed.saved)}.`);
  const changes = Object.entries(replayed.applied).map(([name, count]) => `${count} ${name}`);
  if (changes.length > 0) lines.push(`Changed requests: ${changes.join(', ')}.`);
  const { further, unknown, unused } = replayed.turned;
  if (further + unknown + unused > 0)
    lines.push(
      `Turns took ${further} further calls; ${unknown} ended at a tool call without a recorded result, ${unused} recorded results were not used.`,
    );
  if (replayed.limitedMs > 0)
    lines.push(`Calls waited ${ms(replayed.limitedMs / Math.max(1, replayed.asked))} on average for --rpm and --tpm.`);
  if (replayed.dueLatencyMsP99 > 0) {
    lines.push(
      `Schedule lag p50 ${ms(replayed.lagMsP50)}, p99 ${ms(replayed.lagMsP99)}; latency from the due time p50 ${ms(replayed.dueLatencyMsP50)}, p99 ${ms(replayed.dueLatencyMsP99)}.`,
    );
  }
  const failures = Object.entries(replayed.failed).map(([outcome, count]) => `${count} ${outcome}`);
  if (failures.length > 0) lines.push(`Failed: ${failures.join(', ')}.`);
  const reasons = new Map<string, number>();
  for (const { arm, reason } of replayed.skipped) reasons.set(`${arm}: ${reason}`, (reasons.get(`${arm}: ${reason}`) ?? 0) + 1);
  for (const [reason, count] of reasons) lines.push(`Skipped, ${count}: ${reason}`);
  if (replayed.lagMsMax > 1_000) lines.push(`Calls began up to ${ms(replayed.lagMsMax)} late: raise --concurrency, or lower --speed.`);
  if (replayed.stoppedBy === 'cap') {
    const why = replayed.nextWorst === undefined ? '' : `; the next call may cost up to ${money(replayed.nextWorst)}`;
    lines.push(`Stopped by --max-cost with ${replayed.left} calls left${why}.`);
  }
  if (replayed.stoppedBy === 'interrupt') lines.push(`Interrupted with ${replayed.left} calls left.`);
  if (replayed.stoppedBy === 'decided') lines.push(`The gate is decided; ${replayed.left} calls were not needed.`);
  if (replayed.stoppedBy === 'errors')
    lines.push(`Stopped by --max-error-rate with ${replayed.left} calls left. To resume: hindcast replay resume ${run} --retry-errors`);
  if (replayed.asked > 0) lines.push(`To see the differences: hindcast replay diff ${run}`);
  return lines.join('\n');
}
