/** A sweep as a terminal table, with its conclusion in one sentence on top. */

import type { Estimate } from '../../../statistics/index.ts';
import type { Percentiles } from '../../sweep/measure.ts';
import type { RouterMetrics } from '../../sweep/router-metrics.ts';
import type { Sweep, SweepRow } from '../../sweep/sweep.ts';
import { shownMax } from '../../sweep/thresholds.ts';
import { count, dollars, droppedText, milliseconds, none, percent, points, signalRemedy, withInterval } from '../shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** Without `wide` the columns fit a terminal: fewer of them, and an interval only where one decides. */
export function sweepText(sweep: Sweep, table: Table, { wide = false } = {}): string {
  const head = `chain ${sweep.chain}   signal: ${sweep.signal}   quality: ${sweep.label}   n = ${count(sweep.items, 'request')}, ${count(sweep.clusters, 'cluster')}${
    sweep.clusters < sweep.items ? `, design effect ${sweep.designEffect.toFixed(1)}` : ''
  }   intervals: ${Math.round(sweep.confidence * 1000) / 10} %`;
  return [sweepSentence(sweep), '', head, '', rowsTable(sweep, table, wide), '', ...remarks(sweep, wide)].join('\n').trimEnd();
}

/** What a newcomer should take away. It never claims more than the intervals do. */
export function sweepSentence(sweep: Sweep): string {
  if (sweep.rows.length === 0) {
    const silent = Object.entries(sweep.signalCoverage).find(([, share]) => share === 0);
    const target = silent?.[0] ?? sweep.targets[0]!;
    return `No threshold to look at: no answer of ${target} shows the signal ${sweep.signal}. ${signalRemedy(target)}`;
  }
  const row = sweep.current ?? bestRow(sweep);
  if (!row) {
    const near = nearestRow(sweep);
    const cheapest = near
      ? `; the cheapest within 1 pp is ${thresholdText(near)}, at ${near.relativeCost ? `${percent(near.relativeCost.value)} of its cost` : `${percent(near.escalated.value)} escalated`}`
      : '';
    return `No threshold saves money without loss in these ${count(sweep.items, 'request')}: always use ${sweep.reference}${cheapest}.`;
  }
  const which = sweep.current ? `As configured (${thresholdText(row)})` : `At threshold ${thresholdText(row)}`;
  const accepted = `${percent(1 - row.escalated.value)} of the requests are answered by ${sweep.targets[0]}`;
  const cost = row.relativeCost ? `, the cost is ${withInterval(row.relativeCost, percent)} of always using ${sweep.reference}` : '';
  const picked = sweep.current ? '' : ' It was picked on these requests, so it looks a little better than it is.';
  return `${which}, ${accepted}${cost}, and the quality changes by ${withInterval(row.qualityDelta, points)}.${picked}`;
}

/** The cheapest on the frontier that loses at most one point and costs less than the reference. */
const nearestRow = (sweep: Sweep): SweepRow | undefined =>
  sweep.rows
    .filter(row => row.frontier && row.qualityDelta.value >= -0.01 && savesMoney(row))
    .toSorted((a, b) => (a.relativeCost?.value ?? a.escalated.value) - (b.relativeCost?.value ?? b.escalated.value))[0];

const savesMoney = ({ relativeCost, escalated }: SweepRow): boolean => (relativeCost ? relativeCost.value < 1 : escalated.value < 1);

/** The cheapest on the frontier whose measured quality is no lower than the reference's, at a lower cost. */
export const bestRow = (sweep: Sweep): SweepRow | undefined =>
  sweep.rows
    .filter(row => row.frontier && row.qualityDelta.value >= 0 && savesMoney(row))
    .toSorted((a, b) => (a.relativeCost?.value ?? a.escalated.value) - (b.relativeCost?.value ?? b.escalated.value))[0];

const thresholdText = (row: SweepRow): string => (row.thresholds ? row.thresholds.map(String).join(', ') : 'its own rule');

type Columns = readonly (readonly [string, (row: SweepLine) => string])[];

const wideColumns = (sweep: Sweep): Columns => [
  ['', row => row.mark],
  ['threshold', row => row.name],
  ['accepted', row => row.accepted],
  ['escalated', row => (row.escalated ? withInterval(row.escalated, percent) : none)],
  ['cost/1k', row => (row.costPer1k ? dollars(row.costPer1k.value) : none)],
  [`of ${sweep.reference}`, row => withInterval(row.relativeCost, percent)],
  ['quality', row => withInterval(row.quality, percent)],
  ['Δ quality', row => withInterval(row.qualityDelta, points)],
  ['worse/better', row => `${row.worse}/${row.better}`],
  ['vs mix', row => withInterval(row.vsRandomMix, points)],
  ['latency p95', row => percentile(row.latencyMs, 'p95')],
  ['TTFT p95', row => percentile(row.firstTokenMs, 'p95')],
  ['errors', row => withInterval(row.errors, percent)],
];

const narrowColumns: Columns = [
  ['', row => row.mark],
  ['threshold', row => row.name],
  ['accepted', row => row.accepted],
  ['cost/1k', row => (row.costPer1k ? dollars(row.costPer1k.value) : none)],
  ['relative cost', row => valueOnly(row.relativeCost, percent)],
  ['quality', row => valueOnly(row.quality, percent)],
  ['Δ quality', row => withInterval(row.qualityDelta, points)],
  ['worse/better', row => `${row.worse}/${row.better}`],
  ['vs mix', row => valueOnly(row.vsRandomMix, points)],
  ['p95', row => valueOnly(row.latencyMs?.p95, milliseconds)],
  ['TTFT p95', row => valueOnly(row.firstTokenMs?.p95, milliseconds)],
  ['errors', row => valueOnly(row.errors, percent)],
];

const valueOnly = (estimate: Estimate | null | undefined, format: (value: number) => string): string =>
  estimate && !Number.isNaN(estimate.value) ? format(estimate.value) : none;

/** Columns that have a value in some row. */
const informativeColumns = (columns: Columns, lines: readonly SweepLine[]): Columns =>
  columns.filter(
    ([head, cell]) =>
      alwaysShown.has(head) || lines.some(line => !emptyCells.has(cell(line)) && (head !== 'errors' || line.errors.value > 0)),
  );

function rowsTable(sweep: Sweep, table: Table, wide: boolean): string {
  const lines = linesOf(sweep, shownRows(sweep.rows));
  const shownColumns = informativeColumns(wide ? wideColumns(sweep) : narrowColumns, lines);
  return table(
    shownColumns.map(([head]) => head),
    lines.map(line => shownColumns.map(([, cell]) => cell(line))),
  );
}

const alwaysShown = new Set(['threshold', 'accepted', 'quality']);
const emptyCells = new Set(['', none]);

interface SweepLine extends Omit<SweepRow, 'escalated' | 'overMix' | 'thresholds' | 'frontier' | 'answered' | 'harm'> {
  readonly mark: string;
  readonly name: string;
  readonly accepted: string;
  readonly escalated: Estimate | null;
  readonly vsRandomMix: Estimate | null;
}

/** Every threshold, in all columns; a page has room. */
export function htmlRows(sweep: Sweep): {
  readonly head: readonly string[];
  readonly rows: readonly { readonly cells: readonly string[]; readonly mark: string }[];
} {
  const lines = linesOf(sweep, sweep.rows);
  const shownColumns = informativeColumns(wideColumns(sweep).slice(1), lines);
  const markOf = (line: SweepLine): string =>
    line.name.startsWith('now ') ? 'current' : line.escalated === null ? 'single' : line.mark && 'frontier';
  return {
    head: shownColumns.map(([head]) => head),
    rows: lines.map(line => ({ cells: shownColumns.map(([, cell]) => cell(line)), mark: markOf(line) })),
  };
}

/** Notes below the table of a page. */
export const sweepRemarks = (sweep: Sweep): readonly string[] => remarks({ ...sweep, rows: shownRows(sweep.rows) }, true).slice(1);

function linesOf(sweep: Sweep, rows: readonly SweepRow[]): SweepLine[] {
  const row = (r: SweepRow, name: string): SweepLine => ({
    ...r,
    mark: r.frontier ? '*' : '',
    name,
    accepted: r.answered.slice(0, -1).map(percent).join(', '),
  });
  const single = (target: string): SweepLine => ({
    ...sweep.singles.find(s => s.target === target)!,
    mark: '',
    name: `always ${target}`,
    accepted: none,
    escalated: null,
    vsRandomMix: null,
  });
  const last = sweep.reference;
  return [
    single(last),
    ...(sweep.current ? [row(sweep.current, `now ${thresholdText(sweep.current)}`)] : []),
    ...rows.map(r => row(r, thresholdText(r))),
    ...sweep.targets.slice(0, -1).toReversed().map(single),
  ];
}

/** All of a few; of many the frontier first, evenly. */
function shownRows(rows: readonly SweepRow[]): readonly SweepRow[] {
  if (rows.length <= shownMax) return rows;
  const frontier = rows.filter(row => row.frontier);
  const from = frontier.length >= shownMax / 2 ? frontier : rows;
  const most = Math.min(shownMax, from.length);
  const picked = new Set(Array.from({ length: most }, (_, i) => Math.round((i * (from.length - 1)) / Math.max(1, most - 1))));
  return from.filter((_, i) => picked.has(i));
}

const percentile = (percentiles: Percentiles | null, which: 'p50' | 'p95'): string => withInterval(percentiles?.[which], milliseconds);

/** The numbers that router benchmarks report. */
function routerText({ apgr, cpt50, cpt80, aiq, aiqRandomMix }: RouterMetrics, reference: string): string {
  const shares = `As router benchmarks count: APGR ${apgr.toFixed(3)} (a coin 0.500), CPT(50 %) ${percent(cpt50)}, CPT(80 %) ${percent(cpt80)} to ${reference}.`;
  return aiq === null || aiqRandomMix === null
    ? shares
    : `${shares}\nAIQ ${aiq.toFixed(4)}; the best random mix of the targets ${aiqRandomMix.toFixed(4)}.`;
}

function remarks(sweep: Sweep, wide: boolean): string[] {
  const hidden = sweep.rows.length - shownRows(sweep.rows).length;
  const low = Object.entries(sweep.signalCoverage).filter(([, share]) => share < 1);
  return [
    '* no other row is as good in cost, quality and latency.',
    ...(wide
      ? []
      : [
          `relative cost: share of the cost of always using ${sweep.reference}. worse/better: requests that come out worse and better than by it.`,
          'vs mix: quality above a random mix of the targets at the same cost. TTFT: time to first token. More columns and intervals: --wide.',
        ]),
    'An answer that must be accepted is held until it is whole: its first token comes with its last.',
    ...(hidden > 0 ? [`${count(hidden, 'more threshold')} in --json.`] : []),
    ...(sweep.singles[0]?.costPer1k
      ? [`Best possible choice for each request: quality ${percent(sweep.oracle.quality)} at ${dollars(sweep.oracle.costPer1k!)} per 1k.`]
      : []),
    ...(sweep.routerMetrics ? [routerText(sweep.routerMetrics, sweep.reference)] : []),
    ...sweep.dominated.map(({ target, by }) => `${target} is dominated: ${by} is no dearer and no worse.`),
    ...low.map(
      ([target, share]) => `${sweep.signal} is known for ${percent(share)} of the answers of ${target}; the others always escalate.`,
    ),
    ...sweep.dropped.map(droppedText),
    ...sweep.notes,
  ];
}
