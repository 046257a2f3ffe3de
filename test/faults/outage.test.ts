/** Outages of all providers, and recovery. */
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../gateway/core/shared/time.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { ExecutionHarness, hello, helloStream } from '../gateway/exchange/harness.ts';
import { completion, streamOf } from './chat.ts';
import { answer, ok, stream } from './scripts.ts';
import { FaultyUpstream, refusedUrl } from './upstream.ts';

const bodies = { JSON: hello, stream: helloStream } as const;

describe.each(['JSON', 'stream'] as const)('%s', form => {
  test('every provider down: the caller gets the error at once, and its SDK does not retry', async () => {
    await using harness = new ExecutionHarness({ upstreams: { A: { url: await refusedUrl() }, B: { url: await refusedUrl() } } });
    const { head, text, exchange } = await harness.execute({ body: bodies[form], chain: ['A', 'B'] });
    expect(head).toMatchObject({ status: 502, contentType: 'application/json; charset=utf-8', headers: { 'x-should-retry': 'false' } });
    expect(JSON.parse(text).error).toMatchObject({ type: 'upstream_error', code: 'upstream_unreachable', param: null });
    expect(exchange).toMatchObject({ outcome: 'upstream_error', attempts: [{ outcome: 'unreachable' }, { outcome: 'unreachable' }] });
  });

  test('every provider overloaded: 503, with a wait from 1 to 30 seconds', async () => {
    await using a = await FaultyUpstream.start(answer(529, { error: { message: 'busy' } }, { 'retry-after': '86400' }));
    await using b = await FaultyUpstream.start(answer(503, 'busy'));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { head, text } = await harness.execute({ body: bodies[form], chain: ['A', 'B'] });
    expect(head).toMatchObject({
      status: 503,
      headers: { 'x-should-retry': 'false', 'retry-after': expect.stringMatching(/^([1-9]|[12]\d|30)$/) },
    });
    expect(JSON.parse(text).error.code).toBe('upstream_overloaded');
  });

  test('recovery after an outage: one request probes, the others use another target meanwhile, then all return', async () => {
    let ahead = 0;
    const clock: Clock = { now: () => wallClock.now() + ahead, at: (instant, fire) => wallClock.at(instant - ahead, fire) };
    const good = form === 'JSON' ? ok(completion('hello')) : stream(streamOf(['hel', 'lo']));
    const concurrency = 20;
    await using a = await FaultyUpstream.start(
      ...Array.from({ length: 5 }, () => answer(500, 'down')),
      [{ waitMs: 150 }, ...good],
      ...Array.from({ length: concurrency }, () => good),
    );
    await using b = await FaultyUpstream.start(...Array.from({ length: 5 + 2 * concurrency }, () => good));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } }, clock });
    const sendRequest = () => harness.execute({ body: bodies[form], chain: [{ target: 'A', timeoutMs: 5_000 }, 'B'] });
    for (let i = 0; i < 5; i++) await sendRequest();
    expect(a.calls).toHaveLength(5);
    await sendRequest();
    expect(a.calls, 'its circuit is open').toHaveLength(5);
    ahead = 11_000;
    const responses = await Promise.all(Array.from({ length: concurrency }, sendRequest));
    expect(a.calls, 'one probe').toHaveLength(6);
    expect(responses.filter(({ exchange }) => exchange.outcome === 'ok')).toHaveLength(concurrency);
    await sendRequest();
    expect(a.calls).toHaveLength(7);
  });
});
