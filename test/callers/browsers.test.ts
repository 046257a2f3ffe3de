/** Web pages of other sites call as far as `server.cors` allows, and clients may leave the version out of their base URL. */
import { describe, expect, test } from 'vitest';
import { type RunningGateway, respondJson, settingsOf, startGateway, startUpstream } from '../gateway/harness.ts';

const page = 'https://app.example.com';
const yaml = (url: string, cors = ''): string =>
  `providers: { o: { api: openai, base_url: "${url}", key: k, allow_private: true } }\n${cors}`;
const start = async (cors: string): Promise<RunningGateway & { readonly upstreamCalls: () => number }> => {
  const upstream = await startUpstream(respondJson);
  // The harness writes a `server` of its own, and YAML takes one.
  const gateway = await startGateway(yaml(upstream.url), cors === '' ? {} : { settings: settingsWith(upstream.url, cors) });
  return {
    ...gateway,
    upstreamCalls: () => upstream.requests.length,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
};

const settingsWith = (url: string, cors: string) => settingsOf(yaml(url, `server: { port: 0, cors: ${cors} }`));

const ask = (gateway: RunningGateway, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'o/m', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] }),
  });
const preflight = (gateway: RunningGateway, path: string, origin: string, headers: string): Promise<Response> =>
  fetch(gateway.url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
  });

describe('a page of another site', () => {
  test('that is listed may ask, call and read', async () => {
    await using gateway = await start('{ origins: ["https://app.example.com"], headers: [X-My-App] }');
    const asked = await preflight(gateway, '/v1/chat/completions', page, 'authorization, x-stainless-os, x-my-app, x-foreign');
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, page]);
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization, x-stainless-os, x-my-app');
    expect(asked.headers.get('access-control-max-age')).toBe('600');
    const called = await ask(gateway, '/v1/chat/completions', { origin: page });
    expect([called.status, called.headers.get('access-control-allow-origin'), called.headers.get('vary')]).toEqual([200, page, 'origin']);
    expect(called.headers.get('access-control-expose-headers')).toContain('x-hindcast-warnings');
    await called.text();
  });

  test('that is not listed may not, and the admin API takes none', async () => {
    await using gateway = await start('{ origins: ["https://app.example.com"] }');
    const other = await ask(gateway, '/v1/chat/completions', { origin: 'https://evil.example' });
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    const admin = await preflight(gateway, '/admin/api/v1/exchanges', page, 'authorization');
    expect(admin.headers.get('access-control-allow-origin')).toBeNull();
    expect(gateway.upstreamCalls()).toBe(0);
  });

  test('may not without a configuration', async () => {
    await using gateway = await start('');
    expect((await ask(gateway, '/v1/chat/completions', { origin: page })).status).toBe(403);
  });
});

test('paths without the version mean the same', async () => {
  await using gateway = await start('');
  expect((await ask(gateway, '/chat/completions')).status).toBe(200);
  expect((await ask(gateway, '/messages')).status).toBe(200);
});
