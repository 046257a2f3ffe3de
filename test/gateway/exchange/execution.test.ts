/** Several attempts at one answer, callers who leave, records that cannot be made: the whole way from a question to its record. */
import { describe, expect, test, vi } from 'vitest';
import type { Provider } from '../../../gateway/core/chat/provider.ts';
import { seal } from '../../../gateway/core/exchange.ts';
import type { Clock } from '../../../gateway/core/shared/time.ts';
import { initialHealth } from '../../../gateway/core/targets/health.ts';
import { anthropic } from '../../../gateway/providers/anthropic.ts';
import { openai } from '../../../gateway/providers/openai.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { chunks, completion, done, streamOf, type Token } from '../../faults/chat.ts';
import { answer, blackhole, delayed, ok, type RecordedAnswer, replayed, stream } from '../../faults/scripts.ts';
import { FaultyUpstream } from '../../faults/upstream.ts';
import { recordedRows, unlessRecorded } from '../../recordings.ts';
import { ExecutionHarness, hello, helloStream, readStream } from './harness.ts';

const of = chunks();
const unsure: readonly Token[] = [
  { token: 'may', logprob: Math.log(0.4) },
  { token: 'be', logprob: Math.log(0.6) },
];
const sure: readonly Token[] = [{ token: 'yes', logprob: Math.log(0.95) }];
const accept = { signal: 'confidence', atLeast: 0.8 } as const;
const cascade = [{ target: 'A', accept }, 'B'];

describe('a cascade', () => {
  test('declines an unsure response and calls the next target, and both are billed', async () => {
    await using a = await FaultyUpstream.start(ok(completion('maybe', { tokens: unsure })));
    await using b = await FaultyUpstream.start(ok(completion('certainly')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { text, exchange } = await harness.execute({ chain: cascade });
    expect(JSON.parse(text).choices[0].message.content).toBe('certainly');
    expect(exchange.attempts).toMatchObject([
      { kind: 'primary', outcome: 'ok', accepted: false },
      { kind: 'escalation', outcome: 'ok', accepted: true },
    ]);
    expect(exchange.attempts[0]!.signals.mean_logprob).toBeCloseTo(Math.sqrt(0.24), 6);
    expect(exchange.usage).toMatchObject({ input: 14, output: 6 });
    expect(exchange.costNanoUsd).toBe(2 * 13_000);
    expect(JSON.parse(a.calls[0]!.body.toString())).toMatchObject({ logprobs: true });
    expect(JSON.parse(b.calls[0]!.body.toString())).not.toHaveProperty('logprobs');
  });

  test('accepts a sure response and hides log-probabilities that only the gateway added', async () => {
    await using a = await FaultyUpstream.start(ok(completion('yes', { tokens: sure })));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: a.url } } });
    const { text, exchange } = await harness.execute({ chain: cascade });
    expect(JSON.parse(text)).toEqual(completion('yes'));
    expect(text).toContain('"system_fingerprint":"fp_1"');
    expect(exchange.attempts).toHaveLength(1);
    expect(Buffer.from(exchange.attempts[0]!.response).toString()).toContain('logprob');
  });

  test('streams nothing of an answer before it is accepted', async () => {
    await using a = await FaultyUpstream.start(stream([of.role, of.text('may', unsure), of.text('be'), of.finish(), done], { waitMs: 10 }));
    await using b = await FaultyUpstream.start(stream(streamOf(['certain', 'ly'], 'chatcmpl-B')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { text, exchange } = await harness.execute({ body: helloStream, chain: cascade });
    expect(readStream(text)).toMatchObject({ content: 'certainly', ids: ['chatcmpl-B'], roles: 1, terminal: 'done' });
    expect(exchange.attempts.map(t => t.accepted)).toEqual([false, true]);
  });

  test('streams an accepted answer with its bytes, but for our log-probabilities', async () => {
    await using a = await FaultyUpstream.start(stream([of.role, of.text('yes', sure), of.finish(), of.usage, done]));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: a.url } } });
    const { text } = await harness.execute({ body: helloStream, chain: cascade });
    expect(readStream(text)).toMatchObject({ content: 'yes', terminal: 'done', finishes: ['stop'], usages: [] });
    expect(readStream(text).chunks.map(chunk => chunk.choices[0].logprobs)).toEqual([null, null, null]);
    expect(text).not.toContain('logprob"');
  });

  test('gives the caller the alternatives it requested, though the margin needs two', async () => {
    const answered = completion('yes');
    const token = {
      token: 'yes',
      logprob: -0.1,
      bytes: null,
      top_logprobs: [
        { token: 'yes', logprob: -0.1 },
        { token: 'no', logprob: -3 },
      ],
    };
    const choices = [{ ...(answered.choices as object[])[0], logprobs: { content: [token], refusal: null } }];
    await using a = await FaultyUpstream.start(ok({ ...answered, choices }));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const { text, exchange } = await harness.execute({
      body: { ...hello, logprobs: true },
      chain: [{ target: 'A', accept: { signal: 'margin', atLeast: 0.5 } }],
    });
    expect(JSON.parse(a.calls[0]!.body.toString())).toMatchObject({ logprobs: true, top_logprobs: 2 });
    expect(JSON.parse(text).choices[0].logprobs.content[0]).toMatchObject({ token: 'yes', top_logprobs: [] });
    expect(exchange.attempts[0]!.signals.margin).toBeGreaterThan(0.8);
  });

  test('falls back when a target refuses log-probabilities that only the gateway added', async () => {
    const refused = answer(400, {
      error: {
        message: 'logprobs are not supported with this model',
        type: 'invalid_request_error',
        param: 'logprobs',
        code: 'unsupported_parameter',
      },
    });
    await using a = await FaultyUpstream.start(refused);
    await using b = await FaultyUpstream.start(ok(completion('certainly')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { text, exchange } = await harness.execute({ chain: cascade });
    expect(JSON.parse(text).choices[0].message.content).toBe('certainly');
    expect(exchange.attempts[0]!.outcome).toBe('unsupported');
  });

  test('gives the declined answer when the larger model fails', async () => {
    await using a = await FaultyUpstream.start(stream([of.role, of.text('maybe', unsure), of.finish(), done]));
    await using b = await FaultyUpstream.start(answer(500, {}));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { text, exchange } = await harness.execute({ body: helloStream, chain: cascade });
    expect(readStream(text)).toMatchObject({ content: 'maybe', terminal: 'done' });
    expect(exchange).toMatchObject({ outcome: 'ok', attempts: [{ accepted: true }, { outcome: 'server-error', accepted: false }] });
  });

  test('can be measured without deciding: a replay requests log-probabilities from every target', async () => {
    await using a = await FaultyUpstream.start(ok(completion('yes', { tokens: sure })));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const { text, exchange } = await harness.execute({
      routedRequest: { measure: 'always', replayOf: 'x', run: 'r', arm: 'A/m', repeat: 2 },
    });
    expect(JSON.parse(text)).toEqual(completion('yes'));
    expect(exchange.attempts[0]!.signals.mean_logprob).toBeCloseTo(0.95, 6);
    expect(exchange).toMatchObject({ replayOf: 'x', run: 'r', arm: 'A/m', repeat: 2 });
  });
});

describe('a hedge', () => {
  test('answers first, and the slow one is hung up on and recorded', async () => {
    await using a = await FaultyUpstream.start(delayed(5_000, stream(streamOf(['slow']))));
    await using b = await FaultyUpstream.start(stream(streamOf(['quick'], 'chatcmpl-B')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const { text, exchange } = await harness.execute({
      body: helloStream,
      chain: [{ target: 'A', timeoutMs: 4_000, hedgeAfterMs: 60 }, 'B'],
    });
    expect(readStream(text).content).toBe('quick');
    expect(exchange.attempts).toMatchObject([
      {
        kind: 'primary',
        outcome: 'aborted',
        accepted: false,
        status: 0,
        usage: { output: 0, source: 'estimated' },
        flags: ['usage_estimated'],
      },
      { kind: 'hedge', outcome: 'ok', accepted: true },
    ]);
    // It had the question, which its provider will not give back.
    expect(exchange.attempts[0]!.usage!.input).toBeGreaterThan(0);
    expect(exchange.attempts[0]!.cost!.total).toBe(exchange.attempts[0]!.cost!.input);
    expect(await a.calls[0]!.closed).toBe('caller');
    expect(harness.observed.map(seen => [seen.target, seen.type])).toEqual([
      ['A/m', 'sent'],
      ['B/m', 'sent'],
      ['A/m', 'aborted'],
      ['B/m', 'answered'],
      ['A/m', 'charged'],
      ['B/m', 'charged'],
    ]);
  });

  test('that loses the race costs its estimated tokens', async () => {
    await using a = await FaultyUpstream.start(
      delayed(800, ok(completion('first', { tokens: sure }))),
      stream([of.role, of.text('a good deal of text that was paid for')], { ending: 'stall' }),
    );
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const { exchange } = await harness.execute({ chain: [{ target: 'A', hedgeAfterMs: 50, accept }] });
    expect(exchange.attempts).toMatchObject([{ outcome: 'ok' }, { kind: 'hedge', outcome: 'aborted', usage: { source: 'estimated' } }]);
    expect(exchange.attempts[1]!.cost!.total).toBeGreaterThan(0);
    expect(exchange.costNanoUsd).toBe(exchange.attempts[0]!.cost!.total + exchange.attempts[1]!.cost!.total);
    expect(exchange.usage!.source).toBe('estimated');
  });
});

describe('a caller who leaves', () => {
  test('st-08: hangs up on the provider within a second, and what it had read is recorded', async () => {
    const dripping = stream([of.role, ...Array.from({ length: 400 }, () => of.text('a'))], { waitMs: 10 });
    await using a = await FaultyUpstream.start(dripping);
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const execution = harness.start({ body: helloStream });
    await execution.reader.next();
    const leftAt = performance.now();
    execution.cancel();
    const exchange = await execution.done;
    expect(await a.calls[0]!.closed).toBe('caller');
    expect(performance.now() - leftAt).toBeLessThan(1000);
    expect(exchange).toMatchObject({
      outcome: 'cancelled',
      status: 200,
      attempts: [{ outcome: 'aborted', accepted: false, usage: { source: 'estimated' } }],
    });
    expect(Buffer.from(exchange.response).toString()).toBe(execution.reader.text);
    expect(exchange.response.length).toBeGreaterThan(0);
    expect(execution.reader.ended).toBe('fail');
  });

  test('before the first byte is recorded without a status', async () => {
    await using a = await FaultyUpstream.start(blackhole);
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const execution = harness.start();
    await a.waitForCall(1);
    execution.cancel();
    const exchange = await execution.done;
    expect(exchange).toMatchObject({ outcome: 'cancelled', status: 0, attempts: [{ outcome: 'aborted' }] });
    expect(exchange.response).toHaveLength(0);
    expect(await a.calls[0]!.closed).toBe('caller');
    expect(harness.observed.map(seen => seen.type)).toEqual(['sent', 'aborted', 'charged']);
  });

  test('during the wait for a retry stops the retry', async () => {
    const pending = new Set<symbol>();
    const clock: Clock = {
      now: () => wallClock.now(),
      at: (instant, fire) => {
        const timer = Symbol();
        pending.add(timer);
        const cancel = wallClock.at(instant, () => {
          pending.delete(timer);
          fire();
        });
        return () => {
          pending.delete(timer);
          cancel();
        };
      },
    };
    await using a = await FaultyUpstream.start(answer(503, {}), ok(completion('late')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } }, clock });
    const execution = harness.start({ chain: [{ target: 'A', retries: 1, backoffMs: 30_000 }], deadlineMs: 60_000 });
    await vi.waitFor(() => expect(harness.observed.map(({ type }) => type)).toContain('failed'), 5_000);
    expect(pending.size, 'the retry is waited for').toBeGreaterThan(0);
    execution.cancel();
    expect((await execution.done).outcome).toBe('cancelled');
    expect(pending.size, 'nothing is left that could ask again').toBe(0);
    expect(a.calls).toHaveLength(1);
  });

  test('after the end changes nothing', async () => {
    await using a = await FaultyUpstream.start(ok(completion('hello')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const execution = harness.start();
    const exchange = await execution.done;
    execution.cancel();
    expect(exchange.outcome).toBe('ok');
    expect(harness.recorded).toHaveLength(1);
  });
});

describe('the record', () => {
  test('comes before the last bytes', async () => {
    await using a = await FaultyUpstream.start(stream(streamOf(['hello'])));
    const textAtRecord: string[] = [];
    let text = (): string => '';
    await using harness = new ExecutionHarness({
      upstreams: { A: { url: a.url } },
      sink: {
        record: async () => {
          textAtRecord.push(text());
          await new Promise(resolve => setTimeout(resolve, 30));
          textAtRecord.push(text());
          return seal();
        },
      },
    });
    const execution = harness.start({ body: helloStream });
    text = () => execution.reader.text;
    await execution.done;
    expect(textAtRecord.map(t => readStream(t).terminal)).toEqual(['none', 'none']);
    expect(readStream(execution.reader.text).terminal).toBe('done');
  });

  test('that cannot be made keeps the answer back', async () => {
    await using a = await FaultyUpstream.start(ok(completion('hello')), stream(streamOf(['hello'])));
    await using harness = new ExecutionHarness({
      upstreams: { A: { url: a.url } },
      sink: { record: () => Promise.reject(new Error('the disk is full')) },
    });
    const plain = await harness.execute();
    expect(plain).toMatchObject({ ended: 'fail', head: { status: 503 }, exchange: { outcome: 'internal', status: 503 } });
    expect(JSON.parse(plain.text).error.code).toBe('recording_unavailable');
    const streamed = await harness.execute({ body: helloStream });
    expect(readStream(streamed.text)).toMatchObject({ content: 'hello', terminal: 'none', errors: [{ code: 'recording_unavailable' }] });
    expect(streamed.ended).toBe('fail');
  });

  test('holds the events, from which the router’s state can be made again, and of the fleet only what concerns it', async () => {
    await using a = await FaultyUpstream.start(answer(500, {}));
    await using b = await FaultyUpstream.start(ok(completion('hello')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url }, B: { url: b.url } } });
    const health = { ...initialHealth, failures: 9, openUntil: Date.now() + 60_000 };
    harness.fleet = new Map([['secret-tenant/model', health]]);
    const { exchange } = await harness.execute({ chain: ['A', 'B'] });
    expect(exchange.events.map(e => e.type)).toEqual(['attempt-failed', 'attempt-answered']);
    expect(JSON.stringify(exchange.events)).not.toContain('secret-tenant');
  });

  test('knows the bytes of both sides', async () => {
    await using a = await FaultyUpstream.start(ok(completion('hello')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const body = '{ "model" : "m-fast", "messages":[{"role":"user","content":"\\ud800 x"}] }';
    const { exchange } = await harness.execute({ body });
    expect(Buffer.from(exchange.request).toString()).toBe(body);
    expect(Buffer.from(exchange.attempts[0]!.request).toString()).toBe(a.calls[0]!.body.toString());
    expect(exchange.attempts[0]!.credential).toMatch(/^[0-9a-f]{8}$/);
    expect(exchange.overheadMs).toBeGreaterThanOrEqual(0);
    expect(exchange.firstTokenMs).toBeGreaterThan(0);
  });
});

describe('what a target cannot carry', () => {
  const body = { ...hello, max_tokens: 100, seed: 7 };

  test("is a warning header, a recorded warning or a refusal, by the route's setting", async () => {
    const sent = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 2 },
    };
    await using a = await FaultyUpstream.start(ok(sent), ok(sent));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: anthropic } } });
    const warned = await harness.execute({ body });
    expect(warned.head!.headers['x-hindcast-warnings']).toContain('dropped seed');
    const dropped = await harness.execute({ body, routedRequest: { onUnsupported: 'drop' } });
    expect(dropped.head!.headers).not.toHaveProperty('x-hindcast-warnings');
    expect(dropped.exchange.warnings).toMatchObject([{ type: 'dropped', field: 'seed' }]);
    const refused = await harness.execute({ body, routedRequest: { onUnsupported: 'reject' } });
    expect(refused.head!.status).toBe(400);
    expect(JSON.parse(refused.text).error).toMatchObject({ code: 'unsupported_parameter', param: 'seed' });
    expect(refused.exchange.attempts[0]!.failure!.message).toBe('the target cannot carry seed');
    expect(a.calls).toHaveLength(2);
  });

  test('is no reason to refuse when the target expresses the same in another way', async () => {
    const sent = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude', content: [{ type: 'text', text: 'hello' }] };
    const usage = { input_tokens: 3, output_tokens: 2 };
    await using a = await FaultyUpstream.start(ok({ ...sent, stop_reason: 'end_turn', usage }));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: anthropic } } });
    // Anthropic demands a limit where the caller wants none.
    const answered = await harness.execute({ body: hello, routedRequest: { onUnsupported: 'reject' } });
    expect(answered.head!.status).toBe(200);
    expect(answered.exchange.warnings).toMatchObject([{ type: 'approximated', field: 'max_tokens' }]);
    // A temperature over Anthropic's would come to mean another.
    const hot = await harness.execute({ body: { ...hello, temperature: 1.5 }, routedRequest: { onUnsupported: 'reject' } });
    expect(JSON.parse(hot.text).error).toMatchObject({ code: 'unsupported_parameter', param: 'temperature' });
    expect(a.calls).toHaveLength(1);
  });

  test('is not lost to the caller when only the gateway added it', async () => {
    const sent = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 2 },
    };
    await using a = await FaultyUpstream.start(ok(sent));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: anthropic } } });
    const { text, exchange } = await harness.execute({
      body: { ...hello, max_tokens: 100 },
      chain: [{ target: 'A', accept }],
      routedRequest: { onUnsupported: 'reject' },
    });
    expect(JSON.parse(text).choices[0].message.content).toBe('hello');
    expect(exchange.warnings).toEqual([]);
  });
});

describe('a mistake of ours costs one request, and never the process', () => {
  const broken = (where: keyof Provider): Provider => ({
    ...openai,
    [where]: () => {
      throw new Error('planted');
    },
  });

  test.each(['renderRequest', 'parseResponse', 'parseFailure'] as const)('in %s', async where => {
    await using a = await FaultyUpstream.start(where === 'parseFailure' ? answer(500, {}) : ok(completion('hello')));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url, provider: broken(where) } } });
    const { head, text, exchange } = await harness.execute();
    expect(head!.status).toBe(500);
    expect(JSON.parse(text).error).toMatchObject({ type: 'server_error', code: 'internal_error' });
    expect(text).not.toContain('planted');
    expect(exchange).toMatchObject({ outcome: 'internal', decision: { failure: { message: expect.stringContaining('planted') } } });
  });

  test('in the reader, after the answer had begun', async () => {
    await using a = await FaultyUpstream.start(stream(streamOf(['hello', 'harness']), { waitMs: 5 }));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    const execution = harness.start({ body: helloStream });
    execution.reader.write = () => {
      throw new Error('planted');
    };
    const exchange = await execution.done;
    expect(exchange).toMatchObject({ outcome: 'internal' });
    expect(readStream(execution.reader.text)).toMatchObject({ terminal: 'none', errors: [{ code: 'internal_error' }] });
    expect(await a.calls[0]!.closed).toBe('caller');
  });
});

const recordings = 'wire/openai.jsonl';
describe(`recorded answers of OpenAI over a real socket${unlessRecorded(recordings)}`, () => {
  interface Row extends RecordedAnswer {
    readonly api: string;
    readonly request: Readonly<Record<string, unknown>> | null;
    readonly raw: boolean;
    readonly framing: string;
  }
  const rows = recordedRows<Row>(recordings).filter(row => row.api === 'chat' && row.raw && row.status === 200 && row.request?.messages);
  const streams = rows.filter(row => row.stream && row.chunk_lengths && row.body.includes('[DONE]')).slice(0, 12);
  const plain = rows.filter(row => row.framing === 'json').slice(0, 12);

  test('pass as they were recorded, chunk by chunk', async () => {
    await using a = await FaultyUpstream.start(...streams.map(replayed), ...plain.map(replayed));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: a.url } } });
    for (const row of streams) {
      const body = { ...row.request, model: 'm', stream: true, stream_options: { include_usage: true } };
      const { text, exchange } = await harness.execute({ body });
      expect(exchange.outcome, `${exchange.decision.type === 'failed' ? exchange.decision.failure.message : ''}`).toBe('ok');
      expect(text.trimEnd()).toBe(row.body.trimEnd());
    }
    for (const row of plain) {
      const { text, exchange } = await harness.execute({ body: { ...row.request, model: 'm' } });
      expect(exchange.outcome).toBe('ok');
      expect(text).toBe(row.body);
    }
  });
});
