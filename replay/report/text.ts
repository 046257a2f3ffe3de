/** A comparison as text for the terminal, as Markdown, and as JSON lines. */
import { table } from '../../gateway/cli/command.ts';
import { type ArmDiff, type Comparison, worstFirst } from './comparison.ts';
import { methodRows, metricRows, pairRows, pathRows, type ReportTable, summarySentence, totalsRows } from './tables.ts';

/** The report for a terminal; `limit` is the number of differences shown per arm. */
export function diffText({ run, against, arms }: Comparison, limit: number): string {
  return [`Run ${run}`, ...arms.map(arm => armText(arm, against, limit))].join('\n\n');
}

function armText(arm: ArmDiff, against: string, limit: number): string {
  const shown = worstFirst(arm.pairs).slice(0, limit);
  const { totals } = arm;
  const different = totals.pairs - totals.likeness.same;
  const more = different > shown.length ? ` (${shown.length} of ${different}; --limit shows more)` : '';
  const weighted = Math.round(totals.weight) === totals.pairs ? '' : `, which represent ${Math.round(totals.weight)} requests`;
  return [
    `${arm.arm} against ${against}: ${totals.pairs} pairs of ${totals.clusters} conversations${weighted}. ${summarySentence(arm)}`,
    renderTable(totalsRows(arm)),
    renderTable(metricRows(arm)),
    renderTable(methodRows(arm)),
    ...(arm.paths.length > 0 ? [renderTable(pathRows(arm))] : []),
    shown.length === 0 ? 'No response differs.' : `Differences${more}\n${renderTable(pairRows(shown))}`,
  ].join('\n\n');
}

const renderTable = ({ head, rows }: ReportTable): string => table(head, rows);

/** The report as Markdown, with escaped texts. */
export function diffMarkdown({ run, against, arms }: Comparison, limit: number): string {
  const parts = arms.flatMap(arm => {
    const shown = worstFirst(arm.pairs).slice(0, limit);
    return [
      `## ${escaped(arm.arm)}`,
      `${arm.totals.pairs} pairs against ${escaped(against)}. ${summarySentence(arm)}`,
      markdown(totalsRows(arm)),
      markdown(metricRows(arm)),
      markdown(methodRows(arm)),
      ...(arm.paths.length > 0 ? [markdown(pathRows(arm))] : []),
      ...(shown.length > 0 ? ['### Differences', markdown(pairRows(shown))] : []),
    ];
  });
  return [`# Replay ${run}`, ...parts].join('\n\n');
}

const escaped = (text: string): string => text.replace(/[\\|<>`*_[\]]/g, '\\$&').replace(/\s+/g, ' ');

function markdown({ head, rows }: ReportTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')).replaceAll('\\-', '-'), ...rows.map(line)].join('\n');
}

/** JSON lines: the run with its totals, then one line per pair. */
export const diffLines = ({ run, against, arms }: Comparison): string =>
  [
    { type: 'run', version: 1, run, against, arms: arms.map(({ pairs: _, ...arm }) => arm) },
    ...arms.flatMap(({ arm, pairs }) => pairs.map(pair => ({ type: 'pair', arm, ...pair }))),
  ]
    .map(line => JSON.stringify(line))
    .join('\n');
