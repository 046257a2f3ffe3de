/** The guides as pages: all of docs/, linked with each other, without scripts. */
import { expect, it } from 'vitest';
import { guidePage, readGuides } from '../../gateway/admin/docs/guides.ts';

const guides = readGuides();
const page = (name: string): string =>
  guidePage(
    guides,
    guides.find(guide => guide.name === name),
  );

it('begin with what a new user needs first', () => {
  expect(guides.map(({ name }) => name).slice(0, 4)).toEqual(['quickstart', 'concepts', 'configuration', 'routing']);
  expect(new Set(guides.map(({ title }) => title)).size).toBe(guides.length);
});

it('link to each other and to headings that are there', () => {
  const names = new Set(guides.map(({ name }) => `/docs/${name}`));
  for (const { name } of guides) {
    for (const [, href] of page(name).matchAll(/href="([^"]+)"/g)) {
      const [path, anchor] = href!.split('#') as [string, string?];
      if (/^https?:/.test(path) || ['', '/docs', '/docs/api', '/docs/api.css', '/openapi.json'].includes(path)) continue;
      expect(names, `${name}: ${href}`).toContain(path);
      if (anchor) expect(page(path.replace('/docs/', ''))).toContain(`id="${anchor}"`);
    }
  }
});

it('show code and tables as written, and neither scripts nor the marks of generators', () => {
  const text = page('configuration');
  expect(text).toContain('<td><code>server.host</code></td>');
  expect(text).not.toMatch(/<script|<!-- /);
  expect(guidePage([], { name: 'x', title: '<b>', markdown: '# <b>\n<script>alert(1)</script>' })).not.toContain('<script');
});
