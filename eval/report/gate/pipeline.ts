/** A gate's result for CI: JUnit, SARIF, and GitHub annotations on the gate file's lines. */
import { version } from '../../../gateway/settings/version.ts';
import type { Finding, GateReport, Verdict } from '../../gate/evaluate.ts';
import { cellsOf, gateSentence, noteOf, verdictText } from './text.ts';

const sentenceOf = (finding: Finding): string => `${finding.rule.assertion.text}: ${cellsOf(finding)[3]} ${noteOf(finding)}`.trim();
const isFailure = ({ verdict, rule }: Finding): boolean => verdict === 'fail' && rule.severity !== 'warn';

/** The judgement as JUnit XML. `file` is the gate file's name. */
export function junitText(report: GateReport, file: string): string {
  const failures = report.findings.filter(isFailure).length;
  const skipped = report.findings.filter(finding => !isFailure(finding) && finding.verdict !== 'pass').length;
  const cases = report.findings.map(finding => {
    const { rule, estimate } = finding;
    const properties = {
      ...{ verdict: verdictText(finding), metric: rule.metric, where: rule.filter?.text ?? '' },
      ...{ estimate: estimate?.value, low: estimate?.low, high: estimate?.high, n: finding.items, clusters: finding.clusters },
    };
    const propertyElements = Object.entries(properties).map(
      ([name, value]) => `<property name="${name}" value="${xml(String(value ?? ''))}"/>`,
    );
    return `    <testcase classname="hindcast.gate" name="${xml(rule.name)}" file="${xml(file)}" line="${rule.line}"><properties>${propertyElements.join('')}</properties>${verdictTag(finding)}</testcase>`;
  });
  const counts = `tests="${cases.length}" failures="${failures}" skipped="${skipped}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="hindcast eval gate" ${counts}>`,
    `  <testsuite name="${xml(report.candidate)}" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

function verdictTag(finding: Finding): string {
  const text = xml(sentenceOf(finding));
  if (isFailure(finding)) return `<failure message="${text}"/>`;
  const words: Readonly<Record<Verdict, string>> = { pass: '', fail: 'WARNING', inconclusive: 'INCONCLUSIVE', skipped: 'SKIPPED' };
  return finding.verdict === 'pass' ? '' : `<skipped message="${words[finding.verdict]} ${text}"/>`;
}

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
const xml = (text: string): string =>
  // Characters that XML 1.0 has no way to write are left out.
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').replace(/[<>&"]/g, c => entities[c]!);

/** One line for each assertion that does not hold, on its own line of the gate file; the verdict as a notice. */
export function githubText(report: GateReport, file: string): string {
  const reported = report.findings.filter(({ verdict }) => verdict !== 'pass');
  const lines = reported.map(finding => {
    const level = isFailure(finding) ? 'error' : finding.verdict === 'skipped' ? 'notice' : 'warning';
    const title = `${verdictText(finding)}: ${finding.rule.name}`;
    return `::${level} file=${property(file)},line=${finding.rule.line},title=${property(title)}::${data(sentenceOf(finding))}`;
  });
  return [...lines, `::notice file=${property(file)},line=1,title=${property('hindcast eval gate')}::${data(gateSentence(report))}`].join(
    '\n',
  );
}

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** SARIF 2.1.0, for code scanning. */
export function sarifText(report: GateReport, file: string): string {
  const levels: Readonly<Record<Verdict, string>> = { pass: 'none', fail: 'error', inconclusive: 'warning', skipped: 'note' };
  const kinds: Readonly<Record<Verdict, string>> = { pass: 'pass', fail: 'fail', inconclusive: 'open', skipped: 'notApplicable' };
  const metrics = [...new Set(report.findings.map(({ rule }) => rule.metric))];
  const results = report.findings.map(finding => {
    const { rule, verdict } = finding;
    const level = verdict === 'fail' && rule.severity === 'warn' ? 'warning' : levels[verdict];
    return {
      ruleId: rule.metric,
      ruleIndex: metrics.indexOf(rule.metric),
      // A result of another kind than fail has no level.
      ...(verdict === 'fail' || verdict === 'inconclusive' ? { kind: 'fail', level } : { kind: kinds[verdict], level: 'none' }),
      message: { text: `${rule.name}: ${verdictText(finding)}. ${sentenceOf(finding)}` },
      locations: [{ physicalLocation: { artifactLocation: { uri: file.replaceAll('\\', '/') }, region: { startLine: rule.line } } }],
    };
  });
  const rules = metrics.map(metric => ({ id: metric, shortDescription: { text: `Gate on ${metric}` } }));
  const driver = { name: 'hindcast', version: version(), rules };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [{ tool: { driver }, results }] };
  return JSON.stringify(log, null, 2);
}
