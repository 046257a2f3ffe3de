/** A comparison for the terminal, as Markdown, and line by line. */
import { table } from '../../gateway/cli/cli.ts';
import { type ArmDiff, type Comparison, worstFirst } from './compare.ts';
import { metricRows, pairRows, pathRows, type Rows, rungRows, sentence, totalsRows } from './rows.ts';

export function diffText({ run, against, arms }: Comparison, limit: number): string {
  return [`Run ${run}`, ...arms.map(arm => armText(arm, against, limit))].join('\n\n');
}

function armText(arm: ArmDiff, against: string, limit: number): string {
  const shown = worstFirst(arm.pairs).slice(0, limit);
  const { totals } = arm;
  const different = totals.pairs - totals.likeness.same;
  const more = different > shown.length ? ` (${shown.length} of ${different}; --limit shows more)` : '';
  const stands = Math.round(totals.weight) === totals.pairs ? '' : `, which stand for ${Math.round(totals.weight)} requests`;
  return [
    `${arm.arm} against ${against}: ${totals.pairs} pairs of ${totals.clusters} conversations${stands}. ${sentence(arm)}`,
    drawn(totalsRows(arm)),
    drawn(metricRows(arm)),
    drawn(rungRows(arm)),
    ...(arm.paths.length > 0 ? [drawn(pathRows(arm))] : []),
    shown.length === 0 ? 'No answer came out differently.' : `Differences${more}\n${drawn(pairRows(shown))}`,
  ].join('\n\n');
}

const drawn = ({ head, rows }: Rows): string => table(head, rows);

export function diffMarkdown({ run, against, arms }: Comparison, limit: number): string {
  const parts = arms.flatMap(arm => {
    const shown = worstFirst(arm.pairs).slice(0, limit);
    return [
      `## ${escaped(arm.arm)}`,
      `${arm.totals.pairs} pairs against ${escaped(against)}. ${sentence(arm)}`,
      markdown(totalsRows(arm)),
      markdown(metricRows(arm)),
      markdown(rungRows(arm)),
      ...(arm.paths.length > 0 ? [markdown(pathRows(arm))] : []),
      ...(shown.length > 0 ? ['### Differences', markdown(pairRows(shown))] : []),
    ];
  });
  return [`# Replay ${run}`, ...parts].join('\n\n');
}

const escaped = (text: string): string => text.replace(/[\\|<>`*_[\]]/g, '\\$&').replace(/\s+/g, ' ');

function markdown({ head, rows }: Rows): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')).replaceAll('\\-', '-'), ...rows.map(line)].join('\n');
}

/** One line for each pair; the first says what the run is. */
export const diffLines = ({ run, against, arms }: Comparison): string =>
  [
    { type: 'run', version: 1, run, against, arms: arms.map(({ pairs: _, ...arm }) => arm) },
    ...arms.flatMap(({ arm, pairs }) => pairs.map(pair => ({ type: 'pair', arm, ...pair }))),
  ]
    .map(line => JSON.stringify(line))
    .join('\n');
