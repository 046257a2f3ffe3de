/**
 * No feature of a response is lost silently: it is in the rendered response or named among the losses. For every caller format, streaming
 * and non-streaming.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, ChatResponse, Choice, Citation, Finish, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { responseLossesOf } from '../../gateway/core/chat/response-loss.ts';
import { callerFormats } from '../../gateway/dialects/index.ts';
import { maybe, together } from '../core/chat/chat-arbitraries.ts';

const numRuns = process.env.HINDCAST_LONG ? 5_000 : 150;

/** A word that occurs nowhere else. */
let count = 0;
const mark = fc.constant(null).map(() => `mk${count++}q`);
const data = mark.map(word => `${word}AAAA`);
const number = fc.integer({ min: 1, max: 9 }).map(digit => 7_000_000 + count++ * 10 + digit);

const citation = together([
  fc.record({ raw: fc.constant({}) }),
  fc.oneof(fc.record({ url: mark.map(word => `https://example.com/${word}`) }), fc.record({ document: mark })),
  maybe('title', mark),
  maybe('quote', mark),
  maybe('span', fc.constantFrom({ from: 0, to: 1_000 }, { from: 500, to: 900 })),
]) as fc.Arbitrary<Citation>;

const inline = (mediaType: string) => fc.record({ type: fc.constant('inline' as const), mediaType: fc.constant(mediaType), data });
const part = fc.oneof(
  together([fc.record({ type: fc.constant('text'), text: mark }), maybe('citations', fc.array(citation, { minLength: 1, maxLength: 3 }))]),
  fc.record({ type: fc.constant('refusal'), text: mark }),
  together([fc.record({ type: fc.constant('reasoning'), text: mark }), maybe('signature', mark)]),
  fc.record({ type: fc.constant('reasoning'), text: fc.constant(''), redacted: mark }),
  together([
    fc.record({
      type: fc.constant('tool-call'),
      id: mark,
      name: mark,
      arguments: fc.oneof(
        mark.map(word => `{"a":"${word}"}`),
        mark.map(word => `"${word}"`),
      ),
    }),
    maybe('signature', mark),
  ]),
  fc.record({ type: fc.constant('image'), source: inline('image/png') }),
  fc.record({ type: fc.constant('document'), source: inline('application/pdf') }),
) as fc.Arbitrary<Part>;
const sound = fc.record({ type: fc.constant('audio' as const), source: inline('audio/wav') });

const finish = together([
  fc.record({ reason: fc.constant('stop'), raw: fc.constant('stop') }),
  maybe('sequence', mark),
]) as fc.Arbitrary<Finish>;
const token = fc.record({
  token: mark,
  logprob: fc.constant(-0.5),
  top: fc.array(fc.record({ token: mark, logprob: fc.constant(-1) }), { maxLength: 2 }),
});
const choice = together([
  fc.record({
    content: fc
      .tuple(fc.array(part, { maxLength: 5 }), fc.option(sound))
      .map(([parts, received]) => (received ? [...parts, received] : parts)),
    finish,
  }),
  maybe('logprobs', fc.array(token, { minLength: 1, maxLength: 2 })),
  maybe('unread', fc.array(mark, { minLength: 1, maxLength: 2 })),
]) as fc.Arbitrary<Omit<Choice, 'index'>>;
const counts = together([
  fc.record({
    input: fc.constant(99_000_000),
    output: fc.constant(9_000_000),
    cached: fc.constant(0),
    cacheWrite: fc.oneof(fc.constant(0), number),
    reasoning: fc.constant(0),
    source: fc.constant('provider'),
  }),
  maybe('audioInput', number),
  maybe('audioOutput', number),
]);
const answers = together([
  fc.record({ id: mark, model: mark }),
  fc.array(choice, { minLength: 1, maxLength: 2 }).map(list => ({ choices: list.map((one, index) => ({ index, ...one })) })),
  fc.record({ usage: counts }),
  maybe('serviceTier', mark),
]) as fc.Arbitrary<ChatResponse>;

interface Saying {
  readonly field: string;
  readonly words: readonly string[];
}

function* sayingsOf({ id, model, choices, usage, serviceTier }: ChatResponse): Generator<Saying> {
  yield { field: 'id', words: [id, model] };
  for (const {
    content,
    finish: { sequence },
    logprobs = [],
    unread = [],
  } of choices) {
    for (const one of content) yield* ofPart(one);
    for (const { token: word, top } of logprobs) yield { field: 'answer.logprobs', words: [word, ...top.map(other => other.token)] };
    if (sequence) yield { field: 'answer.stop_sequence', words: [sequence] };
    for (const what of unread) yield { field: `answer.${what}`, words: [what] };
  }
  for (const audio of [usage?.audioInput, usage?.audioOutput])
    if (audio) yield { field: 'answer.usage.audio_tokens', words: [`:${audio}`] };
  if (usage?.cacheWrite) yield { field: 'answer.usage.cache_write_tokens', words: [`:${usage.cacheWrite}`] };
  if (serviceTier) yield { field: 'answer.service_tier', words: [serviceTier] };
}

function* ofPart(one: Part): Generator<Saying> {
  switch (one.type) {
    case 'text':
      yield { field: 'never', words: [one.text] };
      for (const { url, document, title, quote } of one.citations ?? []) {
        yield { field: 'answer.citations', words: [url ?? document ?? '', title ?? ''] };
        yield { field: 'answer.citations', words: [quote ?? ''] };
      }
      return;
    case 'refusal':
      yield { field: 'never', words: [one.text] };
      return;
    case 'reasoning':
      yield { field: 'answer.reasoning', words: [one.text] };
      yield { field: 'answer.reasoning.', words: [one.signature ?? '', one.redacted ?? ''] };
      return;
    case 'tool-call':
      yield { field: 'answer.tool_calls', words: [one.id, one.name, /mk\d+q/.exec(one.arguments)![0]] };
      yield { field: 'answer.tool_calls', words: [one.signature ?? ''] };
      return;
    case 'image':
    case 'audio':
    case 'document':
      yield {
        field: one.type === 'audio' ? 'answer.audio' : `answer.${one.type}s`,
        words: [one.source.type === 'inline' ? one.source.data : ''],
      };
  }
}

const requestFor = (stream: boolean): ChatRequest => ({ model: 'm', messages: [], tools: [], stream, stop: [], extra: {} });

describe.each(callerFormats.map(dialect => [dialect.name, dialect] as const))('%s', (_, dialect) => {
  test.each([false, true])('renders every feature of a response or names it among the losses; streaming: %s', stream => {
    fc.assert(
      fc.property(answers, original => {
        // Two formats have one choice, and their requests cannot ask for more.
        const answer = dialect.responseLosses.choices ? { ...original, choices: original.choices.slice(0, 1) } : original;
        const renderer = dialect.renderStream({ includeUsage: true, request: requestFor(stream) });
        const sent = stream
          ? eventsOf(answer).map(renderer.render).join('') + renderer.end()
          : dialect.renderResponse(answer, 0, requestFor(stream));
        const owned = responseLossesOf(answer, dialect.responseLosses, requestFor(stream)).map(({ field }) => field);
        // Framing may split deltas, but never within one of these words.
        const lost = [...sayingsOf(answer)].filter(
          ({ field, words }) => !words.every(word => sent.includes(word)) && !owned.some(own => own.startsWith(field)),
        );
        expect(lost).toEqual([]);
      }),
      { numRuns },
    );
  });
});
