/** A caller who disconnects cancels every call that was made for it, whatever state it is in; what was used is recorded and charged. */
import { expect, test } from 'vitest';
import { chunks, completion } from '../../faults/chat.ts';
import { blackhole, ok, stream } from '../../faults/scripts.ts';
import { FaultyUpstream } from '../../faults/upstream.ts';
import { ExecutionHarness, hello, helloStream } from './harness.ts';

const of = chunks();
const sure = [{ token: 'hel', logprob: -0.01 }];
/** The goal is 100 ms; the rest is for a machine that is busy with other tests. */
const soonMs = 1_000;

const stalled = stream([of.role, of.text('hel', sure)], { ending: 'stall' });

test.each(['JSON', 'stream'] as const)('%s: while the provider is silent', async form => {
  await using a = await FaultyUpstream.start(blackhole);
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
  const execution = harness.start({ body: form === 'JSON' ? hello : helloStream });
  const call = await a.waitForCall(1);
  const leftAt = performance.now();
  execution.cancel();
  expect(await call.closed).toBe('caller');
  expect(performance.now() - leftAt).toBeLessThan(soonMs);
  const exchange = await execution.done;
  expect(exchange).toMatchObject({ outcome: 'cancelled', status: 0, attempts: [{ outcome: 'aborted', usage: { source: 'estimated' } }] });
  expect(exchange.costNanoUsd).toBeGreaterThan(0);
  expect(harness.observed.map(seen => seen.type)).toEqual(['sent', 'aborted', 'charged']);
});

test('while the answer is held back until it is judged: nothing of it was read, and all of it is paid', async () => {
  await using a = await FaultyUpstream.start(stalled);
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
  const execution = harness.start({ body: helloStream, chain: [{ target: 'A', accept: { signal: 'mean_logprob', atLeast: 0.5 } }] });
  const call = await a.waitForCall(1);
  await call.performed;
  execution.cancel();
  expect(await call.closed).toBe('caller');
  const exchange = await execution.done;
  expect(exchange).toMatchObject({ outcome: 'cancelled', status: 0, attempts: [{ outcome: 'aborted', usage: { source: 'estimated' } }] });
  expect(exchange.response).toHaveLength(0);
  expect(execution.reader.text).toBe('');
});

test.each(['JSON', 'stream'] as const)('%s: during a race of two: both are hung up on, and both are charged', async form => {
  await using a = await FaultyUpstream.start(blackhole);
  await using b = await FaultyUpstream.start(blackhole);
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
  const execution = harness.start({ body: form === 'JSON' ? hello : helloStream, chain: [{ target: 'A', hedgeAfterMs: 20 }, 'B'] });
  const calls = await Promise.all([a.waitForCall(1), b.waitForCall(1)]);
  execution.cancel();
  expect(await Promise.all(calls.map(({ closed }) => closed))).toEqual(['caller', 'caller']);
  const { attempts, outcome } = await execution.done;
  expect(outcome).toBe('cancelled');
  expect(attempts.map(({ kind, outcome, usage }) => [kind, outcome, usage?.source])).toEqual([
    ['primary', 'aborted', 'estimated'],
    ['hedge', 'aborted', 'estimated'],
  ]);
  expect(harness.observed.filter(({ type }) => type === 'charged')).toHaveLength(2);
});

test('while queued under a rate limit: no target is called, nothing is billed, and its place is freed', async () => {
  await using a = await FaultyUpstream.start(ok(completion('hello')));
  await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, limits: { requestsPerMinute: 6 } } } });
  const form = { deadlineMs: 60_000 };
  await harness.execute(form);
  const execution = harness.start(form);
  await new Promise(resolve => setImmediate(resolve));
  execution.cancel();
  const exchange = await execution.done;
  expect(exchange).toMatchObject({ outcome: 'cancelled', status: 0, attempts: [] });
  expect(exchange.costNanoUsd).toBeUndefined();
  expect(a.calls).toHaveLength(1);
});
