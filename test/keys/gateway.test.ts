/** Keys that are made, changed and taken away while gateways run. */
import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { type KeyStore, sqliteKeys } from '../../gateway/keys/key-store.ts';
import { hi, post, respondJson, startGateway, startUpstream } from '../gateway/harness.ts';

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const configuration = (url: string): string => `
providers: { A: { api: openai, key: sk-prov-a-1234567890, base_url: "${url}", allow_private: true } }
routes: { m-fast: A/fast, m-slow: A/slow }
prices: { A/*: { input: 1000, output: 2500 } }
tenants: { t: { budget: { usd: 5, per: day } } }
keys: [{ name: root, hash: "sha256:${hashOf('root')}", tenant: "*", role: admin }]
`;

async function startWithKeys(keyStore: KeyStore = sqliteKeys(':memory:')) {
  const provider = await startUpstream(respondJson);
  const gateway = await startGateway(configuration(provider.url), { keyStore });
  const admin = async (method: string, path: string, body?: object, key = 'root') => {
    const response = await fetch(`${gateway.url}/admin/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'x-hindcast-csrf': '1', 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  };
  const ask = async (key: string, model = 'm-fast') => {
    const response = await post(gateway.url, { ...hi, model, max_tokens: 2 }, { authorization: `Bearer ${key}` });
    const { error } = (await response.json()) as { error?: { code: string } };
    return error ? `${response.status} ${error.code}` : String(response.status);
  };
  return {
    ...{ gateway, admin, ask },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

describe('a key of the state store', () => {
  test('is accepted, limited, blocked, rotated, expired and revoked at once', async () => {
    await using running = await startWithKeys();
    const { admin, ask } = running;
    const made = await admin('POST', '/keys', {
      ...{ name: 'web', tenant: 't', project: 'p', metadata: { team: 'a' } },
      ...{ models: ['fast*'], routes: ['m-*'], limits: { rpm: 600 }, budget: { usd: 1, per: 'hour' } },
    });
    expect(made).toMatchObject({
      status: 200,
      body: { name: 'web', stored: true, state: 'active', limits: { rpm: 600 }, budget: { usd: 1, per: 'hour' } },
    });
    const { key, id } = made.body as unknown as { key: string; id: string };
    expect(key).toMatch(/^hc_[\w-]{43}$/);
    expect([await ask(key), await ask(key, 'm-slow'), await ask(key, 'A/other')]).toEqual([
      '200',
      '403 model_not_allowed',
      '403 model_not_allowed',
    ]);
    expect((await admin('GET', `/keys/${id}`)).body).not.toHaveProperty('key');

    expect((await admin('PUT', `/keys/${id}`, { blocked: true })).body).toMatchObject({ state: 'blocked' });
    expect(await ask(key)).toBe('401 key_blocked');
    await admin('PUT', `/keys/web`, { blocked: false });

    const rotated = await admin('POST', `/keys/${id}/rotate`, { grace_seconds: 60 });
    const fresh = (rotated.body as unknown as { key: string }).key;
    expect([await ask(key), await ask(fresh)]).toEqual(['200', '200']);
    await admin('POST', `/keys/${id}/rotate`, { grace_seconds: 0 });
    expect([await ask(key), await ask(fresh)]).toEqual(['401 invalid_api_key', '401 invalid_api_key']);

    const last = ((await admin('POST', `/keys/${id}/rotate`, { grace_seconds: 0 })).body as unknown as { key: string }).key;
    await admin('PUT', `/keys/${id}`, { expires_at: '2026-01-01T00:00:00Z' });
    expect(await ask(last)).toBe('401 key_expired');
    await admin('PUT', `/keys/${id}`, { expires_at: null });
    expect(await ask(last)).toBe('200');
    expect((await admin('DELETE', `/keys/${id}`)).body).toEqual({ id, revoked: true });
    expect(await ask(last)).toBe('401 invalid_api_key');
  });

  test('tells its caller what it may do and what is left', async () => {
    await using running = await startWithKeys();
    const { admin, ask, gateway } = running;
    const { key } = (
      await admin('POST', '/keys', { name: 'web', tenant: 't', limits: { max_parallel: 3 }, budget: { usd: 0.03, per: 'total' } })
    ).body as unknown as { key: string };
    expect(await ask(key)).toBe('200');
    const own = await vi.waitFor(async () => {
      const body = (await (await fetch(`${gateway.url}/v1/key`, { headers: { authorization: `Bearer ${key}` } })).json()) as Record<
        string,
        never
      >;
      expect(body).toMatchObject({ budgets: [{ spent_usd: 0.01 }, { spent_usd: 0.01 }] });
      return body;
    });
    expect(own).toMatchObject({
      ...{ object: 'key', name: 'web', tenant: 't', role: 'caller', expires_at: null, models: null },
      budgets: [
        { scope: 'tenant t', per: 'day', usd: 5 },
        { scope: 'key web', per: 'total', usd: 0.03, left_usd: 0.02, resets_at: null },
      ],
      limits: [{ scope: 'key web', limit: 3, of: 'requests', per: 'moment' }],
    });
  });

  test('takes no name twice, no tenant that is not there, and nobody changes a key of the file or of another tenant', async () => {
    await using running = await startWithKeys();
    const { admin } = running;
    const { key } = (await admin('POST', '/keys', { name: 'boss', tenant: 't', role: 'admin' })).body as unknown as { key: string };
    await admin('POST', '/keys', { name: 'other' });
    const outcomes = [
      await admin('POST', '/keys', { name: 'boss' }),
      await admin('POST', '/keys', { name: 'root' }),
      await admin('POST', '/keys', { name: 'x', tenant: 'nobody' }),
      await admin('PUT', '/keys/root', { blocked: true }),
      await admin('PUT', '/keys/nothing', { blocked: true }),
      await admin('PUT', '/keys/other', { blocked: true }, key),
      await admin('POST', '/keys', { name: 'y', tenant: 'default' }, key),
      await admin('POST', '/keys', { name: 'z', tenant: '*' }, key),
    ];
    expect(outcomes.map(({ status, body }) => `${status} ${(body as unknown as { error: { code: string } }).error.code}`)).toEqual([
      ...['409 key_exists', '409 key_exists', '400 tenant_not_found', '409 key_in_file'],
      ...['404 not_found', '404 not_found', '403 tenant_walled', '403 tenant_walled'],
    ]);
    expect(
      ((await admin('GET', '/keys', undefined, key)).body as unknown as { data: { name: string }[] }).data.map(({ name }) => name),
    ).toEqual(['boss']);
  });
});
