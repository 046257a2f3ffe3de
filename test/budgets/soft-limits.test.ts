/** Soft limits, budgets of their own, what a request may cost, and a gateway that counts alone. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { expect, test, vi } from 'vitest';
import { CostEstimator } from '../../gateway/budgets/cost-estimate.ts';
import type { BudgetLedger } from '../../gateway/budgets/ledger.ts';
import { LedgerUnavailable } from '../../gateway/budgets/ledger.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { RoutedRequest } from '../../gateway/exchange/contract.ts';
import { webhookSignature } from '../../gateway/transport/webhooks.ts';
import { hi, post, respondJson, startGateway, startUpstream } from '../gateway/harness.ts';

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const as = (key: string, more: Record<string, string> = {}): Record<string, string> => ({ authorization: `Bearer ${key}`, ...more });
/** 5 tokens in and 2 out: a cent each request. */
const configuration = (url: string, more: string): string => `
providers:
  A: { api: openai, key: sk-prov-a-1234567890, base_url: "${url}", allow_private: true }
  B: { api: openai, key: sk-prov-b-1234567890, base_url: "${url}", allow_private: true }
routes: { m-fast: A/fast, m-slow: B/slow }
prices: { A/*: { input: 1000, output: 2500 }, B/*: { input: 1000, output: 2500 } }
telemetry: { metrics: open }
keys: [{ name: k1, hash: "sha256:${hashOf('key-one')}", tenant: t }]
${more}
`;

async function startHook() {
  const calls: { body: string; signature: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    calls.push({ body, signature: String(request.headers['x-hindcast-signature']) });
    // The first call fails, and comes again.
    response.writeHead(calls.length === 1 ? 503 : 204).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/hook`, calls, [Symbol.asyncDispose]: async () => void server.close() };
}

test('a budget that is nearly spent warns in a header, a metric and a signed webhook, once a period; an exceeded one tells as well', async () => {
  await using provider = await startUpstream(respondJson);
  await using hook = await startHook();
  const yaml = `tenants: { t: { budget: { usd: 0.05, per: month, warn_at: 0.4 } } }
webhooks: [{ url: "${hook.url}", secret: hook-secret-1 }]`;
  await using gateway = await startGateway(configuration(provider.url, yaml));
  const warnings: (string | null)[] = [];
  const send = async () => {
    const response = await post(gateway.url, { ...hi, max_tokens: 2 }, as('key-one'));
    await response.text();
    return response;
  };
  for (let i = 0; i < 4; i++) warnings.push((await send()).headers.get('x-hindcast-budget-warning'));
  expect(warnings.slice(0, 2)).toEqual([null, null]);
  expect(warnings[2]).toMatch(/^tenant t: \$0\.020 of \$0\.050 per month spent; resets \d{4}-\d\d-01T00:00Z$/);
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_budget_warning{scope="tenant t"} 1');
  for (let i = 0; i < 3; i++) await send();
  expect((await send()).status).toBe(429);
  await vi.waitFor(() => expect(hook.calls.length).toBeGreaterThanOrEqual(3), { timeout: 10_000 });
  const told = [...new Set(hook.calls.map(({ body }) => body))].map(body => JSON.parse(body) as Record<string, unknown>);
  expect(told.map(({ event }) => event).sort()).toEqual(['budget_exceeded', 'budget_warning']);
  expect(told.find(({ event }) => event === 'budget_warning')).toMatchObject({
    scope: 'tenant t',
    per: 'month',
    limit_usd: 0.05,
    spent_usd: 0.02,
  });
  for (const { body, signature } of hook.calls) {
    expect(signature).toBe(webhookSignature('hook-secret-1', Number(/^t=(\d+)/.exec(signature)![1]), body));
  }
}, 30_000);

test('budgets of their own count by tag, provider and model, each what is its part', async () => {
  await using provider = await startUpstream(respondJson);
  const ledger = sqliteLedger(':memory:');
  const yaml = `tenants: { t: {} }
budgets:
  - { name: research, match: { tag.team: [research, lab] }, usd: 0.025, per: total }
  - { name: b-slow, match: { provider: B, model: slo* }, usd: 0.015, per: hour }`;
  await using gateway = await startGateway(configuration(provider.url, yaml), { callerLedger: ledger });
  const send = async (model: string, team: string) => {
    const response = await post(gateway.url, { ...hi, model, max_tokens: 2 }, as('key-one', { 'x-hindcast-tag-team': team }));
    const text = await response.text();
    return response.status === 200 ? 200 : (JSON.parse(text) as { error: { message: string } }).error.message;
  };
  expect([await send('m-fast', 'research'), await send('m-fast', 'lab'), await send('m-fast', 'web')]).toEqual([200, 200, 200]);
  expect(await send('m-fast', 'lab')).toMatch(/^Budget research exceeded: \$0\.025 in total, \$0\.020 spent, .+ needed\.$/);
  expect(await send('m-slow', 'web')).toBe(200);
  expect(await send('m-slow', 'web')).toMatch(/^Budget b-slow exceeded: \$0\.015 per hour, \$0\.010 spent, .+ needed; resets .+Z\.$/);
  expect(await send('m-fast', 'web')).toBe(200);
  const spent = async (name: string, per: 'total' | 'hour') =>
    (await ledger.spending({ name, budget: { nanoUsd: 1, per } }, Date.now())).spent;
  expect([await spent('budget research', 'total'), await spent('budget b-slow', 'hour')]).toEqual([20_000_000, 10_000_000]);
});

test('with state.when_down: local a gateway counts budgets alone while the ledger is away, on what it last saw, and tells it later', async () => {
  await using provider = await startUpstream(respondJson);
  const shared = sqliteLedger(':memory:');
  const scope = { name: 'tenant t', budget: { nanoUsd: 35_000_000, per: 'total' as const } };
  let isAway = false;
  const settled: string[] = [];
  const ledger: BudgetLedger = {
    ...{ noteOnce: async () => true, countOpen: () => shared.countOpen(), close: () => shared.close() },
    spending: (of, at) => shared.spending(of, at),
    reserve: async (...input) => {
      if (isAway) throw new LedgerUnavailable('it is away');
      return shared.reserve(...input);
    },
    settle: async (reservation, used) => {
      settled.push(reservation.id);
      return shared.settle(reservation, used);
    },
    unreachableSince: () => (isAway ? Date.UTC(2026, 11, 1) : undefined),
    lastSeen: () => 10_000_000,
  };
  const yaml = 'state: { url: "redis://127.0.0.1:1", when_down: local }\ntenants: { t: { budget: { usd: 0.035, per: total } } }';
  await using gateway = await startGateway(configuration(provider.url, yaml), { callerLedger: ledger });
  const send = async () => {
    const response = await post(gateway.url, { ...hi, max_tokens: 2 }, as('key-one'));
    await response.text();
    return response.status;
  };
  expect(await send()).toBe(200);
  isAway = true;
  const ready = (await (await fetch(`${gateway.url}/ready`)).json()) as { status: string; warnings: string[] };
  expect(ready).toMatchObject({
    status: 'ready',
    warnings: [expect.stringMatching(/^the Redis of state.url has not answered since 2026-12-01/)],
  });
  expect([await send(), await send(), await send()], 'two more are affordable').toEqual([200, 200, 429]);
  await vi.waitFor(() => expect(settled).toHaveLength(3));
  expect((await shared.spending(scope, 0)).spent).toBe(10_000_000);
});

test('an estimate learns what a target counts more than was sent, by the size of the request', () => {
  const estimator = new CostEstimator();
  const request = (text: string) =>
    ({
      chat: {
        model: 'm',
        messages: [{ role: 'user', content: [{ type: 'text', text }] }],
        tools: [],
        stop: [],
        extra: {},
        stream: false,
        maxOutputTokens: 10,
      },
      body: Buffer.from(text),
      policy: { name: 'r', deadlineMs: 1, steps: [{ target: 'A/x', timeoutMs: 1, retries: 0, backoffMs: 0 }] },
      receivedAt: 0,
    }) as unknown as RoutedRequest;
  const price = () => ({ id: 'p', input: 1_000_000, output: 0 });
  const short = request('hi');
  const long = request('x'.repeat(40_000));
  expect(estimator.estimate(short, price)).toMatchObject({ nanoUsd: 501, isGuess: true, leastNanoUsd: 1 });
  const ended = (input: number) =>
    ({
      attempts: [
        {
          target: 'A/x',
          kind: 'primary',
          outcome: 'ok',
          usage: { input, output: 10, cached: 0, cacheWrite: 0, reasoning: 0, source: 'provider' },
        },
      ],
    }) as unknown as Exchange;
  estimator.learn(short, ended(100));
  expect(estimator.estimate(short, price)).toMatchObject({ nanoUsd: 110, isGuess: false });
  expect(estimator.estimate(long, price), 'a long request is another matter').toMatchObject({ nanoUsd: 10_500, isGuess: true });
  estimator.learn(long, ended(10_000));
  expect(estimator.estimate(long, price).nanoUsd).toBe(11_000);
});
