/** A comparison as one self-contained HTML page: no scripts, no requests, light and dark. */
import { diffWordsWithSpace } from 'diff';
import type { Pair } from '../comparison/totals.ts';
import type { Answer } from '../recorded/answer.ts';
import { type ArmDiff, type Comparison, worstFirst } from './comparison.ts';
import { money, ms } from './format.ts';
import { type Dot, distribution, escapeHtml, scatter } from './svg.ts';
import { methodRows, metricRows, pairRows, pathRows, type ReportTable, summarySentence, totalsRows } from './tables.ts';

/** The page; `limit` is the number of differences shown per arm. */
export function diffHtml(comparison: Comparison, limit: number): string {
  const { run, against, arms } = comparison;
  const title = `Replay ${run}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="soft">Every number is a paired difference against ${escapeHtml(against)}, with 95 % intervals clustered by conversation.</p>
${arms.map(arm => armHtml(arm, against, limit)).join('\n')}
</body>
</html>
`;
}

function armHtml(arm: ArmDiff, against: string, limit: number): string {
  const { totals, pairs } = arm;
  const answered = pairs.filter(({ recorded, replayed }) => recorded.outcome === 'ok' && replayed.outcome === 'ok');
  const worst = worstFirst(pairs).slice(0, limit);
  return `<section>
<h2>${escapeHtml(arm.arm)} against ${escapeHtml(against)}</h2>
<p class="sentence">${escapeHtml(summarySentence(arm))} ${totals.pairs} pairs of ${totals.clusters} conversations.</p>
<div class="side">${tableHtml(metricRows(arm))}${tableHtml(totalsRows(arm))}${tableHtml(methodRows(arm))}</div>
${arm.paths.length > 0 ? `<h3>Where responses differ</h3>${tableHtml(pathRows(arm))}` : ''}
<div class="charts">${chartsOf(answered)}</div>
${worst.length > 0 ? `<h3>Differences, the worst first</h3>${tableHtml(pairRows(worst), 'pairs')}${worst.map(sideBySide).join('\n')}` : '<p>No response differs.</p>'}
</section>`;
}

function chartsOf(pairs: readonly Pair[]): string {
  const priced = pairs.filter(({ diff }) => diff.costNanoUsd !== undefined);
  const dotsOf = (some: readonly Pair[], of: (answer: Answer) => number, format: (value: number) => string): readonly Dot[] =>
    some.map(({ id, recorded, replayed, diff }) => ({
      before: of(recorded),
      after: of(replayed),
      title: `${id}: ${format(of(recorded))} → ${format(of(replayed))}, ${diff.likeness}`,
      look: diff.likeness === 'different' || diff.likeness === 'undecided' ? 'different' : 'same',
    }));
  const latency = (answer: Answer): number => answer.latencyMs;
  const cost = (answer: Answer): number => answer.costNanoUsd ?? 0;
  return [
    distribution(
      'Latency',
      'ms',
      value => String(Math.round(value)),
      pairs.map(pair => latency(pair.recorded)),
      pairs.map(pair => latency(pair.replayed)),
    ),
    scatter('Latency, pair by pair', 'ms', value => String(Math.round(value)), dotsOf(pairs, latency, ms)),
    distribution(
      'Cost per request',
      'USD',
      money,
      priced.map(pair => cost(pair.recorded)),
      priced.map(pair => cost(pair.replayed)),
    ),
    scatter('Cost, pair by pair', 'USD', money, dotsOf(priced, cost, money)),
  ].join('\n');
}

const textLengthMax = 4_000;

/** Both responses side by side, with differences marked. */
function sideBySide({ id, recorded, replayed, diff }: Pair): string {
  const [before, after] = [answerHtml(recorded), answerHtml(replayed)];
  const parts = diffWordsWithSpace(before, after, { timeout: 500 }) ?? [
    { value: before, removed: true, added: false },
    { value: after, added: true, removed: false },
  ];
  const side = (mark: 'added' | 'removed', tag: 'ins' | 'del'): string =>
    parts
      .filter(part => part[mark] || (!part.added && !part.removed))
      .map(part => (part[mark] ? `<${tag}>${escapeHtml(part.value)}</${tag}>` : escapeHtml(part.value)))
      .join('');
  return `<details open><summary>${escapeHtml(id)} <span class="soft">${escapeHtml(diff.likeness)}, by ${escapeHtml(diff.decidedBy)}</span></summary><div class="two">
<div><h4>recorded, ${escapeHtml(recorded.target)}</h4><pre>${side('removed', 'del')}</pre></div>
<div><h4>replayed, ${escapeHtml(replayed.target)}</h4><pre>${side('added', 'ins')}</pre></div></div></details>`;
}

function answerHtml({ outcome, text, toolCalls }: Answer): string {
  const calls = toolCalls.map(call => `${call.name}(${call.arguments})`);
  const all = [...(outcome === 'ok' ? [] : [`[${outcome}]`]), text, ...calls].filter(part => part !== '').join('\n');
  return all.length > textLengthMax ? `${all.slice(0, textLengthMax)}…` : all;
}

function tableHtml({ head, rows }: ReportTable, kind = ''): string {
  const cells = (tag: 'th' | 'td', texts: readonly string[]): string => texts.map(text => `<${tag}>${escapeHtml(text)}</${tag}>`).join('');
  return `<div class="wide"><table${kind === '' ? '' : ` class="${kind}"`}><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows.map(row => `<tr>${cells('td', row)}</tr>`).join('\n')}</tbody></table></div>`;
}

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #d9dee4; --soft: #667; --a: #1667c7; --b: #c2410c; --out: #fde2dd; --in: #d9f3e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --faint: #333a43; --soft: #99a; --a: #6cb0ff; --b: #ff9a62; --out: #5b241c; --in: #1d4a2c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; } h4 { margin: 0 0 .3rem; font-weight: 600; font-size: .85rem; color: var(--soft); }
.sentence { font-size: 1.1rem; } .soft, .tick, .legend { color: var(--soft); } .side { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: start; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 1rem; } figure { margin: 1rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
text { font-size: 12px; fill: var(--ink); } .tick { fill: var(--soft); font-size: 11px; } .grid { stroke: var(--faint); } .line { fill: none; stroke: currentColor; stroke-width: 1.8; }
.before { color: var(--soft); } .after { color: var(--a); } .equal { color: var(--soft); stroke-dasharray: 5 4; stroke-width: 1; } circle { fill: currentColor; opacity: .7; } .same { color: var(--a); } .different { color: var(--b); }
.legend span::before { content: '● '; } .legend span { margin-right: 1rem; } .wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .86rem; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--faint); white-space: nowrap; } th:first-child, td:first-child { text-align: left; }
details { margin: .8rem 0; border: 1px solid var(--faint); border-radius: 6px; padding: .5rem .8rem; } summary { cursor: pointer; font-family: ui-monospace, monospace; font-size: .85rem; }
.pairs td { white-space: normal; } .pairs :is(td, th):is(:first-child, :last-child) { text-align: left; overflow-wrap: anywhere; } .pairs td:first-child { font-size: .78rem; min-width: 8.5rem; } .pairs td:last-child { min-width: 14rem; } .pairs td:nth-last-child(-n+4):not(:last-child) { white-space: nowrap; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 1rem; margin-top: .5rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: .82rem; } del { background: var(--out); text-decoration: none; } ins { background: var(--in); text-decoration: none; }
`;
