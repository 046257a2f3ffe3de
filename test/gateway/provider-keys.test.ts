/** Keys of an account: used in order, spread by weight, and replaced inside the request when one is refused. */
import { expect, test } from 'vitest';
import { chooseKey } from '../../gateway/core/targets/key-cooldowns.ts';
import { hi, post, respondJson, startGateway, startUpstream } from './harness.ts';

const configuration = (url: string, keys: string): string => `
providers:
  A: { api: openai, keys: ${keys}, base_url: "${url}", allow_private: true }
  B: { api: openai, key: sk-of-b-1234567890, base_url: "${url}", allow_private: true }
routes: { m-fast: { steps: [{ target: A/fast }, { target: B/fast }], retries: 0 } }
routing: { retry_budget: { share: 0, per_second: 0 } }
`;
const keys = '[sk-first-1234567890, sk-second-1234567890, sk-third-1234567890]';

test.each([
  [401, 'invalid_api_key', {}],
  [402, 'insufficient_quota', {}],
  [403, 'permission_denied', {}],
  [429, 'rate_limit_exceeded', { 'retry-after': '20' }],
])('a %i for one key is tried again at once with the next one, outside the retry budget', async (status, code, headers) => {
  await using provider = await startUpstream((response, asked, request) =>
    String(asked.headers.authorization).includes('third') || String(asked.headers.authorization).includes('of-b')
      ? respondJson(response, asked, request)
      : response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end(JSON.stringify({ error: { code, message: 'no' } })),
  );
  await using gateway = await startGateway(configuration(provider.url, keys));
  const response = await post(gateway.url, hi);
  expect(response.status).toBe(200);
  const { attempts } = await gateway.sink.next();
  expect(attempts.map(({ kind, target }) => `${kind} ${target}`)).toEqual(['primary A/fast', 'retry A/fast', 'retry A/fast']);
  expect(provider.requests.map(({ headers: sent }) => sent.authorization)).toEqual(
    ['first', 'second', 'third'].map(name => `Bearer sk-${name}-1234567890`),
  );
  expect(new Set(attempts.map(({ credential }) => credential)).size).toBe(3);
});

test('when every key is refused the next target is asked, and a bad request is told at once', async () => {
  let status = 401;
  await using provider = await startUpstream((response, asked, request) =>
    String(asked.headers.authorization).includes('of-b')
      ? respondJson(response, asked, request)
      : response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: 'no' } })),
  );
  await using gateway = await startGateway(
    configuration(provider.url, keys).replace('share: 0, per_second: 0', 'share: 1, per_second: 10'),
  );
  expect((await post(gateway.url, hi)).status).toBe(200);
  expect((await gateway.sink.next()).attempts.map(({ target }) => target)).toEqual(['A/fast', 'A/fast', 'A/fast', 'B/fast']);
  status = 400;
  await using other = await startGateway(configuration(provider.url, keys));
  expect((await post(other.url, hi)).status).toBe(400);
  expect((await other.sink.next()).attempts).toHaveLength(1);
});

test('keys are used in order of preference, and weights spread calls over them', async () => {
  const account = { name: 'A', keys: ['a', 'b'].map(fingerprint => ({ fingerprint })) };
  const picks = (weights?: ReadonlyMap<string, number>) =>
    Array.from(
      { length: 400 },
      (_, i) => chooseKey({ ...account, ...(weights ? { weights } : {}) }, new Map(), `seed ${i}`, 0)!.fingerprint,
    );
  expect(new Set(picks())).toEqual(new Set(['a']));
  const share = picks(new Map([['b', 3]])).filter(key => key === 'b').length / 400;
  expect(share).toBeGreaterThan(0.68);
  expect(share).toBeLessThan(0.82);
  await using provider = await startUpstream(respondJson);
  const weighted = '[{ key: sk-first-1234567890, weight: 0.001 }, { key: sk-second-1234567890, weight: 1000 }]';
  await using gateway = await startGateway(configuration(provider.url, weighted));
  await post(gateway.url, hi);
  expect(provider.requests[0]!.headers.authorization).toBe('Bearer sk-second-1234567890');
});
