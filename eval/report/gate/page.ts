/** A gate's result as an HTML page: the verdict, every assertion with its interval and bound, every request. */
import type { ComparedSides } from '../../gate/compared-sides.ts';
import type { Finding, GateReport } from '../../gate/evaluate.ts';
import type { Item } from '../../outcomes/outcomes.ts';
import { count, droppedText } from '../shared/format.ts';
import { escapeHtml, htmlPage, htmlTable } from '../shared/html.ts';
import { itemTable } from '../shared/item-table.ts';
import { cellsOf, gateSentence, noteOf, verdictText } from './text.ts';

export function gatePage(report: GateReport, compared: ComparedSides, items: readonly Item[]): string {
  const { findings, confidence, baseline, candidate } = report;
  const rows = findings.map(finding => ({
    mark: finding.verdict,
    cells: [verdictText(finding).toUpperCase(), ...cellsOf(finding), finding.rule.assertion.text, String(finding.items), noteOf(finding)],
  }));
  const head = ['verdict', 'gate', 'baseline', 'candidate', 'estimate', 'assert', 'requests', ''];
  return htmlPage({
    title: `${report.name ?? 'Gate'}: ${report.verdict}`,
    sentence: gateSentence(report),
    about: `${candidate} against ${baseline} · quality: ${report.label} · ${count(report.items, 'request')}, ${count(report.clusters, 'cluster')} · intervals of ${Number((confidence * 100).toFixed(2))} %`,
    parts: [
      htmlTable(head, rows, { words: true }),
      '<h2>Where each interval lies</h2>',
      `<div class="charts">${findings.map(intervalSvg).join('\n')}</div>`,
      itemTable({ items, head: candidate, base: baseline, candidate: compared.candidate, baseline: compared.baseline, targets: [] }),
    ],
    notes: [
      'An assertion passes when its whole interval lies on the good side, and fails when it lies wholly on the bad side, corrected for their number.',
      ...report.dropped.map(droppedText),
      ...report.notes,
    ],
  });
}

const [width, height, edge] = [560, 64, 20];

/** A whisker and the bound. */
function intervalSvg(finding: Finding): string {
  const { estimate, rule, verdict } = finding;
  if (!estimate || !Number.isFinite(estimate.low) || !Number.isFinite(estimate.high)) return '';
  const { bound, side } = rule.assertion;
  const [from, to] = [Math.min(estimate.low, bound), Math.max(estimate.high, bound)];
  const room = (to - from || Math.abs(to) || 1) * 0.1;
  const x = (value: number): number => Math.round((edge + ((value - from + room) / (to - from + 2 * room)) * (width - 2 * edge)) * 10) / 10;
  const good = side === 'below' ? [edge, x(bound)] : [x(bound), width - edge];
  const look = verdict === 'pass' ? 'oracle' : verdict === 'fail' ? 'bad' : 'chain';
  const title = `${rule.name}: ${cellsOf(finding)[3]}, ${rule.assertion.text}`;
  return `<figure><figcaption>${escapeHtml(rule.name)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">
<rect x="${Math.min(good[0]!, good[1]!)}" y="18" width="${Math.max(0, good[1]! - good[0]!)}" height="20" fill="var(--c)" opacity="0.12"/>
<path class="grid" d="M${edge} 28H${width - edge}"/><path class="grid" stroke-width="2" d="M${x(bound)} 12V44"/>
<g class="${look}"><path class="line" stroke-width="3" d="M${x(estimate.low)} 28H${x(estimate.high)}"/><circle cx="${x(estimate.value)}" cy="28" r="5"><title>${escapeHtml(title)}</title></circle></g>
<text class="tick" x="${x(bound)}" y="58" text-anchor="middle">${escapeHtml(rule.assertion.text)}</text></svg></figure>`;
}
