/** Every recorded response of Anthropic's /v1/messages is parsed without loss. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { anthropic } from '../../gateway/providers/anthropic.ts';
import { recordedRows, unlessRecorded } from '../recordings.ts';
import { parseRechunked } from './rechunk.ts';

interface Row {
  readonly id: string;
  readonly api: string;
  readonly status: number;
  readonly framing: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly chunk_lengths?: readonly number[];
}

const file = 'wire/anthropic.jsonl';
const rows = recordedRows<Row>(file).filter(row => row.api === 'messages');
const answers = rows.filter(row => row.status === 200 && row.framing === 'json');
const refusals = rows.filter(row => row.status >= 400);
const present = describe.skipIf(rows.length === 0);

/** Files with the responses of several calls one after another; each response is parsed separately. */
const severalAnswers = new Set(['b447f0dbf76b3f8c', '9d5e6216012fc18a', '2367ecb6888c48f2', 'aa60b726518e9a47', 'd9c0681f26cc0054']);
/** Hand-made by its authors: another response begins inside the first. Two halves are not a response. */
const spliced = '42d9034e429c44e5';

const streams = rows
  .filter(row => row.status === 200 && row.framing === 'sse' && row.id !== spliced)
  .flatMap(row =>
    (severalAnswers.has(row.id) ? row.body.split(/(?<="message_stop"\}\s+)(?=event: message_start)/) : [row.body]).map(body => ({
      ...row,
      body,
    })),
  );

/** The content that must be kept, in one form for both sides. */
interface Reading {
  text: string;
  reasoning: string;
  signatures: string[];
  calls: { id: unknown; name: unknown; input: unknown }[];
  finish: unknown;
  usage: { input: number; output: number; cached: number; cacheWrite: number; cacheWriteHour?: number; reasoning: number };
}

function readingOf(response: ReturnType<typeof anthropic.parseResponse>): Reading {
  expect(response).not.toHaveProperty('kind');
  const { choices, usage } = response as ChatResponse;
  const { content, finish } = choices[0]!;
  const { source, ...counts } = usage!;
  expect(source).toBe('provider');
  return {
    text: content.map(part => (part.type === 'text' ? part.text : '')).join(''),
    reasoning: content.map(part => (part.type === 'reasoning' ? part.text : '')).join(''),
    signatures: content.flatMap(part => (part.type === 'reasoning' && part.signature !== undefined ? [part.signature] : [])),
    calls: content.flatMap(part =>
      part.type === 'tool-call' ? [{ id: part.id, name: part.name, input: JSON.parse(part.arguments) }] : [],
    ),
    finish: finish.raw,
    usage: counts,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the reference parser takes untyped bodies
type Body = any;

function plainReading(message: Body): Reading {
  const blocks: Body[] = message.content;
  const of = (type: string): Body[] => blocks.filter(block => block.type === type);
  const { usage } = message;
  return {
    text: of('text')
      .map(block => block.text)
      .join(''),
    reasoning: of('thinking')
      .map(block => block.thinking)
      .join(''),
    signatures: of('thinking').flatMap(block => (block.signature ? [block.signature] : [])),
    calls: of('tool_use').map(({ id, name, input }) => ({ id, name, input })),
    finish: message.stop_reason,
    usage: {
      input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens,
      cached: usage.cache_read_input_tokens ?? 0,
      cacheWrite: usage.cache_creation_input_tokens ?? 0,
      ...(usage.cache_creation?.ephemeral_1h_input_tokens ? { cacheWriteHour: usage.cache_creation.ephemeral_1h_input_tokens } : {}),
      reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
    },
  };
}

/** The message that a stream makes up, by the documentation's rules alone. */
function plainMessage(body: string): Body {
  let message: Body;
  for (const line of body.split(/\r?\n/).filter(line => line.startsWith('data:'))) {
    const event: Body = JSON.parse(line.slice('data:'.length));
    if (event.type === 'message_start') message = event.message;
    if (event.type === 'content_block_start') message.content[event.index] = { json: '', ...event.content_block };
    const block = message?.content[event.index];
    const { delta } = event;
    if (delta?.type === 'text_delta') block.text += delta.text;
    if (delta?.type === 'thinking_delta') block.thinking += delta.thinking;
    if (delta?.type === 'signature_delta') block.signature = delta.signature;
    if (delta?.type === 'input_json_delta') block.json += delta.partial_json;
    if (event.type === 'content_block_stop' && block.json) block.input = JSON.parse(block.json);
    if (event.type === 'message_delta') Object.assign(message, delta);
    if (event.type === 'message_delta') Object.assign(message.usage, event.usage);
  }
  return message;
}

present(`recorded Anthropic answers${unlessRecorded(file)}`, () => {
  test('are complete: no row is skipped', () => {
    const read = new Set([...answers, ...streams, ...refusals].map(({ id }) => id));
    expect(rows.filter(({ id }) => !read.has(id)).map(({ id }) => id)).toEqual([spliced]);
    expect(answers.length).toBeGreaterThan(400);
    expect(streams.length).toBeGreaterThan(130);
    expect(refusals.length).toBeGreaterThanOrEqual(10);
  });

  test.each(answers)('$id: a non-streaming response has the content of its body', ({ body }) => {
    const parsed: JsonObject = JSON.parse(body);
    expect(readingOf(anthropic.parseResponse(parsed))).toEqual(plainReading(parsed));
  });

  test.each(streams)(
    '$id: a streaming response has the content of its events, at the recorded chunk borders',
    ({ body, chunk_lengths }) => {
      expect(readingOf(parseRechunked(anthropic, body, chunk_lengths ?? []))).toEqual(plainReading(plainMessage(body)));
    },
  );

  test('streams are parsed equally at any chunk borders', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(fc.constantFrom(...streams), lengths, ({ body }, chunks) => {
        expect(parseRechunked(anthropic, body, chunks)).toEqual(parseRechunked(anthropic, body, []));
      }),
      { numRuns: process.env.HINDCAST_LONG ? 2_000 : 150 },
    );
  });

  test('a stream cut before its last event is truncated, never a response', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...streams), share, ({ body }, at) => {
        const cut = body.slice(0, Math.floor(at * body.lastIndexOf('event: message_stop')));
        expect(parseRechunked(anthropic, cut, [])).toMatchObject({ kind: expect.stringMatching(/^(truncated|invalid-response)$/) });
      }),
      { numRuns: process.env.HINDCAST_LONG ? 2_000 : 150 },
    );
  });

  test('two responses spliced into one stream are a failure', () => {
    const row = rows.find(({ id }) => id === spliced)!;
    expect(parseRechunked(anthropic, row.body, [])).toMatchObject({ kind: 'invalid-response' });
  });

  const kinds: Record<number, string> = { 400: 'invalid-request', 401: 'authentication', 404: 'not-found' };
  test.each(refusals)('$id: an error response with status $status has its kind and its message', ({ status, headers, body }) => {
    const { error } = JSON.parse(body);
    const expected = { kind: kinds[status], status, code: error.type, message: error.message };
    expect(anthropic.parseFailure(status, headers, body)).toEqual(expected);
  });
});
