/** `hindcast doctor` finds what would keep a gateway from its work, and shows no secret while doing so. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { checkNode } from '../../recorder/doctor/machine.ts';
import { Workspace } from '../hindcast.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanups.push(() => once(server.close(), 'close'));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { readonly what: string; readonly state: string; readonly message: string }[];
}

test('it names the key that is refused, the port that is taken, the receiver that is not there, the clock that is off', async () => {
  const requested: string[] = [];
  const url = await serving((request, response) => {
    const key = String(request.headers.authorization ?? request.headers['x-api-key']);
    requested.push(`${request.method} ${request.url} ${key}`);
    if (request.url === '/late/v1/models') response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
    response.writeHead(key.endsWith('sk-bad-secret') ? 401 : 200, { 'content-type': 'application/json' }).end('{"data":[]}');
  });
  await using place = new Workspace(`
server: { port: ${new URL(url).port} }
store: { port: 0 }
telemetry: { otlp: "http://127.0.0.1:9" }
providers:
  two: { api: openai, base_url: "${url}/v1", keys: [sk-good-secret, sk-bad-secret], allow_private: true }
  claude: { api: anthropic, base_url: "${url}/late", key: sk-good-secret, allow_private: true }
  cloud: { api: bedrock, region: eu-west-1, key: "id:sk-good-secret" }
  sim: { api: simulated }
`);
  const { code, stdout, stderr } = await place.run('doctor', '--json');
  const { ok, findings } = JSON.parse(stdout) as Report;
  expect(code).toBe(1);
  expect(ok).toBe(false);
  const stateOf = Object.fromEntries(findings.map(({ what, state }) => [what, state]));
  expect(stateOf).toEqual({
    config: 'ok',
    node: 'ok',
    port: 'ok', // the server above answers /health like a gateway
    folder: expect.stringMatching(/^(ok|warning)$/),
    store: 'ok',
    parts: 'ok',
    audit: 'ok',
    state: 'ok',
    traces: 'problem',
    'two, key 1': 'ok',
    'two, key 2': 'problem',
    claude: 'warning',
    cloud: 'warning',
    sim: 'ok',
  });
  expect(findings.find(({ what }) => what === 'claude')!.message).toMatch(/3[56]\d\d s off/);
  expect(requested).toContain('GET /v1/models Bearer sk-bad-secret');
  expect(stdout + stderr).not.toContain('secret');
}, 60_000);

test('where nothing is wrong it says so and exits with 0', async () => {
  await using place = new Workspace('server: { port: 0 }\nstore: { port: 0 }\n');
  const { code, stdout } = await place.run('doctor');
  expect(code).toBe(0);
  expect(stdout).toMatch(/✓ +store +the embedded engine, ClickHouse \d+\./);
}, 60_000);

test('an old Node is named as such', async () => {
  expect(await checkNode('20.11.0')).toMatchObject({ state: 'problem' });
});
