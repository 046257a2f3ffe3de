/** `on_break`: what a route does with a stream that breaks after its first content. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { chunks, streamOf } from '../../faults/chat.ts';
import { stream } from '../../faults/scripts.ts';
import { FaultyUpstream, type ResponseScript } from '../../faults/upstream.ts';
import { hi, post, startGateway } from '../harness.ts';
import { readStream } from './harness.ts';

const of = chunks('chatcmpl-A');
const broken = (...texts: readonly string[]): ResponseScript => stream([of.role, ...texts.map(text => of.text(text))], { ending: 'rst' });
const goodbye = stream(streamOf(['good', 'bye'], 'chatcmpl-B'));

interface Setting {
  readonly onBreak: string;
  readonly a: readonly ResponseScript[];
  readonly b?: readonly ResponseScript[];
  readonly prefill?: boolean;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

async function execute({ onBreak, a, b = [], prefill = false, body = {}, headers = {}, path = '/v1/chat/completions' }: Setting) {
  await using first = await FaultyUpstream.start(...a);
  await using second = await FaultyUpstream.start(...b);
  await using gateway = await startGateway(
    `
providers:
  A: { api: openai, key: sk-prov-a-1234567890, base_url: "${first.url}", allow_private: true }
  B: { api: openai, key: sk-prov-b-1234567890, base_url: "${second.url}", allow_private: true, prefill: ${prefill} }
prices: { A/m: { input: 1, output: 1 }, B/m: { input: 1, output: 1 } }
routes: { m-fast: { steps: [{ target: A/m, retries: 0 }, { target: B/m, retries: 0 }], on_break: ${onBreak} } }
`,
    { limits: { streamIdleMs: 10_000 } },
  );
  const response =
    path === '/v1/chat/completions'
      ? await post(gateway.url, { ...hi, stream: true, ...body }, headers)
      : await fetch(gateway.url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        });
  const text = await response.text();
  const exchange = response.ok ? await gateway.sink.next() : undefined;
  if (exchange) expect(Buffer.from(exchange.response).toString(), 'what is recorded is what was delivered').toBe(text);
  return {
    status: response.status,
    text,
    exchange,
    calls: [first.calls.length, second.calls.length],
    asked: second.calls[0]?.body.toString(),
  };
}

describe('hold', () => {
  test('buffers a stream up to its limit: one that breaks before is replaced unseen', async () => {
    const t = await execute({ onBreak: '{ hold: { tokens: 10 } }', a: [broken('a word ', 'or two')], b: [goodbye] });
    expect(readStream(t.text)).toMatchObject({ content: 'goodbye', terminal: 'done', ids: ['chatcmpl-B'], roles: 1, errors: [] });
    expect(t.exchange!.attempts.map(({ outcome }) => outcome)).toEqual(['truncated', 'ok']);
  });

  test('releases the stream then: a later break is an error event to the caller', async () => {
    const long = 'word '.repeat(20);
    const t = await execute({ onBreak: '{ hold: { tokens: 10 } }', a: [broken(long, 'more')], b: [goodbye] });
    const seen = readStream(t.text);
    expect(seen.content.startsWith(long)).toBe(true);
    expect(seen).toMatchObject({ terminal: 'none', errors: [{ code: 'upstream_truncated' }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test('or releases it after a time', async () => {
    const slow = stream([of.role, of.text('hel'), of.text('lo')], { ending: 'rst', waitMs: 150 });
    const t = await execute({ onBreak: '{ hold: { ms: 40 } }', a: [slow], b: [goodbye] });
    expect(readStream(t.text)).toMatchObject({ content: 'hello', terminal: 'none', errors: [{ code: 'upstream_truncated' }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test('gives an answer that was shorter than what is held', async () => {
    const t = await execute({ onBreak: 'hold', a: [stream(streamOf(['hi']))] });
    expect(readStream(t.text)).toMatchObject({ content: 'hi', terminal: 'done' });
  });
});

describe('restart', () => {
  const requested = { 'x-hindcast-on-break': 'restart' };

  test('tells a caller that opted in to discard the partial response, and restarts', async () => {
    const t = await execute({ onBreak: 'restart', a: [broken('hel')], b: [goodbye], headers: requested });
    const [before = '', after = ''] = t.text.split(/data: \{"object":"chat.completion.chunk","choices":\[\],"x_hindcast":[^\n]*\n\n/);
    const sent = /"x_hindcast":(\{[^}]*\})/.exec(t.text)![1]!;
    expect(JSON.parse(sent)).toEqual({ restart: true, discard_bytes: Buffer.byteLength(before) });
    expect(readStream(before)).toMatchObject({ content: 'hel' });
    expect(readStream(after)).toMatchObject({
      content: 'goodbye',
      terminal: 'done',
      roles: 1,
      ids: ['chatcmpl-B'],
      finishes: ['stop'],
      errors: [],
    });
    expect(t.exchange).toMatchObject({
      outcome: 'ok',
      flags: ['restarted'],
      attempts: [{ outcome: 'truncated' }, { outcome: 'ok', accepted: true }],
    });
  });

  test('does not happen for other callers', async () => {
    const t = await execute({ onBreak: 'restart', a: [broken('hel')], b: [goodbye] });
    expect(readStream(t.text)).toMatchObject({ content: 'hel', terminal: 'none', errors: [{ code: 'upstream_truncated' }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test('ends in one error event when the next attempt breaks too and no target is left', async () => {
    const t = await execute({ onBreak: 'restart', a: [broken('hel')], b: [broken('good')], headers: requested });
    expect(readStream(t.text)).toMatchObject({ content: 'helgood', terminal: 'none', errors: [{ code: 'upstream_truncated' }] });
    expect(t.exchange).toMatchObject({ outcome: 'truncated' });
  });

  test('is not taken from a route that does not allow it, and a wish of another kind is refused', async () => {
    const t = await execute({ onBreak: 'error', a: [broken('hel')], b: [goodbye], headers: requested });
    expect(t.calls).toEqual([1, 0]);
    const odd = await execute({ onBreak: 'restart', a: [], headers: { 'x-hindcast-on-break': 'maybe' } });
    expect(odd.status).toBe(400);
    expect(JSON.parse(odd.text).error).toMatchObject({ code: 'invalid_value', param: 'x-hindcast-on-break' });
  });
});

describe('continue', () => {
  const rest = stream(streamOf([' there', ', and bye'], 'chatcmpl-B'));

  test('has another target go on where it broke, seamlessly, and both are paid', async () => {
    const t = await execute({
      onBreak: 'continue',
      prefill: true,
      a: [broken('hello ')],
      b: [rest],
      body: { stream_options: { include_usage: true } },
    });
    expect(readStream(t.text)).toMatchObject({
      content: 'hello there, and bye',
      terminal: 'done',
      ids: ['chatcmpl-A'],
      roles: 1,
      finishes: ['stop'],
      errors: [],
    });
    expect(JSON.parse(t.asked!).messages).toEqual([...hi.messages, { role: 'assistant', content: 'hello' }]);
    expect(t.exchange).toMatchObject({ outcome: 'ok', flags: ['continued'], attempts: [{ outcome: 'truncated' }, { outcome: 'ok' }] });
    const usage = readStream(t.text).usages.at(-1) as { completion_tokens: number };
    expect(usage.completion_tokens).toBe(t.exchange!.usage!.output);
  });

  test('does not call a target without prefill support', async () => {
    const t = await execute({ onBreak: 'continue', a: [broken('hello')], b: [rest] });
    expect(readStream(t.text)).toMatchObject({ content: 'hello', terminal: 'none', errors: [{ code: 'upstream_truncated' }] });
    expect(t.calls).toEqual([1, 0]);
  });

  test.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['a schema', { response_format: { type: 'json_object' } }],
    ['several choices', { n: 2 }],
    ['log-probabilities', { logprobs: true }],
  ])('is not done with %s', async (_, body) => {
    const t = await execute({ onBreak: 'continue', prefill: true, a: [broken('hello')], b: [rest], body });
    expect(readStream(t.text).errors).toMatchObject([{ code: 'upstream_truncated' }]);
    expect(t.calls).toEqual([1, 0]);
  });

  test('can be declined by the caller', async () => {
    const t = await execute({
      onBreak: 'continue',
      prefill: true,
      a: [broken('hello')],
      b: [rest],
      headers: { 'x-hindcast-on-break': 'error' },
    });
    expect(t.calls).toEqual([1, 0]);
  });

  test('goes on in the words of Anthropic’s clients, too', async () => {
    const t = await execute({
      onBreak: 'continue',
      prefill: true,
      a: [broken('hello')],
      b: [rest],
      path: '/v1/messages',
      body: { ...hi, max_tokens: 16, stream: true },
    });
    const events = t.text
      .split('\n\n')
      .flatMap(block => (/^data: (.*)$/m.exec(block) ? [JSON.parse(/^data: (.*)$/m.exec(block)![1]!)] : []));
    expect(events.map(event => event.delta?.text ?? '').join('')).toBe('hello there, and bye');
    expect(events.filter(event => event.type === 'message_start')).toHaveLength(1);
    expect(events.at(-1)).toEqual({ type: 'message_stop' });
  });
});

/** What the official clients make of a stream as it came. */
const replay = (text: string) => async (): Promise<Response> => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const openaiReads = (text: string) => new OpenAI({ apiKey: 'any', maxRetries: 0, fetch: replay(text) });
const anthropicReads = (text: string) => new Anthropic({ apiKey: 'any', maxRetries: 0, fetch: replay(text) });

const dialects = {
  chat: {
    path: '/v1/chat/completions',
    body: {},
    read: async (text: string) =>
      (
        await openaiReads(text)
          .chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
          .finalChatCompletion()
      ).choices[0]!.message.content,
  },
  responses: {
    path: '/v1/responses',
    body: { model: 'm-fast', input: 'hi', stream: true },
    read: async (text: string) => (await openaiReads(text).responses.stream({ model: 'm', input: 'hi' }).finalResponse()).output_text,
  },
  messages: {
    path: '/v1/messages',
    body: { ...hi, max_tokens: 16, stream: true },
    read: async (text: string) =>
      await anthropicReads(text)
        .messages.stream({ model: 'm', max_tokens: 16, messages: [{ role: 'user', content: 'hi' }] })
        .finalText(),
  },
} as const;

describe.each(Object.entries(dialects))('the official client of %s', (_, { path, body, read }) => {
  test.each(['continue', '{ hold: { tokens: 10 } }'])('reads one seamless answer where the route has on_break %s', async onBreak => {
    const words = onBreak === 'continue' ? [' there', ', and bye'] : ['hello there', ', and bye'];
    const t = await execute({ onBreak, prefill: true, a: [broken('hello')], b: [stream(streamOf(words, 'chatcmpl-B'))], path, body });
    expect(t.calls).toEqual([1, 1]);
    expect(await read(t.text)).toBe('hello there, and bye');
  });

  test('throws when the one that goes on breaks, too', async () => {
    const t = await execute({ onBreak: 'continue', prefill: true, a: [broken('hello')], b: [broken(' there')], path, body });
    expect(t.calls).toEqual([1, 1]);
    await expect(read(t.text)).rejects.toThrow();
  });
});

describe('a caller in Gemini’s words', () => {
  const path = '/v1beta/models/m-fast:streamGenerateContent?alt=sse';
  const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };

  test('reads one seamless answer that was gone on with', async () => {
    const rest = stream(streamOf([' there', ', and bye'], 'chatcmpl-B'));
    const t = await execute({ onBreak: 'continue', prefill: true, a: [broken('hello')], b: [rest], path, body });
    const events = t.text.split(/\r?\n\r?\n/).flatMap(block => (block.startsWith('data: ') ? [JSON.parse(block.slice(6))] : []));
    const sent = events.flatMap(event => event.candidates?.[0]?.content?.parts ?? []).map(part => part.text ?? '');
    expect(sent.join('')).toBe('hello there, and bye');
    expect(events.filter(event => event.candidates?.[0]?.finishReason)).toHaveLength(1);
  });

  test('has its connection broken when the one that goes on breaks, too', async () => {
    await expect(
      execute({ onBreak: 'continue', prefill: true, a: [broken('hello')], b: [broken(' there')], path, body }),
    ).rejects.toThrow();
  });
});
