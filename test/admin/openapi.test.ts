/** `/openapi.json` and the page that shows it. */
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../gateway/admin/api/openapi.ts';
import { apiRoutes, prefix, routeEntries } from '../../gateway/admin/api/table.ts';
import { version } from '../../gateway/settings/version.ts';
import { startGateway } from '../gateway/harness.ts';

const document = openApiDocument(version()) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
};

test('a linter of OpenAPI finds nothing, not even a warning', async () => {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source: JSON.stringify(document), config });
  expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual([]);
});

test('the linter finds a path without its parameter', async () => {
  const broken = JSON.stringify(document).replace('{"name":"route","in":"path"', '{"name":"rout","in":"path"');
  const problems = await lintFromString({ source: broken, config: await createConfig({ extends: ['recommended'] }) });
  expect(problems.length).toBeGreaterThan(0);
});

test('the document names every route of the table once, and no other', () => {
  const named = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
  );
  expect(named.toSorted()).toEqual(routeEntries.map(([name, { method, path }]) => `${name} ${method} ${prefix}${path}`).toSorted());
});

test('document and page are open to everybody, fetch nothing from elsewhere, and show every route', async () => {
  await using gateway = await startGateway(`keys: [{ name: a, hash: "sha256:${'0'.repeat(64)}" }]\nproviders: { sim: { api: simulated } }`);
  const served = await fetch(`${gateway.url}/openapi.json`);
  expect([served.status, await served.json()]).toEqual([200, JSON.parse(JSON.stringify(document))]);
  const response = await fetch(`${gateway.url}/docs/api`);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  const page = await response.text();
  for (const name of Object.keys(apiRoutes)) expect(page).toContain(`<section id="${name}">`);
  const loaded = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, target]) => target);
  expect(new Set(loaded)).toEqual(new Set(['/docs/api.css', '/openapi.json']));
  expect(page).not.toMatch(/<script|style=/);
  expect((await fetch(`${gateway.url}/docs/api.css`)).headers.get('content-type')).toContain('text/css');
});

test('every link of the page leads to a place on it', async () => {
  await using gateway = await startGateway('providers: { sim: { api: simulated } }');
  const page = await (await fetch(`${gateway.url}/docs/api`)).text();
  const places = new Set([...page.matchAll(/id="([^"]+)"/g)].map(([, id]) => id));
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id!);
  expect(links.filter(id => !places.has(id))).toEqual([]);
});
