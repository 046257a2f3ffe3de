/** Arbitrary responses and requests in canonical form. */
import fc from 'fast-check';
import type { ChatResponse, Choice, Citation, Finish, FinishReason, Part, TokenLogprob, Usage } from '../../../gateway/core/chat/chat.ts';

/** An object with this member half of the time. */
export const maybe = <Key extends string, T>(key: Key, value: fc.Arbitrary<T>): fc.Arbitrary<{ [K in Key]?: T }> =>
  fc.option(value, { nil: undefined }).map(present => (present === undefined ? {} : { [key]: present }) as { [K in Key]?: T });

/** All members that are present, in one object. */
export const together = (parts: readonly fc.Arbitrary<object>[]): fc.Arbitrary<object> =>
  fc.tuple(...parts).map(members => Object.assign({}, ...members) as object);

/** Non-empty text of any characters, lone surrogates included. */
export const words = fc.string({
  minLength: 1,
  maxLength: 30,
  unit: fc.oneof(fc.constantFrom('a', ' ', '\n', '"', '\\', '\u2028'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
});
export const name = fc.stringMatching(/^[a-zA-Z][\w-]{0,15}$/);

const reasons: readonly FinishReason[] = ['stop', 'length', 'tool-calls', 'content-filter', 'refusal', 'error', 'other'];
const anyFinish: fc.Arbitrary<Finish> = fc.record({ reason: fc.constantFrom(...reasons), raw: fc.string({ maxLength: 10 }) });

const logprob = fc.double({ min: -50, max: 0, noNaN: true }).map(x => x + 0 || 0);
export const tokens: fc.Arbitrary<readonly TokenLogprob[]> = fc.array(
  fc.record({ token: words, logprob, top: fc.array(fc.record({ token: words, logprob }), { maxLength: 3 }) }),
  { minLength: 1, maxLength: 4 },
);

const count = fc.nat({ max: 100_000 });
export const usage: fc.Arbitrary<Usage> = fc
  .tuple(count, count, count, count, fc.option(count), fc.option(count))
  .map(([a, b, c, d, inAudio, outAudio]) => ({
    input: Math.max(a, b),
    output: Math.max(c, d),
    cached: Math.min(a, b),
    cacheWrite: Math.max(a, b) - Math.min(a, b),
    reasoning: Math.min(c, d),
    ...(inAudio ? { audioInput: inAudio } : {}),
    ...(outAudio ? { audioOutput: outAudio } : {}),
    source: 'provider' as const,
  }));

export const call = (signed: boolean): fc.Arbitrary<Part & { type: 'tool-call' }> =>
  together([
    fc.record({
      type: fc.constant('tool-call'),
      id: fc.stringMatching(/^[\w-]{1,40}$/),
      name,
      arguments: fc.oneof(fc.string(), fc.json()),
    }),
    signed ? maybe('signature', words) : fc.constant({}),
  ]) as fc.Arbitrary<Part & { type: 'tool-call' }>;

export const citation: fc.Arbitrary<Citation> = together([
  fc.record({ raw: fc.constant({ mark: 'raw' }) }),
  fc.oneof(
    fc.record({ url: words.map(word => `https://example.com/${encodeURIComponent(word.toWellFormed())}`) }),
    fc.record({ document: words }),
  ),
  maybe(
    'span',
    fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 20 })).map(([from, length]) => ({ from, to: from + length })),
  ),
  maybe('title', words),
  maybe('quote', words),
]) as fc.Arbitrary<Citation>;
const inline = fc.record({
  type: fc.constant('inline' as const),
  mediaType: fc.constant('image/png'),
  data: fc.base64String({ minLength: 4, maxLength: 16 }),
});

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: words }),
  fc.record({ type: fc.constant('text' as const), text: words, citations: fc.array(citation, { minLength: 1, maxLength: 3 }) }),
  fc.record({ type: fc.constantFrom('image' as const, 'audio' as const, 'document' as const), source: inline }),
  fc.record({ type: fc.constant('refusal' as const), text: words }),
  fc.record({ type: fc.constant('reasoning' as const), text: words }),
  fc.record({ type: fc.constant('reasoning' as const), text: fc.oneof(words, fc.constant('')), signature: words }),
  fc.record({ type: fc.constant('reasoning' as const), text: fc.constant(''), redacted: words }),
  call(true),
);

/** Parts that a stream keeps apart: no two texts in a row, and nothing of its own kind after open reasoning. */
export const streamable = (parts: readonly Part[]): readonly Part[] =>
  parts.filter((part, at) => {
    const before = parts[at - 1];
    if (part.type === 'text' || part.type === 'refusal') return before?.type !== part.type;
    if (part.type !== 'reasoning' || part.redacted !== undefined) return true;
    return before?.type !== 'reasoning' || before.signature !== undefined || before.redacted !== undefined;
  });

/** Repeats until nothing is removed, because a removed part may have separated two that join. */
function settled(parts: readonly Part[]): readonly Part[] {
  const left = streamable(parts);
  return left.length === parts.length ? left : settled(left);
}

export interface ResponseShape {
  readonly content: fc.Arbitrary<readonly Part[]>;
  readonly finish: (content: readonly Part[]) => fc.Arbitrary<Finish>;
  readonly unread?: fc.Arbitrary<readonly string[]>;
  readonly tier?: fc.Arbitrary<string>;
}

/** Responses of one to three choices. */
export const responses = ({ content, finish, unread, tier }: ResponseShape): fc.Arbitrary<ChatResponse> => {
  const choice = content.chain(parts =>
    together([fc.record({ finish: finish(parts) }), maybe('logprobs', tokens), unread ? maybe('unread', unread) : fc.constant({})]).map(
      members => ({ content: parts, ...members }),
    ),
  );
  return together([
    fc.record({ id: words, model: words }),
    maybe('created', fc.integer({ min: 1, max: 4_000_000_000 })),
    fc
      .array(choice, { minLength: 1, maxLength: 3 })
      .map(list => ({ choices: list.map((members, index) => ({ index, ...members }) as Choice) })),
    maybe('usage', usage),
    tier ? maybe('serviceTier', tier) : fc.constant({}),
  ]) as fc.Arbitrary<ChatResponse>;
};

/** Everything that a stream of events can express. */
export const anyResponse = responses({
  content: fc.array(part, { maxLength: 8 }).map(settled),
  finish: () => anyFinish,
  unread: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  tier: name,
});
