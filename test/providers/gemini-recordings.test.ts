/** Every recorded response of Gemini's generateContent and streamGenerateContent is parsed without loss. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import { gemini } from '../../gateway/providers/gemini.ts';
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

const file = 'wire/gemini.jsonl';
const rows = recordedRows<Row>(file).filter(row => row.api === 'generateContent' || row.api === 'streamGenerateContent');
const answers = rows.filter(row => row.status === 200 && row.framing === 'json');
const streams = rows.filter(row => row.status === 200 && row.framing === 'sse');
const refusals = rows.filter(row => row.status >= 400);
const present = describe.skipIf(rows.length === 0);

/** The content that must be kept, in one form for both sides, without generated ids. */
interface Reading {
  text: string;
  reasoning: string;
  signatures: string[];
  calls: { id?: unknown; name: unknown; input: unknown; signature: unknown }[];
  finish: unknown;
  usage: { input: number; output: number; cached: number; cacheWrite: number; reasoning: number };
}

const invented = /^call_[\w-]+_\d+$/;

function readingOf(response: ReturnType<typeof gemini.parseResponse>): Reading {
  expect(response).not.toHaveProperty('kind');
  const { choices, usage } = response as ChatResponse;
  expect(choices).toHaveLength(1);
  const { content, finish } = choices[0]!;
  const { source, audioInput, audioOutput, audioCached, ...counts } = usage!;
  const calls = content.filter(part => part.type === 'tool-call');
  expect(source).toBe('provider');
  expect(new Set(calls.map(call => call.id)).size, 'ids differ').toBe(calls.length);
  return {
    text: content.map(part => (part.type === 'text' ? part.text : '')).join(''),
    reasoning: content.map(part => (part.type === 'reasoning' ? part.text : '')).join(''),
    signatures: content.flatMap(part => (part.type === 'reasoning' && part.signature !== undefined ? [part.signature] : [])),
    calls: calls.map(({ id, name, arguments: input, signature }) => ({
      ...(invented.test(id) ? {} : { id }),
      name,
      input: JSON.parse(input),
      signature,
    })),
    finish: finish.raw,
    usage: counts,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the reference parser takes untyped bodies
type Body = any;

function plainReading(chunks: Body[]): Reading {
  const candidates: Body[] = chunks.flatMap(chunk => chunk.candidates ?? []);
  const parts: Body[] = candidates.flatMap(candidate => candidate.content?.parts ?? []);
  const usage: Body = chunks.map(chunk => chunk.usageMetadata).findLast(counts => counts?.promptTokenCount !== undefined);
  return {
    text: parts.map(part => (part.thought ? '' : (part.text ?? ''))).join(''),
    reasoning: parts.map(part => (part.thought ? part.text : '')).join(''),
    signatures: parts.filter(part => typeof part.text === 'string' && part.thoughtSignature).map(part => part.thoughtSignature),
    calls: plainCalls(parts.filter(part => part.functionCall)),
    finish: candidates.findLast(candidate => candidate.finishReason).finishReason,
    usage: {
      input: usage.promptTokenCount + (usage.toolUsePromptTokenCount ?? 0),
      output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
      cached: usage.cachedContentTokenCount ?? 0,
      cacheWrite: 0,
      reasoning: usage.thoughtsTokenCount ?? 0,
    },
  };
}

/** A part with a name starts a call; parts without one continue the call before them. */
function plainCalls(parts: Body[]): Reading['calls'] {
  const calls: { id?: unknown; name: unknown; input: Body; signature: unknown }[] = [];
  for (const { functionCall, thoughtSignature } of parts) {
    const { id, name, args, partialArgs } = functionCall;
    if (name) calls.push({ ...(id ? { id } : {}), name, input: args ?? {}, signature: thoughtSignature });
    for (const { jsonPath, stringValue, numberValue, boolValue } of partialArgs ?? []) {
      const keys: string[] = jsonPath.match(/[^.$[\]]+/g);
      const last = keys.pop()!;
      let at: Body = calls.at(-1)!.input;
      for (const [index, key] of keys.entries()) {
        at[key] ??= /^\d+$/.test(keys[index + 1] ?? last) ? [] : {};
        at = at[key];
      }
      at[last] = stringValue === undefined ? (numberValue ?? boolValue) : (at[last] ?? '') + stringValue;
    }
  }
  return calls;
}

const plainChunks = (body: string): Body[] =>
  body
    .split(/\r?\n/)
    .filter(line => line.startsWith('data:'))
    .map(line => JSON.parse(line.slice('data:'.length)));

present(`recorded Gemini answers${unlessRecorded(file)}`, () => {
  test('are complete: no row is skipped', () => {
    expect(answers.length + streams.length + refusals.length).toBe(rows.length);
    expect(answers.length).toBeGreaterThan(450);
    expect(streams.length).toBeGreaterThan(60);
    expect(refusals.length).toBeGreaterThan(45);
  });

  test.each(answers)('$id: a non-streaming response, or an array of chunks, has the content of its body', ({ body }) => {
    const parsed = JSON.parse(body);
    expect(readingOf(gemini.parseResponse(parsed))).toEqual(plainReading([parsed].flat()));
  });

  test.each(streams)(
    '$id: a streaming response has the content of its chunks, at the recorded chunk borders',
    ({ body, chunk_lengths }) => {
      expect(readingOf(parseRechunked(gemini, body, chunk_lengths ?? []))).toEqual(plainReading(plainChunks(body)));
    },
  );

  test('streams are parsed equally at any chunk borders', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(fc.constantFrom(...streams), lengths, ({ body }, chunks) => {
        expect(parseRechunked(gemini, body, chunks)).toEqual(parseRechunked(gemini, body, []));
      }),
      { numRuns: process.env.HINDCAST_LONG ? 2_000 : 150 },
    );
  });

  test('a stream without its last event is truncated, never a response', () => {
    for (const { id, body } of streams) {
      const events = body.trimEnd().split(/(?:\r?\n){2}/);
      const finish = events.findIndex(event => event.includes('"finishReason"'));
      const cut = events.slice(0, finish).join('\n\n');
      expect(parseRechunked(gemini, `${cut}\n\n`, []), id).toMatchObject({ kind: 'truncated' });
    }
  });

  test.each(refusals)('$id: an error response with status $status has its kind, its message and its wait', ({ status, headers, body }) => {
    const { error } = JSON.parse(body);
    const badKey = error.message.startsWith('API key not valid');
    const kind = { 400: badKey ? 'authentication' : 'invalid-request', 404: 'not-found', 429: 'rate-limited' }[status];
    const wait = status === 429 ? { retryAfterMs: 34_400 } : {};
    expect(gemini.parseFailure(status, headers, body)).toEqual({ kind, status, code: error.status, message: error.message, ...wait });
  });
});
