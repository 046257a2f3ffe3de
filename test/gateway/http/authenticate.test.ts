import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRefusal } from '../../../gateway/exchange/response/refusal.ts';
import { authenticateCaller } from '../../../gateway/http/authenticate.ts';
import type { CallerKey } from '../../../gateway/settings/settings.ts';
import { runs } from '../../runs.ts';
import { startGateway } from '../harness.ts';

const caller = (name: string): CallerKey => ({ name, tenant: 'acme', project: 'web', user: 'u1', role: 'caller' });
const hash = (key: string): string => createHash('sha256').update(key).digest('hex');
const keys = new Map([
  [hash('hc_one'), caller('one')],
  [hash('any string will do: ü'), caller('two')],
]);
const nameOf = (headers: readonly string[], known = keys): string => {
  const admitted = authenticateCaller(headers, { keys: known }, 0);
  return isRefusal(admitted) ? admitted.refusal.code : admitted.name;
};

test('a key is found in each header that clients use, however its name is written', () => {
  for (const headers of [
    ['Authorization', 'Bearer hc_one'],
    ['authorization', 'bearer   hc_one '],
    ['X-API-Key', 'hc_one'],
    ['x-goog-api-key', 'hc_one'],
    ['api-key', 'hc_one'],
  ]) {
    expect(nameOf(headers), headers.join(': ')).toBe('one');
  }
});

test('any string may be a key, also one of other letters', () => {
  const asHeader = Buffer.from('any string will do: ü').toString('latin1');
  expect(nameOf(['x-api-key', asHeader])).toBe('two');
});

test('the same key twice is one key; two different ones are ambiguous, also in two headers of one name', () => {
  expect(nameOf(['authorization', 'Bearer hc_one', 'x-api-key', 'hc_one'])).toBe('one');
  expect(nameOf(['authorization', 'Bearer hc_one', 'x-api-key', 'hc_two'])).toBe('ambiguous_credentials');
  expect(nameOf(['authorization', 'Bearer hc_one', 'Authorization', 'Bearer hc_two'])).toBe('ambiguous_credentials');
  expect(nameOf(['authorization', 'Basic aGM6b25l', 'x-api-key', 'hc_one'])).toBe('ambiguous_credentials');
});

test('a missing, empty or unknown key is refused, and the refusal does not repeat it', () => {
  for (const headers of [
    [],
    ['authorization', ''],
    ['x-api-key', ' '],
    ['authorization', 'Bearer hc_on'],
    ['authorization', 'hc_one_more'],
  ]) {
    const admitted = authenticateCaller(headers, { keys }, 0);
    expect(admitted).toMatchObject({
      refusal: { status: 401, code: 'invalid_api_key' },
      headers: { 'www-authenticate': expect.any(String) },
    });
    expect(JSON.stringify(admitted)).not.toContain('hc_on');
  }
});

test('without keys everybody is the tenant default, whatever credentials they carry', () => {
  const admitted = authenticateCaller(['authorization', 'Bearer sk-other', 'x-api-key', 'sk-another'], { keys: new Map() }, 0);
  expect(admitted).toMatchObject({ tenant: 'default', name: '' });
});

test('no text but the key itself opens the door', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom('hc_one', hash('hc_one'), 'HC_ONE', 'hc_one\u0000', 'hc_one,hc_one')), text => {
      const known = nameOf(['x-api-key', text]) === 'one';
      expect(known).toBe(text.trim() === 'hc_one');
    }),
    runs(300),
  );
});

test('with keys every path needs one but health and readiness, and a tenant sees and calls only its own list', async () => {
  const yaml = `
providers: { sim: { api: simulated } }
routes: { fast: sim/small, dear: sim/large }
tenants: { acme: { routes: [fast, sim/small] } }
keys: [{ name: one, hash: "sha256:${hash('hc_one')}", tenant: acme, project: web, user: u1 }]
`;
  await using gateway = await startGateway(yaml);
  const headers = { authorization: 'Bearer hc_one', 'content-type': 'application/json' };
  const status = async (path: string, init: RequestInit = {}): Promise<number> => (await fetch(gateway.url + path, init)).status;
  for (const path of ['/health', '/ready', '/openapi.json', '/docs/api']) expect(await status(path)).toBe(200);
  for (const path of [
    '/v1/models',
    '/v1/models/fast',
    '/metrics',
    '/admin/api/v1/exchanges',
    '/admin/fleet',
    '/nothing',
    '/health/',
    '/%68ealth',
    '/v1/chat/completions',
  ])
    expect(await status(path), path).toBe(401);
  const models = (await (await fetch(`${gateway.url}/v1/models`, { headers })).json()) as { data: { id: string }[] };
  expect(models.data.map(model => model.id)).toEqual(['fast', 'sim/small']);
  expect(await status('/v1/models/dear', { headers })).toBe(404);
  const ask = async (requested: object): Promise<string> => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], ...requested });
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body });
    return response.ok ? 'ok' : `${response.status} ${((await response.json()) as { error: { code: string } }).error.code}`;
  };
  expect(await ask({ model: 'fast' })).toBe('ok');
  expect(await ask({ model: 'sim/small' })).toBe('ok');
  for (const requested of [
    { model: 'dear' },
    { model: 'sim/large' },
    { model: 'fast,dear' },
    { model: 'fast', fallbacks: ['sim/large'] },
  ]) {
    expect(await ask(requested), JSON.stringify(requested)).toBe('403 model_not_allowed');
  }
  expect(await gateway.sink.next()).toMatchObject({ caller: { tenant: 'acme', project: 'web', user: 'u1', key: 'one' } });
});
