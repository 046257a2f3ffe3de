/** How the console is served: to everybody, under a policy without exceptions, from its own folder alone. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConsolePages } from '../../gateway/admin/console/routes.ts';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-console-'));
const built = join(folder, 'dist');
let server: Server;
let url: string;

beforeAll(async () => {
  mkdirSync(join(built, 'assets'), { recursive: true });
  writeFileSync(join(built, 'index.html'), '<!doctype html><title>console</title>');
  writeFileSync(join(built, 'assets/app-1.js'), 'let a = 1;');
  writeFileSync(join(built, 'assets/app-1.js.gz'), gzipSync('let a = 1;'));
  writeFileSync(join(folder, 'secret.txt'), 'not for you');
  const pages = new ConsolePages(built);
  await pages.start();
  const [lead, page] = pages.entries.map(({ handler }) => handler);
  server = createServer((request, response) => void (request.url === '/' ? lead : page)!(request, response, {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

test('every address of the console is its page, under a policy that takes nothing from elsewhere', async () => {
  for (const path of ['/console', '/console/', '/console/traffic', '/console/exchanges/01998f2e-7b7c-7d5a-9a3e-1f2d3c4b5a69']) {
    const response = await fetch(url + path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
    expect(response.headers.get('content-security-policy')).not.toMatch(/unsafe|\*|https?:/);
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(await response.text()).toContain('<title>console</title>');
  }
});

test('files whose names change with their contents are kept for a year, and come gzipped', async () => {
  const response = await fetch(`${url}/console/assets/app-1.js`);
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect(response.headers.get('cache-control')).toContain('max-age=31536000');
  expect(await response.text()).toBe('let a = 1;');
  expect((await fetch(`${url}/console/assets/nothing.js`)).status).toBe(404);
});

test('no path leads out of its folder', async () => {
  for (const path of [
    '/console/assets/../../secret.txt',
    '/console/assets/..%2f..%2fsecret.txt',
    '/console/assets/%2e%2e/%2e%2e/secret.txt',
  ]) {
    expect(await (await fetch(url + path)).text()).not.toContain('not for you');
  }
});

test('/ leads who reads pages to the console, and tells programs where to ask', async () => {
  const page = await fetch(url, { headers: { accept: 'text/html,*/*' }, redirect: 'manual' });
  expect([page.status, page.headers.get('location')]).toEqual([302, '/console']);
  expect((await fetch(url, { headers: { accept: 'application/json' } })).status).toBe(404);
});
