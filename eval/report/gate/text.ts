/** A gate's result as a table with a sentence on top, and as Markdown for a comment. */
import { type Assertion, quantityOf } from '../../gate/assertion.ts';
import type { Finding, GateReport, Verdict } from '../../gate/evaluate.ts';
import { change, count, difference, dollars, droppedText, milliseconds, none, percent, points, withInterval } from '../shared/format.ts';

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The judgement for the terminal. */
export function gateText(report: GateReport, table: Table): string {
  const rows = report.findings.map(finding => [
    verdictText(finding).toUpperCase(),
    ...cellsOf(finding),
    finding.rule.assertion.text,
    noteOf(finding),
  ]);
  const head = `baseline ${report.baseline}   candidate ${report.candidate}   quality: ${report.label}   n = ${count(report.items, 'request')}, ${count(report.clusters, 'cluster')}   intervals: ${level(report)}`;
  return [
    gateSentence(report),
    '',
    head,
    '',
    table(['verdict', 'gate', 'baseline', 'candidate', 'estimate', 'assert', ''], rows),
    ...['', ...report.dropped.map(droppedText), ...report.notes],
  ]
    .join('\n')
    .trimEnd();
}

/** One sentence: the verdict and the gates that decided it. */
export function gateSentence({ verdict, findings }: GateReport): string {
  const counted = findings.filter(({ rule }) => rule.severity !== 'warn');
  const of = (wanted: Verdict): readonly Finding[] => counted.filter(finding => finding.verdict === wanted);
  const names = (list: readonly Finding[]): string => list.map(({ rule }) => `"${rule.name}"`).join(', ');
  const warned = findings.filter(({ rule, verdict: own }) => rule.severity === 'warn' && own === 'fail');
  const warning = warned.length > 0 ? ` Warning: ${names(warned)} ${warned.length === 1 ? 'does' : 'do'} not hold.` : '';
  switch (verdict) {
    case 'pass':
      return `PASS: ${count(of('pass').length, 'assertion holds', 'assertions hold')}, each with its whole interval.${warning}`;
    case 'fail':
      return `FAIL: ${names(of('fail'))} ${of('fail').length === 1 ? 'does' : 'do'} not hold.${warning}`;
    case 'inconclusive':
      return `INCONCLUSIVE: ${names(of('inconclusive'))} cannot be told from these data; ${of('pass').length} of ${counted.length} hold.${warning}`;
  }
}

/** A warning's failure is none of the gate's. */
export const verdictText = ({ verdict, rule }: Finding): string =>
  `${verdict}${rule.severity === 'warn' && verdict === 'fail' ? ' (warning)' : ''}`;

const level = ({ confidence }: GateReport): string => `${Number((confidence * 100).toFixed(2))} %`;

const formatOf = (metric: Finding['rule']['metric'], subject: Assertion['subject']): ((value: number) => string) => {
  if (subject === 'change') return change;
  switch (quantityOf(metric)) {
    case 'money':
      return subject === 'delta' ? difference(dollars) : dollars;
    case 'time':
      return subject === 'delta' ? difference(milliseconds) : milliseconds;
    case 'index':
      return value => value.toFixed(3);
    case 'share':
      return subject === 'delta' || metric === 'beats_random_mix' ? points : percent;
  }
};

/** Name, both sides, and what was asserted about. */
export function cellsOf({ rule, baseline, candidate, estimate }: Finding): string[] {
  const value = (number: number | null): string =>
    number === null || Number.isNaN(number) ? none : formatOf(rule.metric, 'value')(number);
  return [rule.name, value(baseline), value(candidate), withInterval(estimate, formatOf(rule.metric, rule.assertion.subject))];
}

/** Why a gate has its verdict, and how many more requests would decide it. */
export function noteOf({ reason, needed }: Finding): string {
  if (!needed) return reason;
  return `${reason}: ${count(needed.requests, 'more request')} would tell${needed.usd === null ? '' : `, about ${dollars(needed.usd)}`}`;
}

export const verdictSigns: Readonly<Record<Verdict, string>> = { pass: '✅', fail: '❌', inconclusive: '⚠️', skipped: '⏭️' };

/** The hidden mark by which a later run finds the comment that it replaces. */
export const commentMarkerOf = ({ name }: GateReport): string =>
  `<!-- hindcast-gate:${(name ?? 'gate').replace(/[^\w.@/ -]/g, '_').replaceAll('--', '_')} -->`;

const itemMetrics: ReadonlySet<string> = new Set(['quality', 'harm']);

/** The judgement as Markdown, for a comment on a pull request. */
export function markdownText(report: GateReport): string {
  const cell = (text: string): string =>
    text.replace(/\|/g, '\\|').replace(/[<>&\n]/g, c => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[c] ?? ' ');
  const n = (verdict: Verdict): number => report.findings.filter(f => f.verdict === verdict).length;
  const rows = report.findings.map(finding => [
    ...cellsOf(finding),
    itemMetrics.has(finding.rule.metric) ? `${finding.better}/${finding.worse}` : '',
    finding.rule.assertion.text,
    `${verdictSigns[finding.verdict]} ${verdictText(finding)} ${noteOf(finding)}`.trim(),
  ]);
  const changes = report.changes.map(
    ({ id, baseline, candidate }) => `| ${cell(`\`${id.replaceAll('`', '')}\``)} | ${percent(baseline)} | ${percent(candidate)} |`,
  );
  return [
    commentMarkerOf(report),
    `### ${cell(report.name ?? 'Routing gate')}: ${verdictSigns[report.verdict]} ${report.verdict} (${n('pass')} pass · ${n('fail')} fail · ${n('inconclusive')} undecided)`,
    '',
    cell(gateSentence(report)),
    '',
    cell(
      `${report.candidate} against ${report.baseline} · ${count(report.items, 'request')} in ${count(report.clusters, 'cluster')} · quality: ${report.label}`,
    ),
    '',
    `| gate | baseline | candidate | estimate [${level(report)}] | ▲/▼ requests | assert | verdict |`,
    '|---|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.map(cell).join(' | ')} |`),
    ...(changes.length > 0
      ? [
          '',
          '<details><summary>Requests that came out worst</summary>',
          '',
          '| request | baseline | candidate |',
          '|---|---|---|',
          ...changes,
          '',
          '</details>',
        ]
      : []),
    ...(report.dropped.length + report.notes.length > 0
      ? ['', ...[...report.dropped.map(droppedText), ...report.notes].map(line => `- ${cell(line)}`)]
      : []),
  ].join('\n');
}
