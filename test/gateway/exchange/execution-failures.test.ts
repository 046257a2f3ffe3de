/** Answers in one piece, and what goes wrong with them: the rows up-01 to up-10 of the table of hostile inputs, and more. */
import { describe, expect, test } from 'vitest';
import { cooldownsAt } from '../../../gateway/core/targets/health.ts';
import { completion, streamOf } from '../../faults/chat.ts';
import { answer, blackhole, inSmallPieces, ok, raw, repeated, reset, stream, truncatedAt } from '../../faults/scripts.ts';
import { FaultyUpstream, type ResponseScript, refusedUrl } from '../../faults/upstream.ts';
import { ExecutionHarness, type ExecutionHarnessOptions, type ExecutionRequest, type ExecutionResult } from './harness.ts';

const good = ok(completion('hello'));
const two = ['A', 'B'];

interface Setting extends ExecutionRequest, Omit<ExecutionHarnessOptions, 'upstreams'> {
  readonly a?: readonly ResponseScript[];
  readonly b?: readonly ResponseScript[];
  readonly keys?: readonly string[];
}

/** Sends a request to a chain of two scripted upstreams, and gives the result. */
async function execute({ a = [], b = [], keys = ['sk-key-of-A'], ...form }: Setting) {
  await using upstreamA = await FaultyUpstream.start(...a);
  await using upstreamB = await FaultyUpstream.start(...b);
  await using harness = new ExecutionHarness({ upstreams: { A: { url: upstreamA.url, keys }, B: { url: upstreamB.url } }, ...form });
  const answered = await harness.execute({ chain: two, ...form });
  return { ...answered, calls: [upstreamA.calls.length, upstreamB.calls.length], a: upstreamA.calls, b: upstreamB.calls, harness };
}

const outcomes = ({ exchange }: ExecutionResult): readonly string[] => exchange.attempts.map(a => a.outcome);
const contentOf = ({ text }: ExecutionResult): string => JSON.parse(text).choices[0].message.content;
const errorOf = ({ text }: ExecutionResult) => JSON.parse(text).error;
const waitsOf = (calls: readonly { readonly at: number }[]): number => calls[1]!.at - calls[0]!.at;

describe('an answer in one piece', () => {
  test('passes to a caller of the same wire format byte for byte', async () => {
    const body =
      '{ "id":"x1","object":"chat.completion","created":1,"model":"m","big":9007199254740993, "choices":[{"index":0,"message":{"role":"assistant","content":"h\\u00e9"},"finish_reason":"stop"}] }';
    const reported = await execute({ a: [ok(body)] });
    expect(reported.text).toBe(body);
    expect(reported.head).toMatchObject({ status: 200, contentType: 'application/json; charset=utf-8' });
    expect(reported.head!.headers).toMatchObject({
      'x-hindcast-target': 'A/m',
      'x-hindcast-attempts': '1',
      'x-hindcast-route': 'test',
      'x-hindcast-config': '0123456789abcdef',
      'x-request-id': reported.exchange.id,
      'x-hindcast-id': reported.exchange.id,
    });
    expect(reported.head!.headers).not.toHaveProperty('retry-after');
    expect(reported.exchange).toMatchObject({ outcome: 'ok', status: 200, stream: false, finish: { reason: 'stop' } });
    expect(Buffer.from(reported.exchange.response).toString()).toBe(body);
    expect(Buffer.from(reported.exchange.attempts[0]!.response).toString()).toBe(body);
  });

  test('reports its cost in a header and in the record', async () => {
    const reported = await execute({ a: [good] });
    expect(reported.exchange.usage).toMatchObject({ input: 7, output: 3, source: 'provider' });
    expect(reported.exchange.costNanoUsd).toBe(7_000 + 6_000);
    expect(reported.head!.headers['x-hindcast-cost-usd']).toBe('0.000013000');
  });

  test('is estimated when the provider counted nothing', async () => {
    const reported = await execute({ a: [ok(completion('hello', { usage: undefined }))] });
    expect(reported.exchange.usage).toMatchObject({ source: 'estimated' });
    expect(reported.exchange.flags).toEqual(['usage_estimated']);
  });

  test('is sent with the provider’s key, decompressed, and with a hop count against loops', async () => {
    const { a } = await execute({ a: [good], routedRequest: { hops: 2 } });
    expect(a[0]).toMatchObject({ method: 'POST', path: '/chat/completions' });
    expect(a[0]!.headers).toMatchObject({
      authorization: 'Bearer sk-key-of-A',
      'content-type': 'application/json',
      accept: 'application/json',
      'accept-encoding': 'identity',
      'x-hindcast-hop': '3',
    });
    expect(a[0]!.headers.traceparent).toMatch(/^00-a{32}-[0-9a-f]{16}-01$/);
  });

  test('arrives complete however its bytes are split', async () => {
    const reported = await execute({ a: [inSmallPieces(good, 'seed', { sizeMax: 7 })] });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.exchange.attempts[0]!.chunks.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(
      reported.exchange.attempts[0]!.response.length,
    );
  });

  test('may arrive as a stream though none was requested', async () => {
    const told_ = await execute({ a: [stream(streamOf(['hel', 'lo']))] });
    expect(contentOf(told_)).toBe('hello');
    expect(told_.head!.contentType).toBe('application/json; charset=utf-8');
  });

  test('that was streamed unasked and then broke is replaced, for the caller has read nothing', async () => {
    const told_ = await execute({ a: [stream(streamOf(['hel', 'lo']).slice(0, 2), { ending: 'rst' })], b: [good] });
    expect(contentOf(told_)).toBe('hello');
    expect(outcomes(told_)).toEqual(['truncated', 'ok']);
  });
});

describe('a failed attempt is replaced unseen', () => {
  test('up-01: when the connection is refused', async () => {
    await using b = await FaultyUpstream.start(good);
    await using harness = new ExecutionHarness({ upstreams: { A: { url: await refusedUrl() }, B: { url: b.url } } });
    const reported = await harness.execute({ chain: two });
    expect(contentOf(reported)).toBe('hello');
    expect(outcomes(reported)).toEqual(['unreachable', 'ok']);
    expect(reported.exchange.attempts.map(a => a.kind)).toEqual(['primary', 'fallback']);
    expect(reported.head!.headers).toMatchObject({ 'x-hindcast-target': 'B/m', 'x-hindcast-attempts': '2' });
  });

  test('up-02: when a 200 is an error', async () => {
    const reported = await execute({
      a: [ok({ error: { message: 'Provider returned error', code: 429 } }, { 'retry-after': '7' })],
      b: [good],
    });
    expect(contentOf(reported)).toBe('hello');
    expect(outcomes(reported)).toEqual(['rate-limited', 'ok']);
    expect(reported.exchange.attempts[0]!.failure).toMatchObject({ retryAfterMs: 7000 });
  });

  test.each<[string, ResponseScript, string]>([
    ['the connection is reset', reset, 'unreachable'],
    ['there are no headers in time', blackhole, 'timeout'],
    ['the status says 500', answer(500, { error: { message: 'oops' } }), 'server-error'],
    ['the status says 503 in HTML', answer(503, '<html>busy</html>', { 'content-type': 'text/html' }), 'overloaded'],
    ['the status says 408', answer(408, ''), 'timeout'],
    ['the status says 529', answer(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }), 'overloaded'],
    ['it is redirected', answer(302, '', { location: 'http://169.254.169.254/' }), 'invalid-response'],
    ['the body is HTML', ok('<html>hello</html>', { 'content-type': 'text/html' }), 'invalid-response'],
    ['the body is empty', ok(''), 'invalid-response'],
    ['the body is JSON of something else', ok({ hello: 'harness' }), 'invalid-response'],
    ['the body says that it is packed, and is not', ok('no gzip', { 'content-encoding': 'gzip' }), 'invalid-response'],
    ['the bytes are no HTTP', raw('SSH-2.0-OpenSSH_9.2\r\n'), 'invalid-response'],
    ['the framing is broken', raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello'), 'invalid-response'],
    ['the status line is cut', raw('HTTP/1.1 20'), 'unreachable'],
    ['a failing status is cut off in its body', truncatedAt(answer(429, { error: { message: 'slow down' } }), 90, 'fin'), 'rate-limited'],
    ['a failing status never ends', truncatedAt(answer(503, 'x'.repeat(100_000)), 90_000, 'stall'), 'overloaded'],
  ])('when %s', async (_, act, outcome) => {
    const reported = await execute({ a: [act], b: [good], chain: [{ target: 'A', timeoutMs: outcome === 'timeout' ? 250 : 5_000 }, 'B'] });
    expect(contentOf(reported)).toBe('hello');
    expect(outcomes(reported)).toEqual([outcome, 'ok']);
    expect(reported.calls).toEqual([1, 1]);
  });

  test('when it is silent too often, after which it is left alone for a while', async () => {
    await using a = await FaultyUpstream.start(...Array.from({ length: 6 }, () => blackhole));
    await using b = await FaultyUpstream.start(...Array.from({ length: 6 }, () => good));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    for (let i = 0; i < 6; i++) expect(contentOf(await harness.execute({ chain: [{ target: 'A', timeoutMs: 40 }, 'B'] }))).toBe('hello');
    expect(a.calls).toHaveLength(5);
    expect(b.calls).toHaveLength(6);
  });

  test('up-05: when Retry-After is thirty years: it cools down for five minutes', async () => {
    const reported = await execute({
      a: [answer(429, {}, { 'retry-after': '1000000000' })],
      b: [good],
      chain: [{ target: 'A', retries: 2 }, 'B'],
    });
    expect(contentOf(reported)).toBe('hello');
    const until = [...reported.harness.state.limits.values()][0]!.blockedUntil - reported.exchange.endedAt;
    expect(until).toBeGreaterThan(299_000);
    expect(until).toBeLessThanOrEqual(300_000);
  });

  test('up-06: when Retry-After is an unreadable date', async () => {
    const reported = await execute({ a: [answer(429, {}, { 'retry-after': '2026-11-23T00:00:00Z' })], b: [good] });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.exchange.endedAt - reported.exchange.receivedAt).toBeLessThan(1500);
  });

  test('up-10: when JSON is shorter than its length', async () => {
    const short = raw('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id":"x"');
    const reported = await execute({ a: [short], b: [good] });
    expect(outcomes(reported)).toEqual(['truncated', 'ok']);
    const [cut] = reported.exchange.attempts;
    expect(cut, 'it may have been paid for').toMatchObject({ usage: { source: 'estimated' } });
    expect(cut!.cost!.total).toBeGreaterThan(0);
    expect(reported.exchange.costNanoUsd).toBe(reported.exchange.attempts.reduce((sum, { cost }) => sum + cost!.total, 0));
  });

  test('when the provider forbids a retry', async () => {
    const reported = await execute({ a: [answer(500, {}, { 'x-should-retry': 'false' })], chain: [{ target: 'A', retries: 3 }] });
    expect(reported.calls).toEqual([1, 0]);
    expect(reported.head!.status).toBe(502);
  });

  test('when the provider allows a retry of what it refused', async () => {
    const reported = await execute({ a: [answer(409, {}, { 'x-should-retry': 'true' }), good], chain: [{ target: 'A', retries: 1 }] });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.exchange.attempts.map(a => a.kind)).toEqual(['primary', 'retry']);
  });
});

describe('a retry', () => {
  test('up-04: waits at least a tenth of a second, whatever the provider sends', async () => {
    const limited = answer(
      429,
      { error: { message: 'rl', type: 'requests', param: null, code: 'rate_limit_exceeded' } },
      { 'retry-after': '0' },
    );
    const reported = await execute({ a: [limited, good], chain: [{ target: 'A', retries: 1, backoffMs: 1 }] });
    expect(contentOf(reported)).toBe('hello');
    expect(waitsOf(reported.a)).toBeGreaterThanOrEqual(100);
    expect(outcomes(reported)).toEqual(['rate-limited', 'ok']);
  });

  test('waits as long as the provider wishes, and the wait is not counted as ours', async () => {
    const reported = await execute({ a: [answer(429, {}, { 'retry-after-ms': '400' }), good], chain: [{ target: 'A', retries: 1 }] });
    expect(waitsOf(reported.a)).toBeGreaterThanOrEqual(400);
    expect(reported.exchange.overheadMs).toBeLessThan(200);
    expect(reported.exchange.overheadMs).toBeGreaterThanOrEqual(0);
  });
});

describe('a failure is reported', () => {
  test('up-03: as overload, with Retry-After in whole seconds and a no-retry hint', async () => {
    const overloaded = answer(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
    const reported = await execute({
      a: [overloaded, overloaded],
      b: [overloaded, overloaded],
      chain: [
        { target: 'A', retries: 1 },
        { target: 'B', retries: 1 },
      ],
    });
    expect(reported.head).toMatchObject({
      status: 503,
      headers: { 'x-should-retry': 'false', 'retry-after': expect.stringMatching(/^([1-9]|[12]\d|30)$/) },
    });
    expect(errorOf(reported)).toMatchObject({ type: 'upstream_error', code: 'upstream_overloaded', param: null });
    expect(reported.calls[0]! + reported.calls[1]!).toBeLessThanOrEqual(4);
    expect(reported.exchange).toMatchObject({
      outcome: 'upstream_error',
      status: 503,
      decision: { type: 'failed', failure: { kind: 'overloaded' } },
    });
    expect(Buffer.from(reported.exchange.response).toString()).toBe(reported.text);
  });

  test('as the caller’s error, in the provider’s words without its secrets, and no other target is called', async () => {
    const refused = answer(400, {
      error: {
        message: 'temperature must be at most 2, see https://api.example.com/docs (key sk-live-0123456789abcdef)',
        type: 'invalid_request_error',
        param: 'temperature',
        code: null,
      },
    });
    const reported = await execute({ a: [refused], b: [good] });
    expect(reported.calls).toEqual([1, 0]);
    expect(reported.head!.status).toBe(400);
    expect(errorOf(reported)).toMatchObject({ type: 'invalid_request_error', param: 'temperature' });
    expect(errorOf(reported).message).toContain('temperature must be at most 2');
    expect(reported.text).not.toMatch(/example\.com|sk-live/);
    expect(reported.exchange.outcome).toBe('client_error');
  });

  test.each<[string, ResponseScript, number, string, string]>([
    ['a rate limit', answer(429, {}), 429, 'rate_limit_exceeded', 'rate_limited'],
    ['a failing server', answer(500, 'stack trace at /srv/app.py'), 502, 'upstream_error', 'upstream_error'],
    [
      'an unknown model',
      answer(404, { error: { message: 'no such model', code: 'model_not_found' } }),
      404,
      'model_not_found',
      'client_error',
    ],
    ['silence', blackhole, 504, 'upstream_timeout', 'timeout'],
    ['a cut body', truncatedAt(good, 150, 'fin'), 502, 'upstream_truncated', 'truncated'],
    ['nonsense', ok('{'), 502, 'upstream_invalid_response', 'upstream_error'],
    ['a refused key', answer(403, { error: { message: 'no', code: 'permission_denied' } }), 502, 'upstream_permission', 'upstream_error'],
  ])('when there is nobody else: %s', async (_, act, status, code, outcome) => {
    const reported = await execute({ a: [act], chain: [{ target: 'A', timeoutMs: outcome === 'timeout' ? 250 : 5_000 }] });
    expect(reported.head!.status).toBe(status);
    expect(errorOf(reported)).toMatchObject({ code });
    expect(errorOf(reported).message.length).toBeLessThanOrEqual(500);
    expect(reported.text).not.toContain('/srv/');
    expect(reported.exchange).toMatchObject({ outcome, status });
  });

  test('at the deadline, even while an attempt is running', async () => {
    const reported = await execute({ a: [blackhole], deadlineMs: 200, chain: ['A'] });
    expect(reported.head!.status).toBe(504);
    expect(reported.exchange).toMatchObject({ outcome: 'timeout', attempts: [{ outcome: 'aborted' }] });
    expect(await reported.a[0]!.closed).toBe('caller');
  });
});

describe('up-09: a refused key', () => {
  const secret = 'sk-prov-SECRET';
  const refused = answer(401, {
    error: { message: `Incorrect API key provided: ${secret}`, type: 'invalid_request_error', param: null, code: 'invalid_api_key' },
  });

  test('is not the caller’s error, cools down, and reaches no caller', async () => {
    const reported = await execute({ a: [refused], b: [good], keys: [secret], chain: [{ target: 'A', retries: 3 }, 'B'] });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.calls).toEqual([1, 1]);
    expect(outcomes(reported)).toEqual(['authentication', 'ok']);
    expect([...reported.harness.state.keyCooldowns.keys()]).toHaveLength(1);
    const everything = JSON.stringify([reported.exchange, reported.harness.observed, reported.text], (_, value) =>
      value instanceof Uint8Array || value?.type === 'Buffer' ? Buffer.from(value.data ?? value).toString() : value,
    );
    expect(everything).toContain('Incorrect API key provided');
    expect(everything).not.toContain(secret);
  });

  test('gives its place to another key of the account', async () => {
    await using upstream = await FaultyUpstream.start(
      ...Array.from({ length: 8 }, () => refused),
      ...Array.from({ length: 8 }, () => good),
    );
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url, keys: [secret, 'sk-other-KEY'] } } });
    await harness.execute({ chain: ['A'] });
    await harness.execute({ chain: ['A'] });
    await harness.execute({ chain: ['A'] });
    const used = upstream.calls.map(call => call.headers.authorization);
    expect(new Set(used.slice(0, 2)).size).toBe(2);
  });
});

describe('a healthy answer', () => {
  test('up-07: is not made ill by a retry-after, which does not reach the caller', async () => {
    const reported = await execute({ a: [ok(completion('hello'), { 'retry-after': '59' })] });
    expect(reported.calls).toEqual([1, 0]);
    expect(cooldownsAt(reported.harness.fleet, reported.exchange.endedAt)).toEqual({});
    expect(reported.head!.headers).not.toHaveProperty('retry-after');
  });

  test('up-08: may be the last of its budget', async () => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-limit-requests': '200',
      'x-ratelimit-reset-requests': '20m52.666s',
    };
    const reported = await execute({ a: [ok(completion('hello'), headers)] });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.calls).toEqual([1, 0]);
  });

  test('is not confused with a second choice that was not requested', async () => {
    await using upstream = await FaultyUpstream.start(repeated(ok(completion('first'))), ok(completion('second')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } } });
    expect(contentOf(await harness.execute())).toBe('first');
    const second = await harness.execute({ chain: [{ target: 'A', retries: 1 }] });
    expect(contentOf(second)).toBe('second');
    expect(upstream.connections).toBe(2);
  });
});

test('a key in an answer is masked in the record without moving a chunk border', async () => {
  const reported = await execute({ a: [answer(500, 'bad key sk-key-of-A!')] });
  const { response, chunks } = reported.exchange.attempts[0]!;
  expect(Buffer.from(response).toString()).toBe('bad key ***********!');
  expect(chunks.reduce((sum, [, bytes]) => sum + bytes, 0)).toBe(response.length);
});

describe('what headers say of limits', () => {
  test('up-08: is kept of a good answer, and delays nothing by itself', async () => {
    const reported = await execute({
      a: [
        ok(completion('hello'), {
          'x-ratelimit-limit-requests': '200',
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-reset-requests': '20m52.666s',
        }),
      ],
    });
    expect(reported.calls).toEqual([1, 0]);
    const seen = reported.harness.observed.find(one => one.type === 'answered');
    expect(seen).toMatchObject({ target: 'A/m', limits: { requests: { limit: 200, remaining: 0, resetMs: 1_252_666 } } });
  });

  test('gives the wait of a 429 that named none', async () => {
    const reported = await execute({
      a: [
        answer(429, '{}', {
          'x-ratelimit-limit-tokens': '1000',
          'x-ratelimit-remaining-tokens': '0',
          'x-ratelimit-reset-tokens': '1m2s',
        }),
      ],
      b: [good],
    });
    expect(contentOf(reported)).toBe('hello');
    expect(reported.exchange.attempts[0]!.failure).toMatchObject({ kind: 'rate-limited', retryAfterMs: 62_000 });
  });

  test('is flagged where it is no form that anybody can read', async () => {
    const reported = await execute({ a: [answer(429, '{}', { 'retry-after': '-1' })], b: [good] });
    expect(reported.exchange.attempts[0]!.flags).toEqual(['unreadable_wait']);
    expect(reported.exchange.attempts[0]!.failure).not.toHaveProperty('retryAfterMs');
  });
});
