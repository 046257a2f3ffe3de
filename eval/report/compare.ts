/** A comparison as a table, with its result on top. */

import type { Estimate } from '../../statistics/index.ts';
import type { MetricName } from '../gate/assertion.ts';
import { quantityOf } from '../gate/assertion.ts';
import type { Comparison, ComparisonRow } from '../gate/compare.ts';
import type { Dropped } from '../outcomes/outcomes.ts';
import { change, count, difference, dollars, droppedText, milliseconds, percent, points, withInterval } from './shared/format.ts';

export interface ComparisonReport extends Comparison {
  readonly baseline: string;
  readonly candidate: string;
  readonly label: string;
  readonly dropped: readonly Dropped[];
  readonly notes: readonly string[];
}

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The report for the terminal, with the result on top. */
export function comparisonText(report: ComparisonReport, table: Table): string {
  const rows = comparisonRows(report);
  const reasons = new Set(report.rows.flatMap(row => (row.delta ? [] : [row.reason])));
  const head = `quality: ${report.label}   n = ${count(report.items, 'request')}, ${count(report.clusters, 'cluster')}, design effect ${report.designEffect.toFixed(1)}   intervals: ${Number((report.confidence * 100).toFixed(2))} %`;
  const chance = report.p === null ? '' : `   McNemar p = ${report.p.toPrecision(2)}`;
  return [
    comparisonSentence(report),
    '',
    head,
    '',
    table(['', report.baseline, report.candidate, 'difference', 'change'], rows),
    '',
    `worse/better: ${report.worse}/${report.better} requests${chance}`,
    ...[...reasons].map(reason => `Left out: ${reason}.`),
    ...report.dropped.map(droppedText),
    ...report.notes,
  ]
    .join('\n')
    .trimEnd();
}

/** Name, both sides, what lies between. */
export const comparisonRows = (report: ComparisonReport): readonly (readonly string[])[] =>
  report.rows
    .filter(row => row.delta && !(row.metric === 'escalation' && row.delta.value === 0))
    .map(row => [row.metric, sideText(row, row.baseline), sideText(row, row.candidate), deltaText(row), withInterval(row.change, change)]);

/** `better` and `worse` appear only where the interval excludes 0. */
export function comparisonSentence({ rows, baseline, candidate }: ComparisonReport): string {
  const statement = (metric: MetricName, up: string, down: string, name: string): readonly string[] => {
    const delta = rows.find(row => row.metric === metric)?.delta;
    if (!delta) return [];
    return [`${delta.low > 0 ? up : delta.high < 0 ? down : 'not surely different'} in ${name}`];
  };
  const parts = [
    ...statement('quality', 'better', 'worse', 'quality'),
    ...statement('cost_per_1k', 'dearer', 'cheaper', 'cost'),
    ...statement('latency_p95', 'slower', 'faster', 'p95 latency'),
  ];
  return `${candidate} against ${baseline}: ${parts.join(', ')}.`;
}

const formats = { share: percent, money: dollars, time: milliseconds, index: String };
const sideText = ({ metric }: ComparisonRow, estimate: Estimate | null): string => withInterval(estimate, formats[quantityOf(metric)]);
const deltaText = ({ metric, delta }: ComparisonRow): string =>
  withInterval(delta, quantityOf(metric) === 'share' ? points : difference(formats[quantityOf(metric)]));
