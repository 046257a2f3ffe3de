/** A self-contained HTML page: inline style, no script, no requests, for light, dark and print. */
import { escapeHtml } from '../../../replay/report/svg.ts';

export { escapeHtml };

export interface Page {
  readonly title: string;
  /** On top, in plain words. */
  readonly sentence: string;
  /** A line of what it is about. */
  readonly about: string;
  /** Finished HTML. */
  readonly parts: readonly string[];
  readonly notes: readonly string[];
}

/** The page as HTML text. */
export const htmlPage = ({ title, sentence, about, parts, notes }: Page): string => `<!doctype html>
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
<p class="sentence">${escapeHtml(sentence)}</p>
<p class="about">${escapeHtml(about)}</p>
${parts.join('\n')}
${notes.length > 0 ? `<ul class="notes">${notes.map(note => `<li>${escapeHtml(note)}</li>`).join('')}</ul>` : ''}
</body>
</html>
`;

/** Rows with a class are marked. */
export function htmlTable(
  head: readonly string[],
  rows: readonly { readonly cells: readonly string[]; readonly mark?: string }[],
  { words = false }: { readonly words?: boolean } = {},
): string {
  const cells = (tag: 'th' | 'td', texts: readonly string[]): string => texts.map(text => `<${tag}>${escapeHtml(text)}</${tag}>`).join('');
  const body = rows.map(({ cells: texts, mark }) => `<tr${mark ? ` class="${escapeHtml(mark)}"` : ''}>${cells('td', texts)}</tr>`);
  return `<div class="wide"><table${words ? ' class="words"' : ''}><thead><tr>${cells('th', head)}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #d9dee4; --soft: #667; --a: #1667c7; --b: #c2410c; --c: #15803d; --d: #7c3aed; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --faint: #333a43; --soft: #99a; --a: #6cb0ff; --b: #ff9a62; --c: #5fd38a; --d: #b79cff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.sentence { font-size: 1.15rem; margin: 0 0 .5rem; } .about, .notes, .tick, .legend { color: var(--soft); }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { flex: 1 1 480px; max-width: 580px; margin: 1rem 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } text { font-size: 12px; fill: var(--ink); } .tick { fill: var(--soft); font-size: 11px; } .grid { stroke: var(--faint); }
.line { fill: none; stroke: currentColor; stroke-width: 1.5; } circle { fill: currentColor; }
.chain { color: var(--soft); } .frontier { color: var(--a); } .mix, .ideal { color: var(--soft); } .mix .line, .ideal .line { stroke-dasharray: 5 4; }
.single { color: var(--ink); } .oracle { color: var(--c); } .certified, .good { color: var(--d); } .bad { color: var(--b); } .current { color: var(--b); } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; background: currentColor; margin-right: .4em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid var(--faint); white-space: nowrap; } th:first-child, td:first-child, .words td, .words th { text-align: left; } .words td { white-space: normal; }
tr.frontier td:first-child { font-weight: 600; color: var(--a); } tr.current td, tr.fail td:first-child, tr.worse td { color: var(--b); } tr.pass td:first-child, tr.better td { color: var(--c); } tr.certified td { color: var(--d); font-weight: 600; } tr.single td { font-style: italic; }
`;
