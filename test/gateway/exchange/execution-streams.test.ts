/** Streamed answers, and what goes wrong with them: the rows st-01 to st-12 of the table of hostile inputs, and more. */
import { describe, expect, test } from 'vitest';
import { gemini } from '../../../gateway/providers/gemini.ts';
import { chunks, completion, done, event, streamOf } from '../../faults/chat.ts';
import { answer, inSmallPieces, ok, raw, stream, untilClose } from '../../faults/scripts.ts';
import { FaultyUpstream, type ResponseScript } from '../../faults/upstream.ts';
import { respondStream, startUpstream } from '../harness.ts';
import { ExecutionHarness, type ExecutionHarnessOptions, type ExecutionRequest, helloStream, readStream } from './harness.ts';

interface Setting extends ExecutionRequest, Omit<ExecutionHarnessOptions, 'upstreams'> {
  readonly a: readonly ResponseScript[];
  readonly b?: readonly ResponseScript[];
  /** Wait until the connection to A is closed. */
  readonly watch?: boolean;
}

/** Streams an answer from a chain of two scripted upstreams. */
async function streamed({ a, b = [], streamIdleMs = 5_000, watch = false, ...form }: Setting) {
  await using upstreamA = await FaultyUpstream.start(...a);
  await using upstreamB = await FaultyUpstream.start(...b);
  await using harness = new ExecutionHarness({ upstreams: { A: { url: upstreamA.url }, B: { url: upstreamB.url } }, streamIdleMs });
  const answered = await harness.execute({ body: helloStream, chain: ['A', 'B'], ...form });
  const closed = watch ? await upstreamA.calls[0]!.closed : undefined;
  return {
    ...answered,
    seen: readStream(answered.text),
    calls: [upstreamA.calls.length, upstreamB.calls.length],
    a: upstreamA.calls,
    closed,
  };
}

const of = chunks();
const complete = stream(streamOf(['hel', 'lo'], 'chatcmpl-B'));
const outcomes = (t: Awaited<ReturnType<typeof streamed>>): readonly string[] => t.exchange.attempts.map(a => a.outcome);

const streamIdleMs = 200;

/** Resolves when a stream that stalls has been given up: the idle timeout has passed since the call. */
async function idleTimePasses(): Promise<void> {
  await using stalled = await FaultyUpstream.start(stream([of.role + of.text('hel')], { ending: 'stall' }));
  await using harness = new ExecutionHarness({ upstreams: { A: { url: stalled.url } }, streamIdleMs });
  const { exchange } = await harness.execute({ body: helloStream });
  expect(exchange.attempts.map(({ outcome }) => outcome)).toEqual(['timeout']);
}

describe('a stream', () => {
  test('passes event by event, with one id and one role, without usage that only the gateway requested', async () => {
    const t = await streamed({ a: [stream(streamOf(['hel', 'lo']))] });
    expect(t.head).toMatchObject({
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
      headers: { 'x-hindcast-target': 'A/m', 'x-hindcast-attempts': '1' },
    });
    expect(t.seen).toMatchObject({
      content: 'hello',
      terminal: 'done',
      roles: 1,
      ids: ['chatcmpl-1'],
      finishes: ['stop'],
      usages: [],
      errors: [],
    });
    expect(t.exchange).toMatchObject({
      outcome: 'ok',
      status: 200,
      stream: true,
      flags: [],
      usage: { input: 7, output: 3, source: 'provider' },
    });
    expect(Buffer.from(t.exchange.response).toString()).toBe(t.text);
    expect(JSON.parse(t.a[0]!.body.toString()).stream_options).toEqual({ include_usage: true });
    expect(t.a[0]!.headers.accept).toBe('text/event-stream');
  });

  test('passes its bytes untouched', async () => {
    const odd = event('{"id":"c","choices":[{"index":0,"delta":{"content":"h\\u00e9", "novel":[1,2.50]}}],"big":9007199254740993}');
    const t = await streamed({ a: [stream([of.role, odd, of.finish(), done])] });
    expect(t.text).toBe(of.role + odd + of.finish() + done);
  });

  test('sends usage to a caller that requested it', async () => {
    const t = await streamed({ a: [stream(streamOf(['hello']))], body: { ...helloStream, stream_options: { include_usage: true } } });
    expect(t.seen.usages).toEqual([{ prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }]);
    expect(t.text.endsWith(done)).toBe(true);
  });

  test('hides the null usage in every chunk, too', async () => {
    const withNull = (text: string): string => text.replace(/\}\n\n$/, ',"usage":null}\n\n');
    const t = await streamed({
      a: [stream([withNull(of.role), withNull(of.text('"usage":null, hello')), withNull(of.finish()), of.usage, done])],
    });
    expect(t.text).toBe(of.role + of.text('"usage":null, hello') + of.finish() + done);
  });

  test('arrives complete however its bytes are split', async () => {
    const t = await streamed({ a: [inSmallPieces(untilClose(streamOf(['hé', 'llo 🎉']).join('')), 'a seed', { sizeMax: 5 })] });
    expect(t.seen).toMatchObject({ content: 'héllo 🎉', terminal: 'done' });
  });

  test('applies the caller’s backpressure to the provider, and does not count the pause as idle time', async () => {
    await using upstream = await FaultyUpstream.start(stream(streamOf(Array.from({ length: 30 }, () => 'x'.repeat(20_000)))));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } }, streamIdleMs });
    const execution = harness.start({ body: helloStream, bufferedMax: 1_000 });
    let settled = false;
    void execution.done.then(() => {
      settled = true;
    });
    for (let pauses = 0; !settled; pauses++) {
      await (pauses === 3 ? idleTimePasses() : new Promise(resolve => setImmediate(resolve)));
      execution.resume();
    }
    const exchange = await execution.done;
    expect(exchange.outcome).toBe('ok');
    expect(readStream(execution.reader.text).content).toHaveLength(600_000);
  });
});

test('the idle timer restarts when the caller reads again', async () => {
  const resumed = Promise.withResolvers<void>();
  await using upstream = await startUpstream(respondStream(['hel', 'lo'], () => resumed.promise));
  await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } }, streamIdleMs });
  const execution = harness.start({ body: helloStream, bufferedMax: 1 });
  await execution.reader.next();
  await idleTimePasses();
  execution.resume();
  resumed.resolve();
  const resuming = setInterval(() => execution.resume(), 10);
  const exchange = await execution.done;
  clearInterval(resuming);
  expect(exchange.outcome).toBe('ok');
});

describe('before the first content a failed stream is replaced unseen', () => {
  test('st-01: when it ends after the role', async () => {
    const t = await streamed({ a: [stream([of.role], { ending: 'fin' })], b: [complete] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done', roles: 1, ids: ['chatcmpl-B'] });
    expect(t.calls).toEqual([1, 1]);
    expect(outcomes(t)).toEqual(['truncated', 'ok']);
    expect(t.head!.headers).toMatchObject({ 'x-hindcast-target': 'B/m', 'x-hindcast-attempts': '2' });
  });

  test('st-07: when its bytes are no events', async () => {
    const garbage = untilClose(Buffer.from('00ff10deadbeef0a0a7b7b7b', 'hex'));
    const t = await streamed({ a: [garbage], b: [complete] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done' });
    expect(outcomes(t)).toEqual(['invalid-response', 'ok']);
  });

  test.each<[string, ResponseScript, string]>([
    ['it is reset after the role', stream([of.role], { ending: 'rst' }), 'truncated'],
    ['it stands still after the role', stream([of.role], { ending: 'stall' }), 'timeout'],
    ['it ends without a word', stream([]), 'truncated'],
    ['it says [DONE] and nothing else', stream([done]), 'truncated'],
    ['an event is no JSON', stream([of.role, event('{"id":'), ...streamOf(['hello'])]), 'invalid-response'],
    ['an event is an error', stream([of.role, event({ error: { message: 'busy', code: 503 } })]), 'overloaded'],
    [
      'it keeps talking without content',
      stream([of.role, ...Array.from({ length: 60 }, () => of.chunk({ delta: {}, pad: 'x'.repeat(1500) }))], { ending: 'stall' }),
      'invalid-response',
    ],
    ['it lives on comments alone', stream([': PROCESSING\n\n', ': PROCESSING\n\n'], { ending: 'stall' }), 'timeout'],
    ['it is HTML', untilClose('<html>Bad gateway</html>', { 'content-type': 'text/html' }), 'invalid-response'],
    ['it is a refusal', answer(429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }), 'rate-limited'],
    ['it is an error in one piece', ok({ error: { message: 'no capacity', code: 529 } }), 'overloaded'],
  ])('when %s', async (_, act, outcome) => {
    const t = await streamed({ a: [act], b: [complete], chain: [{ target: 'A', timeoutMs: outcome === 'timeout' ? 250 : 5_000 }, 'B'] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done', errors: [], ids: ['chatcmpl-B'] });
    expect(outcomes(t)).toEqual([outcome, 'ok']);
  });
});

describe('after the first content a failed stream ends in one error event, and in no last word', () => {
  const broken = { terminal: 'none', finishes: [] };

  test('st-02: when it ends without a finish reason', async () => {
    const t = await streamed({ a: [stream([of.role, of.text('Hel')])], b: [complete] });
    expect(t.seen).toMatchObject({
      content: 'Hel',
      ...broken,
      errors: [{ type: 'upstream_error', code: 'upstream_truncated', param: null }],
    });
    expect(t.seen.errors).toHaveLength(1);
    expect(t.calls).toEqual([1, 0]);
    expect(t.exchange).toMatchObject({
      outcome: 'truncated',
      status: 200,
      attempts: [{ outcome: 'truncated', accepted: false, flags: ['usage_estimated'] }],
    });
    expect(t.exchange.usage!.output).toBeGreaterThan(0);
    expect(Buffer.from(t.exchange.response).toString()).toBe(t.text);
    expect(t.ended).toBe('end');
  });

  test('st-04: when it is reset', async () => {
    const t = await streamed({ a: [stream([of.role, of.text('Hel')], { ending: 'rst' })], b: [complete] });
    expect(t.seen).toMatchObject({ content: 'Hel', ...broken, errors: [{ code: 'upstream_truncated' }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test('st-06: when it stands still, and its connection is closed', async () => {
    const t = await streamed({
      a: [stream([of.role, of.text('Hel')], { ending: 'stall' })],
      b: [complete],
      watch: true,
      streamIdleMs: 400,
    });
    expect(t.seen).toMatchObject({ content: 'Hel', ...broken, errors: [{ type: 'timeout_error', code: 'upstream_timeout', param: null }] });
    expect(t.exchange.outcome).toBe('timeout');
    expect(t.closed).toBe('caller');
  });

  test('when only half an event comes, byte by byte: a drip is silence', async () => {
    const half = of.text('lo').slice(0, 60);
    const drip = [...half].map(letter => letter);
    const t = await streamed({ a: [stream([of.role, of.text('Hel'), ...drip], { waitMs: 30, ending: 'stall' })], streamIdleMs: 300 });
    expect(t.seen).toMatchObject({ content: 'Hel', ...broken, errors: [{ code: 'upstream_timeout' }] });
    expect(t.exchange.endedAt - t.exchange.receivedAt).toBeLessThan(1_500);
  });

  test('but comments are a sign of life', async () => {
    const comments = Array.from({ length: 8 }, () => ': keep-alive\n\n');
    const t = await streamed({
      a: [stream([of.role, of.text('Hel'), ...comments, of.text('lo'), of.finish(), done], { waitMs: 100 })],
      streamIdleMs: 500,
    });
    expect(t.seen).toMatchObject({ content: 'Hello', terminal: 'done' });
  });

  test.each<[string, ResponseScript, string]>([
    ['half an event is its end', stream([of.role, of.text('Hel'), of.text('lo').slice(0, 40)]), 'upstream_truncated'],
    ['an event is no JSON', stream([of.role, of.text('Hel'), event('{{{')]), 'upstream_invalid_response'],
    [
      'the provider says so',
      stream([of.role, of.text('Hel'), event({ error: { message: 'Overloaded', type: 'overloaded_error' } })]),
      'upstream_overloaded',
    ],
    ['[DONE] comes before the finish reason', stream([of.role, of.text('Hel'), done]), 'upstream_truncated'],
    [
      'its framing breaks',
      raw(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${hex(of.role + of.text('Hel'))}zz\r\n`),
      'upstream_invalid_response',
    ],
  ])('when %s', async (_, act, code) => {
    const t = await streamed({ a: [act], b: [complete] });
    expect(t.seen).toMatchObject({ content: 'Hel', ...broken, errors: [{ code }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test('at the deadline', async () => {
    const slow = stream([of.role, of.text('Hel'), ...Array.from({ length: 50 }, () => of.text('.'))], { waitMs: 20 });
    const t = await streamed({ a: [slow], deadlineMs: 700, watch: true });
    expect(t.seen).toMatchObject({ ...broken, errors: [{ type: 'timeout_error', code: 'upstream_timeout' }] });
    expect(t.seen.content.startsWith('Hel.')).toBe(true);
    expect(t.exchange).toMatchObject({ outcome: 'timeout', attempts: [{ outcome: 'aborted' }] });
    expect(t.closed).toBe('caller');
  });
});

describe('a complete response stays complete', () => {
  test('st-03: without [DONE], which is then ours to say', async () => {
    const t = await streamed({ a: [stream([of.role, of.text('hello'), of.finish()])] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done', finishes: ['stop'] });
    expect(t.exchange).toMatchObject({ outcome: 'ok', usage: { source: 'estimated' } });
    expect([...t.exchange.flags].sort()).toEqual(['no_sentinel', 'usage_estimated']);
  });

  test('without the blank line after [DONE]', async () => {
    const t = await streamed({ a: [untilClose(streamOf(['hello']).join('').trimEnd())] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done' });
    expect(t.exchange.flags).toEqual([]);
  });

  test('st-09: with an error after [DONE], which is ignored, and whose connection is not reused', async () => {
    await using upstream = await FaultyUpstream.start(
      stream([of.role, of.text('hello'), of.finish(), done + event({ error: { message: 'late' } })]),
      stream(streamOf(['again'])),
    );
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } } });
    const first = await harness.execute({ body: helloStream });
    expect(readStream(first.text)).toMatchObject({ content: 'hello', terminal: 'done', errors: [] });
    expect(await upstream.calls[0]!.closed).toBe('caller');
    const second = await harness.execute({ body: helloStream });
    expect(readStream(second.text)).toMatchObject({ content: 'again', terminal: 'done' });
    expect(upstream.connections).toBe(2);
  });

  test('and its connection is used again when nothing was wrong', async () => {
    await using upstream = await FaultyUpstream.start(stream(streamOf(['one'])), stream(streamOf(['two'])));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } } });
    await harness.execute({ body: helloStream });
    await new Promise(resolve => setTimeout(resolve, 20));
    await harness.execute({ body: helloStream });
    expect(upstream.connections).toBe(1);
  });

  test('when its connection is reset after the finish reason', async () => {
    const t = await streamed({ a: [stream([of.role, of.text('hello'), of.finish(), of.usage, done], { ending: 'rst' })] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done' });
    expect(t.exchange.outcome).toBe('ok');
  });

  test.each(['rst', 'stall'] as const)('when its connection ends by %s before [DONE], which is then ours to say', async ending => {
    const t = await streamed({ a: [stream([of.role, of.text('hello'), of.finish()], { ending })], streamIdleMs: 400 });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done', finishes: ['stop'], errors: [] });
    expect(t.exchange).toMatchObject({ outcome: 'ok', flags: expect.arrayContaining(['no_sentinel']) });
  });

  test('when its connection is never closed', async () => {
    const t = await streamed({ a: [stream(streamOf(['hello']), { ending: 'stall' })], watch: true });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done' });
    expect(t.exchange.endedAt - t.exchange.receivedAt).toBeLessThan(500);
    expect(t.closed, 'it may linger for a second').toBe('caller');
  });

  test('st-10: with CR as its only line end, and comments', async () => {
    const body =
      ': OPENROUTER PROCESSING\r\rdata: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}\r\rdata: [DONE]\r\r';
    const t = await streamed({ a: [untilClose(body)] });
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done' });
  });

  test('st-11: with Gemini’s early STOP, sent once and at the end', async () => {
    const chunk = (text: string | undefined, more: object = {}): string =>
      event({
        candidates: [{ content: { role: 'model', parts: text === undefined ? [] : [{ text }] }, finishReason: 'STOP', index: 0 }],
        modelVersion: 'gemini-x',
        responseId: 'r1',
        ...more,
      });
    const usage = { usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 2, totalTokenCount: 6 } };
    await using upstream = await FaultyUpstream.start(stream([chunk(''), chunk('hel'), chunk('lo'), chunk(undefined, usage)]));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url, provider: gemini } } });
    const { text, exchange } = await harness.execute({ body: helloStream });
    expect(readStream(text)).toMatchObject({ content: 'hello', terminal: 'done', finishes: ['stop'], roles: 1, usages: [] });
    expect(exchange.usage).toMatchObject({ input: 4, output: 2, source: 'provider' });
  });

  test('st-12: in one piece, which is streamed on', async () => {
    const t = await streamed({ a: [ok(completion('hello'))] });
    expect(t.head!.contentType).toBe('text/event-stream; charset=utf-8');
    expect(t.seen).toMatchObject({ content: 'hello', terminal: 'done', finishes: ['stop'], roles: 1, usages: [] });
    expect(t.exchange).toMatchObject({ outcome: 'ok', flags: ['not_streamed'] });
  });
});

function hex(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
