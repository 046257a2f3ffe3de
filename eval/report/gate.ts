/** A judgement as people and pipelines read it: a table with a sentence on top, JUnit XML, Markdown for a comment. */
import { type Assertion, quantityOf } from '../gate/assertion.ts';
import type { Finding, Judgement } from '../gate.ts';
import type { Dropped } from '../outcomes.ts';
import { change, count, difference, dollars, milliseconds, none, percent, points, withInterval } from './format.ts';
import { droppedText } from './sweep.ts';

export interface GateReport extends Judgement {
  readonly baseline: string;
  readonly candidate: string;
  readonly label: string;
  readonly dropped: readonly Dropped[];
  readonly notes: readonly string[];
}

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

export function gateText(report: GateReport, table: Table): string {
  const rows = report.findings.map(finding => [
    finding.verdict.toUpperCase(),
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

export function gateSentence({ verdict, findings }: GateReport): string {
  const of = (wanted: Finding['verdict']): readonly Finding[] => findings.filter(finding => finding.verdict === wanted);
  const names = (list: readonly Finding[]): string => list.map(({ rule }) => `"${rule.name}"`).join(', ');
  switch (verdict) {
    case 'pass':
      return `PASS: ${count(findings.length, 'assertion holds', 'assertions hold')}, each with its whole interval.`;
    case 'fail':
      return `FAIL: ${names(of('fail'))} ${of('fail').length === 1 ? 'does' : 'do'} not hold.`;
    case 'inconclusive':
      return `INCONCLUSIVE: ${names(of('inconclusive'))} cannot be told from these data; ${of('pass').length} of ${findings.length} hold.`;
  }
}

const level = ({ confidence }: GateReport): string => `${Number((confidence * 100).toFixed(2))} %`;

const formatOf = (metric: Finding['rule']['metric'], subject: Assertion['subject']): ((value: number) => string) => {
  if (subject === 'change') return change;
  switch (quantityOf(metric)) {
    case 'money':
      return subject === 'delta' ? difference(dollars) : dollars;
    case 'time':
      return subject === 'delta' ? difference(milliseconds) : milliseconds;
    case 'share':
      return subject === 'delta' || metric === 'beats_random_mix' ? points : percent;
  }
};

/** Name, both sides, and what was asserted about. */
function cellsOf({ rule, baseline, candidate, estimate }: Finding): string[] {
  const value = (number: number | null): string =>
    number === null || Number.isNaN(number) ? none : formatOf(rule.metric, 'value')(number);
  return [rule.name, value(baseline), value(candidate), withInterval(estimate, formatOf(rule.metric, rule.assertion.subject))];
}

function noteOf({ reason, needed }: Finding): string {
  if (!needed) return reason;
  return `${reason}: ${count(needed.requests, 'more request')} would tell${needed.usd === null ? '' : `, about ${dollars(needed.usd)}`}`;
}

export function markdownText(report: GateReport): string {
  const signs = { pass: '✅', fail: '❌', inconclusive: '⚠️' };
  const cell = (text: string): string =>
    text.replace(/\|/g, '\\|').replace(/[<>&\n]/g, c => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[c] ?? ' ');
  const rows = report.findings.map(finding => [
    ...cellsOf(finding),
    finding.rule.assertion.text,
    `${signs[finding.verdict]} ${finding.verdict} ${noteOf(finding)}`.trim(),
  ]);
  return [
    '<!-- hindcast-gate -->',
    `### Routing gate: ${signs[report.verdict]} ${report.verdict}`,
    '',
    cell(gateSentence(report)),
    '',
    cell(
      `${report.candidate} against ${report.baseline} · ${count(report.items, 'request')} in ${count(report.clusters, 'cluster')} · quality: ${report.label}`,
    ),
    '',
    `| gate | baseline | candidate | estimate [${level(report)}] | assert | verdict |`,
    '|---|---|---|---|---|---|',
    ...rows.map(row => `| ${row.map(cell).join(' | ')} |`),
    ...(report.dropped.length + report.notes.length > 0
      ? ['', ...[...report.dropped.map(droppedText), ...report.notes].map(line => `- ${cell(line)}`)]
      : []),
  ].join('\n');
}

export function junitText(report: GateReport, file: string): string {
  const n = (verdict: Finding['verdict']): number => report.findings.filter(finding => finding.verdict === verdict).length;
  const cases = report.findings.map(finding => {
    const { rule, verdict, estimate } = finding;
    const text = xml(`${rule.assertion.text}: ${cellsOf(finding)[3]} ${noteOf(finding)}`.trim());
    const verdictTag =
      verdict === 'fail' ? `<failure message="${text}"/>` : verdict === 'inconclusive' ? `<skipped message="INCONCLUSIVE ${text}"/>` : '';
    const properties = { estimate: estimate?.value, low: estimate?.low, high: estimate?.high, n: report.items, clusters: report.clusters };
    const told = Object.entries(properties).map(([name, value]) => `<property name="${name}" value="${value ?? ''}"/>`);
    return `    <testcase classname="hindcast.gate" name="${xml(rule.name)}" file="${xml(file)}" line="${rule.line}"><properties>${told.join('')}</properties>${verdictTag}</testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="hindcast eval gate" tests="${cases.length}" failures="${n('fail')}" skipped="${n('inconclusive')}">`,
    `  <testsuite name="${xml(report.candidate)}" tests="${cases.length}" failures="${n('fail')}" skipped="${n('inconclusive')}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
const xml = (text: string): string =>
  // Characters that XML 1.0 has no way to write are left out.
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').replace(/[<>&"]/g, c => entities[c]!);
