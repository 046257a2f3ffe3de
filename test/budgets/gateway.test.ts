/** Callers' budgets and rate limits over real sockets: rows lim-01 and lim-02 of the table of hostile inputs, and more. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redisLedger } from '../../gateway/budgets/redis-ledger.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import { hi, post, respondJson, respondStream, startGateway, startUpstream, type Upstream } from '../gateway/harness.ts';
import { hasRedis, startRedis } from './redis.ts';

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const as = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
/** 5 tokens in and 2 out: 7000 nano-dollars each request. */
const configuration = ({ url }: Upstream, tenant: string, key = ''): string => `
providers: { A: { api: openai, key: sk-prov-a-1234567890, base_url: "${url}", allow_private: true } }
routes: { m-fast: A/fast }
telemetry: { metrics: open }
prices: { A/fast: { input: 1000, output: 1000 } }
tenants: { t: ${tenant}, free: {} }
keys:
  - { name: k1, hash: "sha256:${hashOf('key-one')}", tenant: t, project: web${key} }
  - { name: k2, hash: "sha256:${hashOf('key-two')}", tenant: free }
`;
const slow =
  (ms: number): Parameters<typeof startUpstream>[0] =>
  async (response, body, request) => {
    await new Promise(resolve => setTimeout(resolve, ms));
    return respondJson(response, body, request);
  };
const errorOf = async (response: Response) => ((await response.json()) as { error: Record<string, unknown> }).error;

describe('a budget', () => {
  test('lim-01: of 300 requests at once a budget for 100 admits 95 to 100, and is never overspent', async () => {
    await using provider = await startUpstream(slow(20));
    const ledger = sqliteLedger(':memory:');
    await using gateway = await startGateway(configuration(provider, '{ budget: { usd: 0.7, per: total } }'), { callerLedger: ledger });
    const responses = await Promise.all(Array.from({ length: 300 }, () => post(gateway.url, hi, as('key-one'))));
    const admitted = responses.filter(({ status }) => status === 200);
    expect(admitted.length).toBeGreaterThanOrEqual(95);
    expect(admitted.length).toBeLessThanOrEqual(100);
    const rejected = responses.find(({ status }) => status !== 200)!;
    expect(rejected.status).toBe(429);
    expect(rejected.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(rejected)).toMatchObject({
      type: 'insufficient_quota',
      code: 'budget_exceeded',
      param: null,
      message: expect.stringMatching(/^Budget of tenant t exceeded: \$0\.70 in total, .+ needed\.$/),
    });
    const { spent, reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 7e8, per: 'total' } }, 0);
    expect(spent).toBe(admitted.length * 7_000_000);
    expect(reserved).toBe(0);
    expect(await ledger.countOpen()).toBe(0);
    expect(provider.requests).toHaveLength(admitted.length);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/hindcast_budget_left_usd\{scope="tenant t"\} 0(\.\d+)?\n/);
    expect(metrics).toContain('hindcast_budget_limit_usd{scope="tenant t"} 0.7');
    expect((await post(gateway.url, hi, as('key-two'))).status, 'another tenant').toBe(200);
  }, 30_000);

  test('is settled when the caller disconnects from a stream', async () => {
    await using provider = await startUpstream(respondStream(['hel', 'lo'], () => new Promise(() => {})));
    const ledger = sqliteLedger(':memory:');
    await using gateway = await startGateway(configuration(provider, '{ budget: { usd: 5, per: month } }'), { callerLedger: ledger });
    const leaving = new AbortController();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...as('key-one') },
      body: JSON.stringify({ ...hi, stream: true }),
      signal: leaving.signal,
    });
    await response.body!.getReader().read();
    expect(await ledger.countOpen()).toBe(1);
    leaving.abort();
    expect(await gateway.sink.next()).toMatchObject({ outcome: 'cancelled' });
    while ((await ledger.countOpen()) > 0) await new Promise(wait => setTimeout(wait, 5));
    const { spent, reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 5e9, per: 'month' } }, Date.now());
    expect(reserved).toBe(0);
    expect(spent, 'what was streamed so far').toBeGreaterThan(0);
  });

  test('rejects a request whose max_tokens may cost more than is left, and names the numbers and the reset', async () => {
    await using provider = await startUpstream(respondJson);
    await using gateway = await startGateway(configuration(provider, '{}', ', budget: { usd: 0.5, per: day }'));
    const long = await post(gateway.url, { ...hi, max_tokens: 100_000 }, as('key-one'));
    expect(long.status).toBe(429);
    expect(await errorOf(long)).toMatchObject({
      code: 'budget_exceeded',
      message: expect.stringMatching(
        /^Budget of key k1 exceeded: \$0\.50 per day, \$0\.00 spent, \$100\.\d\d needed; resets \d{4}-\d\d-\d\dT00:00Z\.$/,
      ),
    });
    expect((await post(gateway.url, { ...hi, max_tokens: 10 }, as('key-one'))).status).toBe(200);
    expect(provider.requests).toHaveLength(1);
  });
});

describe('what a request may cost', () => {
  const cascade = `{ steps: [{ target: A/fast, accept: { mean_logprob: 0.9 } }, { target: A/dear }] }`;

  test('covers every step of its route: a cascade reserves both of its responses, and never exceeds the cap', async () => {
    await using provider = await startUpstream(slow(20));
    const ledger = sqliteLedger(':memory:');
    const yaml = configuration(provider, '{ budget: { usd: 0.5, per: total } }')
      .replace('m-fast: A/fast', `m-fast: ${cascade}`)
      .replace('A/fast: { input: 1000, output: 1000 }', 'A/fast: { input: 1000, output: 1000 }, A/dear: { input: 9000, output: 9000 }');
    await using gateway = await startGateway(yaml, { callerLedger: ledger });
    // Each costs 7 tokens of each target: seven cents.
    const responses = await Promise.all(Array.from({ length: 20 }, () => post(gateway.url, { ...hi, max_tokens: 2 }, as('key-one'))));
    const admitted = responses.filter(({ status }) => status === 200).length;
    const { spent, reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 5e8, per: 'total' } }, 0);
    expect([spent, reserved]).toEqual([admitted * 70_000_000, 0]);
    expect(admitted).toBeGreaterThan(2);
    expect(spent).toBeLessThanOrEqual(500_000_000);
  });

  test('is unknown for a model without a price: a budget rejects it and says how to fix that, unless it allows unpriced models', async () => {
    await using provider = await startUpstream(respondJson);
    const yaml = (budget: string): string =>
      configuration(provider, `{ budget: ${budget} }`).replace('m-fast: A/fast', 'm-fast: [A/fast, A/new]');
    {
      await using gateway = await startGateway(yaml('{ usd: 5 }'));
      const rejected = await post(gateway.url, hi, as('key-one'));
      expect(rejected.status).toBe(400);
      expect(await errorOf(rejected)).toMatchObject({
        code: 'price_unknown',
        param: 'model',
        message: expect.stringMatching(/^The price of A\/new is unknown, so the budget of tenant t cannot count it\..*prices/),
      });
      expect(provider.requests).toHaveLength(0);
      expect((await post(gateway.url, hi, as('key-two'))).status, 'nobody counts what it costs').toBe(200);
    }
    await using gateway = await startGateway(yaml('{ usd: 5, unpriced: allow }'));
    expect((await post(gateway.url, hi, as('key-one'))).status).toBe(200);
  });
});

describe('a rate limit', () => {
  test('of requests per minute reports what remains, then rejects with a retry-after', async () => {
    await using provider = await startUpstream(respondJson);
    await using gateway = await startGateway(configuration(provider, '{ limits: { rpm: 2 } }'));
    const first = await post(gateway.url, hi, as('key-one'));
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-reset-requests': '30s',
    });
    expect((await post(gateway.url, hi, as('key-one'))).status).toBe(200);
    const third = await post(gateway.url, hi, as('key-one'));
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThanOrEqual(25);
    expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(await errorOf(third)).toMatchObject({
      type: 'requests',
      code: 'rate_limit_exceeded',
      param: null,
      message: expect.stringMatching(/^Rate limit of tenant t exceeded: 2 requests per minute\. Retry in (?:30|29|28|27|26|25) s\.$/),
    });
    expect(provider.requests).toHaveLength(2);
    expect((await post(gateway.url, hi, as('key-two'))).headers.has('x-ratelimit-limit-requests')).toBe(false);
  });

  test.each([
    ['project', '{ projects: { web: { limits: { rpm: 1 } } } }', ''],
    ['user', '{ users: { "*": { limits: { rpm: 1 } } } }', ', user: u1'],
    ['key', '{}', ', limits: { rpm: 1 }'],
    ['tenant, in tokens', '{ limits: { tpm: 500 } }', ''],
  ])('of a %s', async (_, tenant, key) => {
    await using provider = await startUpstream(respondJson);
    await using gateway = await startGateway(configuration(provider, tenant, key));
    const body = { ...hi, max_tokens: 300 };
    const statuses = await Promise.all([post(gateway.url, body, as('key-one')), post(gateway.url, body, as('key-one'))]);
    expect(statuses.map(({ status }) => status).sort()).toEqual([200, 429]);
  });
});

describe(`shared by several gateways in a Redis${hasRedis ? '' : ' (skipped: no redis-server here)'}`, () => {
  const only = test.skipIf(!hasRedis);

  only('one budget and one rate limit hold for all of them', async () => {
    await using redis = await startRedis();
    await using provider = await startUpstream(respondJson);
    const yaml = configuration(provider, '{ limits: { rpm: 3 } }');
    await using one = await startGateway(yaml, { callerLedger: await redisLedger(redis.url, () => {}) });
    await using two = await startGateway(yaml, { callerLedger: await redisLedger(redis.url, () => {}) });
    const statuses: number[] = [];
    for (const { url } of [one, two, one, two]) statuses.push((await post(url, hi, as('key-one'))).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  only(
    'lim-02: while Redis is down budgets fail closed, rate limits are counted locally, none waits longer than the ledger is given, and service resumes after it',
    async () => {
      await using redis = await startRedis();
      await using provider = await startUpstream(respondJson);
      const yaml = configuration(provider, '{ budget: { usd: 5, per: total } }').replace('free: {}', 'free: { limits: { rpm: 2 } }');
      await using gateway = await startGateway(yaml, { callerLedger: await redisLedger(redis.url, () => {}, { patienceMs: 500 }) });
      expect((await post(gateway.url, hi, as('key-one'))).status).toBe(200);
      await redis.kill();
      const started = performance.now();
      const [closed, ...counted] = await Promise.all(
        ['key-one', 'key-two', 'key-two', 'key-two'].map(key => post(gateway.url, hi, as(key))),
      );
      expect(performance.now() - started).toBeLessThan(2_000);
      expect(closed!.status).toBe(503);
      expect(await errorOf(closed!)).toMatchObject({ code: 'limits_unavailable', type: 'server_error' });
      expect(counted.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
      await redis.start();
      await expect.poll(async () => (await post(gateway.url, hi, as('key-one'))).status, { timeout: 10_000, interval: 100 }).toBe(200);
    },
    30_000,
  );
});
