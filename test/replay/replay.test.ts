/** A run sends each request to each arm once, within its cost cap, and records exchanges that name their original. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { httpUpstream } from '../../gateway/transport/upstream.ts';
import { armOf } from '../../replay/arms/arm.ts';
import { dialectOf } from '../../replay/recorded/dialects.ts';
import type { RecordedRequest } from '../../replay/recorded/requests.ts';
import { replayedText } from '../../replay/report/run-result.ts';
import { unpaced } from '../../replay/run/pacing.ts';
import { rateLimits } from '../../replay/run/rate-limits.ts';
import { type ReplayPlan, replay } from '../../replay/run/replay.ts';
import { SpendCap } from '../../replay/run/spend-cap.ts';
import { MemorySink, settingsOf } from '../gateway/harness.ts';

const fast = 'ttft=1:tps=100000';
const settings = settingsOf(`
providers:
  sim: { api: simulated }
routes:
  smart: { steps: [{ target: "sim/small:${fast}", accept: { confidence: 0.74 } }, { target: "sim/large:${fast}" }] }
`);

function recorded(i: number, body: object = {}): RecordedRequest {
  return {
    id: `01900000-0000-7000-8000-${String(i).padStart(12, '0')}`,
    receivedAt: i * 10,
    tenant: 'acme',
    project: 'web',
    user: 'u1',
    conversation: `c${i}`,
    tags: { feature: 'search' },
    dialect: openaiChat.name,
    stream: false,
    route: 'smart',
    body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: `Question ${i}?` }], ...body }),
    headers: {},
    answer: {
      outcome: 'ok',
      target: 'sim/small',
      text: '',
      toolCalls: [],
      finish: 'stop',
      inputTokens: 10,
      outputTokens: 20,
      latencyMs: 5,
    },
  };
}

function planOf(against: readonly string[], change: Partial<ReplayPlan> = {}) {
  const sink = new MemorySink();
  const upstream = httpUpstream();
  const arms = against.map(name => armOf(name, settings, { clock: wallClock, upstream, sink }, {}));
  const plan: ReplayPlan = {
    run: 'run-1',
    requests: [recorded(1), recorded(2), recorded(3)],
    arms,
    repeats: 1,
    pace: unpaced,
    concurrency: 4,
    spendCap: new SpendCap(Number.POSITIVE_INFINITY),
    clock: wallClock,
    dialectOf,
    stop: new AbortController().signal,
    onExchange: () => {},
    ...change,
  };
  return { plan, sink };
}

const keyOf = ({ replayOf, arm, repeat }: { replayOf?: string; arm?: string; repeat?: number }): string =>
  `${replayOf?.at(-1)} ${arm} ${repeat}`;

test('every request is sent to every arm as often as --repeat says, and each record names its original', async () => {
  const { plan, sink } = planOf([`sim/large:${fast}`, 'smart'], { repeats: 2 });
  const done = await replay(plan);
  expect(done).toMatchObject({ asked: 12, answered: 12, left: 0, skipped: [] });
  const expected = [1, 2, 3].flatMap(i => [`sim/large:${fast}`, 'smart'].flatMap(arm => [0, 1].map(repeat => `${i} ${arm} ${repeat}`)));
  expect(sink.exchanges.map(keyOf).toSorted()).toEqual(expected.toSorted());
  for (const { run, caller, outcome } of sink.exchanges) {
    expect([run, outcome]).toEqual(['run-1', 'ok']);
    expect(caller).toMatchObject({ tenant: 'acme', project: 'web', user: 'u1', tags: { feature: 'search' } });
  }
  expect(done.spent).toBe(sink.exchanges.reduce((sum, exchange) => sum + exchange.costNanoUsd!, 0));
});

test('confidence is measured in every response, though no step accepts', async () => {
  const { plan, sink } = planOf([`sim/large:${fast}`]);
  await replay(plan);
  for (const { attempts } of sink.exchanges) expect(attempts[0]!.signals.mean_logprob).toBeGreaterThan(0);
});

test('no call is made that could exceed the cap, and remaining calls are counted', async () => {
  const { plan, sink } = planOf([`sim/large:${fast}`], {
    requests: [1, 2, 3, 4].map(i => recorded(i, { max_tokens: 100 })),
    concurrency: 1,
    spendCap: new SpendCap(2_000_000),
  });
  const done = await replay(plan);
  expect(done.stoppedBy).toBe('cap');
  expect(done.spent).toBeLessThanOrEqual(2_000_000);
  expect(done.asked).toBe(sink.exchanges.length);
  expect(done.asked + done.left).toBe(4);
  expect(done.asked).toBeGreaterThan(0);
  expect(done.left).toBeGreaterThan(0);
  expect(done.nextWorst).toBeGreaterThan(2_000_000 - done.spent);
  expect(replayedText('run-1', done)).toContain(`with ${done.left} calls left; the next call may cost up to $0.00`);
});

test('with 64 calls in flight the cap is never exceeded, not even by what they might still cost', async () => {
  const cap = 9_000_000;
  const spendCap = new SpendCap(cap);
  let most = 0;
  const { plan, sink } = planOf([`sim/large:${fast}`], {
    requests: Array.from({ length: 120 }, (_, i) => recorded(i, { max_tokens: 30 })),
    concurrency: 64,
    spendCap: spendCap,
    onExchange: () => {
      most = Math.max(most, spendCap.spent + spendCap.reserved);
    },
  });
  const done = await replay(plan);
  expect(done.stoppedBy).toBe('cap');
  expect(most).toBeGreaterThan(cap / 2);
  expect(most).toBeLessThanOrEqual(cap);
  expect(done.spent).toBe(sink.exchanges.reduce((sum, exchange) => sum + exchange.costNanoUsd!, 0));
  // Unused reservations are released: the cap is used up to the last call that fits.
  expect(done.spent + done.nextWorst!).toBeGreaterThan(cap);
});

test('failed calls are counted by outcome, and without pacing none is late', async () => {
  const { plan } = planOf(['sim/small:status=400'], { concurrency: 1 });
  const done = await replay({ ...plan, requests: [recorded(1), recorded(2), recorded(3)] });
  expect(done).toMatchObject({ asked: 3, answered: 0, failed: { client_error: 3 }, lagMsMax: 0 });
  expect(replayedText('run-1', done)).toContain('Failed: 3 client_error.');
});

test('a run with too many failures stops, and its remaining calls can be resumed', async () => {
  const many = Array.from({ length: 60 }, (_, i) => recorded(i));
  const bad = planOf(['sim/small:status=400'], { concurrency: 1, errorRateMax: 0.05, requests: many });
  const done = await replay(bad.plan);
  // With fewer than twenty calls the rate is not checked.
  expect(done).toMatchObject({ stoppedBy: 'errors', asked: 20, left: 40 });
  expect(replayedText('run-1', done)).toContain('Stopped by --max-error-rate with 40 calls left. To resume: hindcast replay resume run-1');
  const good = planOf([`sim/small:${fast}`], { errorRateMax: 0, requests: many });
  expect(await replay(good.plan)).toMatchObject({ asked: 60, left: 0 });
});

test('rate limits delay calls and drop none, however many are in flight', async () => {
  const requests = Array.from({ length: 12 }, (_, i) => recorded(i));
  const limited = (rpm: Record<string, number>, tpm: Record<string, number>) =>
    planOf([`sim/small:${fast}`], {
      requests,
      concurrency: 12,
      limits: rateLimits(new Map(Object.entries(rpm)), new Map(Object.entries(tpm))),
    });
  const { plan, sink } = limited({ sim: 1_200 }, {});
  const done = await replay(plan);
  expect(done).toMatchObject({ asked: 12, answered: 12, left: 0, skipped: [] });
  const begun = sink.exchanges.map(({ receivedAt, attempts }) => attempts[0]!.startedAt ?? receivedAt).toSorted((a, b) => a - b);
  // Twenty per second: the last of twelve begins 550 ms after the first.
  expect(begun.at(-1)! - begun[0]!).toBeGreaterThanOrEqual(540);
  expect(done.limitedMs).toBeGreaterThan(0);
  const tokens = await replay(limited({}, { sim: 6_000_000 }).plan);
  expect(tokens).toMatchObject({ answered: 12 });
  expect((await replay(limited({ other: 1 }, {}).plan)).limitedMs, 'of another provider').toBe(0);
});

test('redacted or cut requests are skipped and counted, never sent', async () => {
  const { plan, sink } = planOf([`sim/small:${fast}`], { requests: [recorded(1), { ...recorded(2), redacted: true }] });
  const done = await replay(plan);
  expect(done).toMatchObject({
    asked: 1,
    skipped: [{ request: recorded(2).id, reason: 'its bytes were redacted or cut when they were recorded' }],
  });
  expect(sink.exchanges).toHaveLength(1);
  expect(replayedText('run-1', done)).toContain('Skipped, 1: ');
});

test('a stopped run cancels the calls in flight, records them, and starts no others', async () => {
  const stop = new AbortController();
  const { plan, sink } = planOf(['sim/small:stall=1'], { concurrency: 2, stop: stop.signal });
  const running = replay(plan);
  await new Promise(resolve => setImmediate(resolve));
  stop.abort();
  const done = await running;
  expect(done).toMatchObject({ stoppedBy: 'interrupt', answered: 0 });
  expect(done.asked + done.left).toBe(3);
  expect(sink.exchanges.map(exchange => exchange.outcome)).toEqual(Array(done.asked).fill('cancelled'));
});

test('a request that an arm cannot route is skipped with the reason', async () => {
  const { plan } = planOf([`sim/small:${fast}`], {
    requests: [recorded(1), { ...recorded(2), body: '{"model":' }, { ...recorded(3), dialect: 'morse' }],
  });
  const done = await replay(plan);
  expect(done.asked).toBe(1);
  expect(done.skipped.map(({ reason }) => reason)).toEqual([expect.stringContaining('JSON'), expect.stringContaining('morse')]);
});

test('a URL gets the caller’s model and the caller’s bytes', async () => {
  const bodies: { model: string; messages: unknown }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', chunk => {
      text += chunk;
    });
    request.on('end', () => {
      bodies.push(JSON.parse(text));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        '{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
      );
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const { plan, sink } = planOf([url], { requests: [recorded(1)] });
  expect(await replay(plan)).toMatchObject({ asked: 1, answered: 1 });
  expect(bodies[0]).toMatchObject({ model: 'smart', messages: [{ role: 'user', content: 'Question 1?' }] });
  expect(sink.exchanges[0]).toMatchObject({ arm: url, outcome: 'ok' });
  server.close();
});
