/** The pages of docs/ as HTML: `GET /docs` lists them, `GET /docs/NAME` shows one. Made here, so that a browser needs no script. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Marked } from 'marked';

export interface Guide {
  /** `routing` of docs/routing.md. */
  readonly name: string;
  readonly title: string;
  readonly markdown: string;
}

/** The order in which a new user needs them; other pages follow by name. */
const order = ['quickstart', 'concepts', 'configuration', 'routing', 'replay', 'evaluation', 'operating', 'migrating', 'troubleshooting'];
const repository = 'https://github.com/hindcast/hindcast/blob/main/';

/** All pages in docs/ of the package, in reading order. [] when the package has none. */
export function readGuides(): readonly Guide[] {
  const folder = docsFolder();
  if (folder === undefined) return [];
  const names = readdirSync(folder).flatMap(file => (file.endsWith('.md') ? [file.slice(0, -3)] : []));
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return names
    .toSorted((a, b) => place(a) - place(b) || a.localeCompare(b))
    .map(name => {
      const markdown = readFileSync(join(folder, `${name}.md`), 'utf8');
      return { name, title: /^# (.+)$/m.exec(markdown)?.[1] ?? name, markdown };
    });
}

/** The folder beside the nearest package.json above the sources or the built files. */
function docsFolder(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return existsSync(join(folder, 'docs')) ? join(folder, 'docs') : undefined;
  }
  return undefined;
}

/** One page with the list of all. `current` undefined: the list alone. */
export function guidePage(guides: readonly Guide[], current: Guide | undefined): string {
  const title = current ? `${current.title} · Hindcast` : 'Hindcast: documentation';
  const list = guides.map(
    ({ name, title }) => `<li><a href="/docs/${name}"${name === current?.name ? ' aria-current="page"' : ''}>${escapeHtml(title)}</a></li>`,
  );
  const body = current
    ? html(current.markdown)
    : `<h1>Documentation</h1><ul>${list.join('')}<li><a href="/docs/api">Admin API reference</a></li></ul>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="/docs/api.css">
</head>
<body class="guide">
<nav aria-label="Pages"><strong><a href="/docs">Hindcast</a></strong><ul>${list.join('')}<li><a href="/docs/api">Admin API reference</a></li></ul></nav>
<main>
${body}
</main>
</body>
</html>
`;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

/** The anchor of a heading, as the pages link to it. */
const anchor = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

/** A link between pages as a path of this server; one to another file of the project as its place in the repository. */
const address = (href: string): string => {
  if (/^(?:https?:|#|\/)/.test(href)) return href;
  const page = /^([\w-]+)\.md(#.*)?$/.exec(href);
  return page ? `/docs/${page[1]}${page[2] ?? ''}` : `${repository}${href.replace(/^\.\.\//, '')}`;
};

const marked = new Marked({
  walkTokens: token => {
    if (token.type === 'link') token.href = address(token.href);
  },
  renderer: {
    heading({ tokens, depth, text }) {
      return `<h${depth} id="${anchor(text.replaceAll('`', ''))}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    // Marks of generators stay out of the page.
    html: () => '',
  },
});

const html = (markdown: string): string =>
  (marked.parse(markdown, { async: false }) as string)
    .replaceAll('<table>', '<div class="scroll"><table>')
    .replaceAll('</table>', '</table></div>');
