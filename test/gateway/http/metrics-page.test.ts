/** Who may read `/metrics`, which names tenants and what they spend. */
import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hi, post, respondJson, startGateway, startUpstream, twoProviders } from '../harness.ts';

const keyEntry = (name: string, role: string, tenant = 'default'): string =>
  `  - { name: ${name}, hash: "sha256:${hash('sha256', `key-of-${name}`)}", role: ${role}, tenant: ${tenant === '*' ? '"*"' : tenant} }\n`;
const keys = `tenants: { acme: {} }\nkeys:\n${keyEntry('caller', 'caller')}${keyEntry('viewer', 'viewer')}${keyEntry('acme-viewer', 'viewer', 'acme')}${keyEntry('all', 'viewer', '*')}`;

async function statuses(more: string): Promise<Readonly<Record<string, number>>> {
  await using upstream = await startUpstream(respondJson);
  await using gateway = await startGateway(`${twoProviders(upstream.url, upstream.url)}\n${more}`);
  const origin = gateway.url.replace(/\/v1$/, '');
  await post(`${origin}/v1/chat/completions`, hi, { authorization: 'Bearer key-of-caller' });
  const of = async (name: string, authorization?: string): Promise<readonly [string, number]> => [
    name,
    (await fetch(`${origin}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status,
  ];
  return Object.fromEntries([
    await of('nobody'),
    ...(await Promise.all(['caller', 'viewer', 'acme-viewer', 'all', 'stranger'].map(name => of(name, `Bearer key-of-${name}`)))),
    await of('scraper', 'Bearer key-of-prometheus'),
  ]);
}

test('with keys a viewer who sees the gateway may, a caller and a viewer of another tenant may not', async () => {
  expect(await statuses(keys)).toEqual({
    nobody: 401,
    caller: 403,
    viewer: 200,
    'acme-viewer': 403,
    all: 200,
    stranger: 401,
    scraper: 401,
  });
});

test('telemetry.metrics_key is a key for metrics alone', async () => {
  const found = await statuses(`${keys}telemetry: { metrics_key: key-of-prometheus }\n`);
  expect(found).toMatchObject({ nobody: 401, scraper: 200, viewer: 200 });
});

test('telemetry.metrics: open lets everybody', async () => {
  const found = await statuses(`${keys}telemetry: { metrics: open }\n`);
  expect(new Set(Object.values(found))).toEqual(new Set([200]));
});

test('without keys metrics are open', async () => {
  expect((await statuses('')).nobody).toBe(200);
});
