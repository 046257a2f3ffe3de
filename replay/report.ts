/** A run in words and tables: what was asked, and what came out differently. */
import { table } from '../gateway/cli.ts';
import { type NanoUsd, usd } from '../gateway/core/price.ts';
import type { Likeness, Pair, Totals } from './diff.ts';
import type { Replayed } from './replay.ts';

export interface ArmDiff {
  readonly arm: string;
  readonly totals: Totals;
  readonly pairs: readonly Pair[];
}

export function diffText(run: string, arms: readonly ArmDiff[], limit: number): string {
  return [`Run ${run}`, ...arms.map(arm => armText(arm, limit))].join('\n\n');
}

function armText({ arm, totals, pairs }: ArmDiff, limit: number): string {
  const shown = worstFirst(pairs).slice(0, limit);
  const different = totals.pairs - totals.likeness.same;
  const more = different > shown.length ? ` (${shown.length} of ${different}; --limit shows more)` : '';
  const list = shown.length === 0 ? 'No answer came out differently.' : `Differences${more}\n${table(pairHead, shown.map(pairRow))}`;
  return [`${arm} against the record: ${totals.pairs} pairs. ${sentence(totals)}`, totalsTable(totals), list].join('\n\n');
}

/** The whole in one sentence. */
export function sentence({ pairs, likeness, recorded, replayed, unpriced }: Totals): string {
  const alike = `${percent(likeness.same + likeness.equivalent, pairs)} of the answers are the same`;
  if (recorded.costNanoUsd === 0)
    return `${alike}; their cost cannot be compared${unpriced > 0 ? `, ${unpriced} have no known price` : ''}.`;
  const change = replayed.costNanoUsd / recorded.costNanoUsd - 1;
  return `${alike}, at ${Math.abs(100 * change).toFixed(1)} % ${change <= 0 ? 'less' : 'more'} cost.`;
}

function totalsTable(totals: Totals): string {
  const { recorded, replayed, likeness, pairs } = totals;
  const rows = [
    ['same', '', `${likeness.same}`, percent(likeness.same, pairs)],
    ['equivalent', '', `${likeness.equivalent}`, percent(likeness.equivalent, pairs)],
    ['different', '', `${likeness.different}`, percent(likeness.different, pairs)],
    ['answered by one side only', '', `${likeness.failed}`, percent(likeness.failed, pairs)],
    ['finish reason changed', '', `${totals.finishChanged}`, percent(totals.finishChanged, pairs)],
    ['output tokens', `${recorded.outputTokens}`, `${replayed.outputTokens}`, change(recorded.outputTokens, replayed.outputTokens)],
    ['cost', money(recorded.costNanoUsd), money(replayed.costNanoUsd), change(recorded.costNanoUsd, replayed.costNanoUsd)],
    ['latency, mean', ms(recorded.latencyMsMean), ms(replayed.latencyMsMean), change(recorded.latencyMsMean, replayed.latencyMsMean)],
    ...(totals.unpriced > 0 ? [['pairs without a known price', '', `${totals.unpriced}`, '']] : []),
  ];
  return table(['', 'recorded', 'replayed', 'change'], rows);
}

const pairHead = ['request', 'recorded', 'replayed', 'verdict', 'tokens', 'cost', 'latency', 'what'];

function pairRow({ id, recorded, replayed, diff }: Pair): readonly string[] {
  return [
    id,
    recorded.target,
    replayed.target,
    diff.likeness,
    signed(diff.outputTokens),
    diff.costNanoUsd === undefined ? 'unpriced' : `${diff.costNanoUsd < 0 ? '-' : '+'}${money(Math.abs(diff.costNanoUsd))}`,
    `${signed(Math.round(diff.latencyMs))} ms`,
    [...diff.details, ...(diff.finishChanged ? [`finish ${recorded.finish} → ${replayed.finish}`] : [])].join('; '),
  ];
}

const severity: Readonly<Record<Likeness, number>> = { failed: 0, different: 1, equivalent: 2, same: 3 };

const worstFirst = (pairs: readonly Pair[]): readonly Pair[] =>
  pairs
    .filter(pair => pair.diff.likeness !== 'same' || pair.diff.finishChanged)
    .toSorted((a, b) => severity[a.diff.likeness] - severity[b.diff.likeness] || (a.id < b.id ? -1 : 1));

export interface Lost {
  readonly lost: number;
  readonly lostWorst: NanoUsd;
}

export function replayedText(run: string, replayed: Replayed, { lost, lostWorst }: Lost = { lost: 0, lostWorst: 0 }): string {
  const lines = [`Run ${run}: ${replayed.answered} of ${replayed.asked} calls answered, ${money(replayed.spent)} spent.`];
  if (replayed.unpriced > 0) lines.push(`${replayed.unpriced} calls are unpriced: what they cost is in no sum.`);
  if (replayed.before > 0) lines.push(`${replayed.before} were done before, and not asked again.`);
  if (lost > 0)
    lines.push(
      `Up to ${lost} calls may be billed twice: they were under way when a process died. Their worst case, ${money(lostWorst)}, is counted as spent.`,
    );
  if (replayed.fromRecord > 0) lines.push(`${replayed.fromRecord} answered from the record, which saved ${money(replayed.saved)}.`);
  const changes = Object.entries(replayed.applied).map(([name, count]) => `${count} ${name}`);
  if (changes.length > 0) lines.push(`Changed of the callers' own words: ${changes.join(', ')}.`);
  if (replayed.limitedMs > 0)
    lines.push(`Calls waited ${ms(replayed.limitedMs / Math.max(1, replayed.asked))} on average for their turn under --rpm and --tpm.`);
  if (replayed.dueLatencyMsP99 > 0) {
    lines.push(
      `Schedule lag p50 ${ms(replayed.lagMsP50)}, p99 ${ms(replayed.lagMsP99)}; latency from the due time p50 ${ms(replayed.dueLatencyMsP50)}, p99 ${ms(replayed.dueLatencyMsP99)}.`,
    );
  }
  const failures = Object.entries(replayed.failed).map(([outcome, count]) => `${count} ${outcome}`);
  if (failures.length > 0) lines.push(`Not answered: ${failures.join(', ')}.`);
  const reasons = new Map<string, number>();
  for (const { arm, reason } of replayed.skipped) reasons.set(`${arm}: ${reason}`, (reasons.get(`${arm}: ${reason}`) ?? 0) + 1);
  for (const [reason, count] of reasons) lines.push(`Not asked, ${count}: ${reason}`);
  if (replayed.lagMsMax > 1_000)
    lines.push(`Calls began up to ${ms(replayed.lagMsMax)} late: raise --concurrency, or ask for a lower --speed.`);
  if (replayed.stoppedBy === 'cap') {
    const why = replayed.nextWorst === undefined ? '' : `; the next one may cost up to ${money(replayed.nextWorst)}`;
    lines.push(`Stopped by --max-cost with ${replayed.left} calls left${why}.`);
  }
  if (replayed.stoppedBy === 'interrupt') lines.push(`Interrupted with ${replayed.left} calls left.`);
  if (replayed.asked > 0) lines.push(`What came out differently: hindcast replay diff ${run}`);
  return lines.join('\n');
}

/** Small amounts keep three digits: a call may cost less than a cent's hundredth. */
export function money(nano: NanoUsd): string {
  const dollars = usd(nano);
  if (dollars === 0 || dollars >= 1) return `$${dollars.toFixed(2)}`;
  return `$${dollars.toFixed(Math.min(9, 2 - Math.floor(Math.log10(dollars))))}`;
}

const ms = (value: number): string => `${Math.round(value)} ms`;
const signed = (value: number): string => (value > 0 ? `+${value}` : `${value}`);
const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
const change = (from: number, to: number): string => (from === 0 ? '–' : `${to >= from ? '+' : ''}${(100 * (to / from - 1)).toFixed(1)} %`);
