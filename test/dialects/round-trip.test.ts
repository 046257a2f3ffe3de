/** A caller format mirrors its provider: rendered responses are parsed back equally, and parsed requests are rendered back equally. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse, Choice, Finish, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { type Json, type JsonObject, parseJson } from '../../gateway/core/chat/json.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import { unwrapSignature, wrapSignature } from '../../gateway/core/chat/reasoning-signature.ts';
import { anthropicMessages } from '../../gateway/dialects/anthropic.ts';
import { geminiFor, geminiGenerate } from '../../gateway/dialects/gemini.ts';
import { openaiResponses } from '../../gateway/dialects/responses.ts';
import { providers } from '../../gateway/providers/index.ts';
import { call, maybe, name, streamable, together, tokens, usage, words } from '../core/chat/chat-arbitraries.ts';
import { anyRequest } from '../providers/any-request.ts';
import { parseRechunked } from '../providers/rechunk.ts';

const numRuns = process.env.HINDCAST_LONG ? 3_000 : 100;

interface Pair {
  readonly dialect: CallerFormat;
  readonly provider: Provider;
  readonly model: string;
  /** Parts in an order that the format can carry. */
  readonly content: fc.Arbitrary<readonly Part[]>;
  readonly finish: (content: readonly Part[]) => fc.Arbitrary<Finish>;
  readonly choicesMax: number;
  readonly hasCreated: boolean;
  readonly hasCacheWrites: boolean;
  readonly hasLogprobs: boolean;
}

const text: fc.Arbitrary<Part> = fc.record({ type: fc.constant('text' as const), text: words });
const refusal: fc.Arbitrary<Part> = fc.record({ type: fc.constant('refusal' as const), text: words });
const thought: fc.Arbitrary<Part> = fc.record({ type: fc.constant('reasoning' as const), text: words });
const signed: fc.Arbitrary<Part> = fc.record({ type: fc.constant('reasoning' as const), text: words, signature: words });
const redacted: fc.Arbitrary<Part> = fc.record({ type: fc.constant('reasoning' as const), text: fc.constant(''), redacted: words });
/** For formats whose arguments are an object. */
const objectCall = (isSigned: boolean): fc.Arbitrary<Part> =>
  together([
    fc.record({
      type: fc.constant('tool-call'),
      id: fc.stringMatching(/^[\w-]{1,40}$/),
      name,
      arguments: fc.dictionary(name, fc.jsonValue()).map(value => JSON.stringify(JSON.parse(JSON.stringify(value)))),
    }),
    isSigned ? maybe('signature', words) : fc.constant({}),
  ]) as fc.Arbitrary<Part>;

const parts = (...kinds: readonly fc.Arbitrary<Part>[]): fc.Arbitrary<readonly Part[]> =>
  fc.array(fc.oneof(...kinds), { maxLength: 6 }).map(settled);

function settled(list: readonly Part[]): readonly Part[] {
  const left = streamable(list);
  return left.length === list.length ? left : settled(left);
}

const calls = (content: readonly Part[]): boolean => content.some(part => part.type === 'tool-call');
const refuses = (content: readonly Part[]): boolean => content.some(part => part.type === 'refusal');
const oneOf = (...finishes: readonly Finish[]): fc.Arbitrary<Finish> => fc.constantFrom(...finishes);

const pairs: readonly Pair[] = [
  {
    dialect: anthropicMessages,
    provider: providers.anthropic!,
    model: 'claude-opus-4-6',
    content: fc
      .tuple(parts(text, signed, redacted, objectCall(false)), fc.option(refusal))
      .map(([sent, refused]) => (refused ? [...sent, refused] : sent)),
    finish: content =>
      refuses(content)
        ? oneOf({ reason: 'refusal', raw: 'refusal' })
        : oneOf(
            calls(content) ? { reason: 'tool-calls', raw: 'tool_use' } : { reason: 'stop', raw: 'end_turn' },
            { reason: 'length', raw: 'max_tokens' },
            { reason: 'stop', raw: 'stop_sequence', sequence: 'END' },
            { reason: 'other', raw: 'pause_turn' },
          ),
    choicesMax: 1,
    hasCreated: false,
    hasCacheWrites: true,
    hasLogprobs: false,
  },
  {
    dialect: openaiResponses,
    provider: providers['openai-responses']!,
    model: 'gpt-5.1',
    content: parts(text, refusal, thought, signed, call(false)),
    finish: content =>
      oneOf(
        calls(content)
          ? { reason: 'tool-calls', raw: 'completed' }
          : refuses(content)
            ? { reason: 'refusal', raw: 'completed' }
            : { reason: 'stop', raw: 'completed' },
        { reason: 'length', raw: 'max_output_tokens' },
        { reason: 'content-filter', raw: 'content_filter' },
        { reason: 'other', raw: 'tired' },
      ),
    choicesMax: 1,
    hasCreated: true,
    hasCacheWrites: true,
    hasLogprobs: false,
  },
  {
    dialect: geminiGenerate,
    provider: providers.gemini!,
    model: 'gemini-3.1-pro',
    content: fc
      .tuple(parts(text, thought, signed), fc.array(objectCall(true), { maxLength: 2 }))
      .map(([sent, called]) => [...sent, ...called]),
    finish: content =>
      oneOf(
        calls(content) ? { reason: 'tool-calls', raw: 'STOP' } : { reason: 'stop', raw: 'STOP' },
        { reason: 'length', raw: 'MAX_TOKENS' },
        { reason: 'content-filter', raw: 'RECITATION' },
        { reason: 'other', raw: 'LANGUAGE' },
      ),
    choicesMax: 3,
    hasCreated: false,
    hasCacheWrites: false,
    hasLogprobs: true,
  },
];

function answersOf(pair: Pair): fc.Arbitrary<ChatResponse> {
  const choice = pair.content.chain(content =>
    together([fc.record({ finish: pair.finish(content) }), pair.hasLogprobs ? maybe('logprobs', tokens) : fc.constant({})]).map(
      members => ({ content, ...members }) as Omit<Choice, 'index'>,
    ),
  );
  const counts = usage.map(({ audioInput: _, audioOutput: __, ...rest }) => (pair.hasCacheWrites ? rest : { ...rest, cacheWrite: 0 }));
  return together([
    fc.record({ id: words, model: words }),
    pair.hasCreated ? fc.record({ created: fc.integer({ min: 1, max: 4_000_000_000 }) }) : fc.constant({}),
    fc
      .array(choice, { minLength: 1, maxLength: pair.choicesMax })
      .map(list => ({ choices: list.map((one, index) => ({ index, ...one })) })),
    // Anthropic's streams always have some usage.
    fc.record({ usage: counts }),
  ]) as fc.Arbitrary<ChatResponse>;
}

describe.each(pairs)('$dialect.name', pair => {
  const { dialect, provider, model } = pair;
  const answers = answersOf(pair);

  test('a non-streaming response can be parsed back', () => {
    fc.assert(
      fc.property(answers, answer => {
        expect(provider.parseResponse(JSON.parse(dialect.renderResponse(answer)))).toEqual(answer);
      }),
      { numRuns },
    );
  });

  test('a streaming response can be parsed back, at any chunk borders', () => {
    fc.assert(
      fc.property(answers, fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 60 }), (answer, chunks) => {
        const renderer = dialect.renderStream({ includeUsage: true });
        const body = eventsOf(answer).map(renderer.render).join('') + renderer.end();
        expect(parseRechunked(provider, body, chunks)).toEqual(answer);
      }),
      { numRuns },
    );
  });

  test('a stream that breaks anywhere is not a complete response', () => {
    fc.assert(
      fc.property(answers, fc.nat(), (answer, at) => {
        const renderer = dialect.renderStream({ includeUsage: true });
        const events = eventsOf(answer);
        const rendered = events
          .slice(0, at % events.length)
          .map(renderer.render)
          .join('');
        const error = { status: 502, type: 'upstream_error', code: 'upstream_truncated', message: 'It was cut.', param: null };
        expect(parseRechunked(provider, rendered + renderer.fail(error), [])).toHaveProperty('kind');
      }),
      { numRuns },
    );
  });

  test('a request in its format is rendered back equally', () => {
    fc.assert(
      fc.property(anyRequest, request => {
        const { body } = provider.renderRequest(request, model);
        // Without any content there is no request.
        fc.pre(!/"(?:messages|contents|input)":\[\]/.test(body));
        const parsed = reading(dialect, model, request.stream).parseRequest(parseJson(body) as JsonObject);
        if ('problem' in parsed) throw new Error(`${JSON.stringify(parsed.problem)} in ${body}`);
        expect(parsed.unread ?? []).toEqual([]);
        expect(JSON.parse(provider.renderRequest(parsed, model).body)).toEqual(JSON.parse(body));
      }),
      { numRuns },
    );
  });

  test('any value in any place gives a request or a problem with a name', () => {
    const { body } = provider.renderRequest(rich, model);
    const places = [...placesIn(parseJson(body)!)];
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
        const parsed = reading(dialect, model, false).parseRequest(put(parseJson(body)!, place, value as Json) as JsonObject);
        if ('problem' in parsed) expect(parsed.problem.message).toMatch(/\w/);
        else expect(parsed.messages.length).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: numRuns * 3 },
    );
  });
});

/** Gemini's model and streaming are given by the path. */
const reading = (dialect: CallerFormat, model: string, stream: boolean): CallerFormat =>
  dialect === geminiGenerate ? geminiFor(model, stream, true) : dialect;

const rich: ChatRequest = {
  model: 'm',
  messages: [
    { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'hi' },
        { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'AAAA' } },
        { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } },
      ],
    },
    { role: 'assistant', content: [{ type: 'tool-call', id: 'c1', name: 'now', arguments: '{"a":1}' }] },
    { role: 'tool', content: [{ type: 'tool-result', id: 'c1', name: 'now', content: [{ type: 'text', text: 'noon' }] }] },
  ],
  tools: [{ name: 'now', description: 'Tells.', parameters: { type: 'object', properties: {} } }],
  toolChoice: { type: 'auto' },
  stream: false,
  stop: ['END'],
  maxOutputTokens: 4_000,
  output: { type: 'json-schema', name: 'o', schema: { type: 'object', properties: {}, additionalProperties: false } },
  reasoning: { effort: 'low' },
  user: 'u',
  extra: {},
};

type Place = readonly (string | number)[];

function* placesIn(value: Json, at: Place = []): Generator<Place> {
  if (at.length > 0) yield at;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesIn(inner as Json, [...at, Array.isArray(value) ? Number(key) : key]);
}

function put(value: Json, [key, ...rest]: Place, wanted: Json): Json {
  if (key === undefined) return wanted;
  if (Array.isArray(value)) return (value as readonly Json[]).map((item, index) => (index === key ? put(item, rest, wanted) : item));
  const object = value as JsonObject;
  return { ...object, [key]: put(object[key]!, rest, wanted) };
}

test('a marked signature is unwrapped with its origin, and any other is not', () => {
  fc.assert(
    fc.property(fc.constantFrom('anthropic-messages', 'gemini-generate'), fc.string({ maxLength: 40 }), (wire, signature) => {
      expect(unwrapSignature(wrapSignature(wire, signature))).toEqual({ wire, signature });
      expect(unwrapSignature(signature)).toBeUndefined();
    }),
    { numRuns },
  );
});
