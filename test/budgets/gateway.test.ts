/** Callers' budgets and limits over real sockets: the rows lim-01 and lim-02 of the table of hostile inputs, and more. */
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
prices: { A/fast: { input: 1000, output: 1000 } }
tenants: { t: ${tenant}, free: {} }
keys:
  - { name: k1, hash: "sha256:${hashOf('key-one')}", tenant: t, project: web${key} }
  - { name: k2, hash: "sha256:${hashOf('key-two')}", tenant: free }
`;
const slow =
  (ms: number): Parameters<typeof startUpstream>[0] =>
  async (response, asked, request) => {
    await new Promise(resolve => setTimeout(resolve, ms));
    return respondJson(response, asked, request);
  };
const errorOf = async (response: Response) => ((await response.json()) as { error: Record<string, unknown> }).error;

describe('a budget', () => {
  test('lim-01: of 100 requests lets 95 to 100 of 300 at once through, and never spends more', async () => {
    await using provider = await startUpstream(slow(20));
    const ledger = sqliteLedger(':memory:');
    await using gateway = await startGateway(configuration(provider, '{ budget: { usd: 0.7, per: total } }'), { callerLedger: ledger });
    const answers = await Promise.all(Array.from({ length: 300 }, () => post(gateway.url, hi, as('key-one'))));
    const good = answers.filter(({ status }) => status === 200);
    expect(good.length).toBeGreaterThanOrEqual(95);
    expect(good.length).toBeLessThanOrEqual(100);
    const refused = answers.find(({ status }) => status !== 200)!;
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(refused)).toMatchObject({ type: 'insufficient_quota', code: 'budget_exceeded', param: null });
    const { spent, reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 7e8, per: 'total' } }, 0);
    expect(spent).toBe(good.length * 7_000_000);
    expect(reserved).toBe(0);
    expect(await ledger.countOpen()).toBe(0);
    expect(provider.requests).toHaveLength(good.length);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/hindcast_budget_left_usd\{scope="tenant t"\} 0(\.\d+)?\n/);
    expect(metrics).toContain('hindcast_budget_limit_usd{scope="tenant t"} 0.7');
    expect((await post(gateway.url, hi, as('key-two'))).status, 'another tenant').toBe(200);
  }, 30_000);

  test('is settled when the answer fails, is cut, and when its caller leaves', async () => {
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
    expect(spent, 'what was said so far').toBeGreaterThan(0);
  });

  test('refuses what may cost more than is left, when the request says how long its answer may be', async () => {
    await using provider = await startUpstream(respondJson);
    await using gateway = await startGateway(configuration(provider, '{}', ', budget: { usd: 0.5, per: day }'));
    const long = await post(gateway.url, { ...hi, max_tokens: 100_000 }, as('key-one'));
    expect(long.status).toBe(429);
    expect(await errorOf(long)).toMatchObject({ code: 'budget_exceeded', message: expect.stringContaining('key k1') });
    expect((await post(gateway.url, { ...hi, max_tokens: 10 }, as('key-one'))).status).toBe(200);
    expect(provider.requests).toHaveLength(1);
  });
});

describe('what a request may cost', () => {
  const cascade = `{ steps: [{ target: A/fast, accept: { mean_logprob: 0.9 } }, { target: A/dear }] }`;

  test('is all that its route may pay for: a cascade reserves both of its answers, and never passes the cap', async () => {
    await using provider = await startUpstream(slow(20));
    const ledger = sqliteLedger(':memory:');
    const yaml = configuration(provider, '{ budget: { usd: 0.5, per: total } }')
      .replace('m-fast: A/fast', `m-fast: ${cascade}`)
      .replace('A/fast: { input: 1000, output: 1000 }', 'A/fast: { input: 1000, output: 1000 }, A/dear: { input: 9000, output: 9000 }');
    await using gateway = await startGateway(yaml, { callerLedger: ledger });
    // Each costs 7 tokens of the one and 7 of the other: seven cents.
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(gateway.url, { ...hi, max_tokens: 2 }, as('key-one'))));
    const good = answers.filter(({ status }) => status === 200).length;
    const { spent, reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 5e8, per: 'total' } }, 0);
    expect([spent, reserved]).toEqual([good * 70_000_000, 0]);
    expect(good).toBeGreaterThan(2);
    expect(spent).toBeLessThanOrEqual(500_000_000);
  });

  test('cannot be told of a model without a price: under a budget it is refused with the mend, unless the budget allows it', async () => {
    await using provider = await startUpstream(respondJson);
    const yaml = (budget: string): string =>
      configuration(provider, `{ budget: ${budget} }`).replace('m-fast: A/fast', 'm-fast: [A/fast, A/new]');
    {
      await using gateway = await startGateway(yaml('{ usd: 5 }'));
      const refused = await post(gateway.url, hi, as('key-one'));
      expect(refused.status).toBe(400);
      expect(await errorOf(refused)).toMatchObject({
        code: 'price_unknown',
        param: 'model',
        message: expect.stringMatching(/^The price of A\/new is not known, so the budget of the tenant t cannot count it\..*prices/),
      });
      expect(provider.requests).toHaveLength(0);
      expect((await post(gateway.url, hi, as('key-two'))).status, 'nobody counts what it costs').toBe(200);
    }
    await using gateway = await startGateway(yaml('{ usd: 5, unpriced: allow }'));
    expect((await post(gateway.url, hi, as('key-one'))).status).toBe(200);
  });
});

describe('a limit', () => {
  test('of requests per minute tells what is left, then refuses and tells how long to wait', async () => {
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
    expect(await errorOf(third)).toMatchObject({ type: 'requests', code: 'rate_limit_exceeded', param: null });
    expect(provider.requests).toHaveLength(2);
    expect((await post(gateway.url, hi, as('key-two'))).headers.has('x-ratelimit-limit-requests')).toBe(false);
  });

  test.each([
    ['project', '{ projects: { web: { limits: { rpm: 1 } } } }', ''],
    ['user', '{ users: { "*": { limits: { rpm: 1 } } } }', ', user: u1'],
    ['key', '{}', ', limits: { rpm: 1 }'],
    ['tokens of a tenant', '{ limits: { tpm: 500 } }', ''],
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

  only('one budget and one limit hold for all of them', async () => {
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
    'lim-02: while it is gone money fails closed, rates are counted here, nobody waits over a second, and all is well again after it',
    async () => {
      await using redis = await startRedis();
      await using provider = await startUpstream(respondJson);
      const yaml = configuration(provider, '{ budget: { usd: 5, per: total } }').replace('free: {}', 'free: { limits: { rpm: 2 } }');
      await using gateway = await startGateway(yaml, { callerLedger: await redisLedger(redis.url, () => {}) });
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
