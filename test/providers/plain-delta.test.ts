/** A chunk that is nothing but a piece of text is read by a shorter way, and says the same as by the long one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openai } from '../../gateway/providers/openai.ts';
import { runs } from '../runs.ts';

/** Undefined mostly: an error ends all that follows. */
const rarely = (value: unknown) => fc.oneof({ weight: 24, arbitrary: fc.constant(undefined) }, fc.constant(value));
const texts = fc.constantFrom('a', 'b', 'ab', 'm', 'c1', '', 'a"b', 'a\nb', '\\', 'é', '"}}],"usage":null,"x":{"y":{"z":"', 'content');
const delta = fc.record({
  content: fc.constantFrom<unknown>('text', '', null, undefined, [{ type: 'text', text: 'part' }]),
  role: fc.constantFrom('assistant', undefined),
  refusal: fc.constantFrom<unknown>(undefined, null, 'no'),
  reasoning: fc.constantFrom(undefined, undefined, 'because'),
});
const choice = fc.record({
  index: fc.oneof({ weight: 20, arbitrary: fc.constantFrom<unknown>(0, 0, 1, undefined) }, fc.constantFrom<unknown>(-1, 0.5)),
  delta: fc.oneof({ weight: 5, arbitrary: fc.record({ content: texts }) as fc.Arbitrary<object> }, delta),
  logprobs: fc.constantFrom<unknown>(null, undefined, { content: [{ token: 'a', logprob: -0.1, top_logprobs: [] }] }),
  finish_reason: fc.constantFrom<unknown>(null, null, null, undefined, 'stop', ''),
  error: rarely({ message: 'broken' }),
});
const chunk = fc.record({
  id: fc.constantFrom('c1', 'c1', 'c2'),
  model: fc.constant('m'),
  choices: fc.oneof({ weight: 4, arbitrary: fc.tuple(choice) as fc.Arbitrary<object[]> }, fc.array(choice, { maxLength: 2 })),
  usage: fc.constantFrom<unknown>(null, undefined, undefined, { prompt_tokens: 1, completion_tokens: 2 }),
  service_tier: fc.constantFrom(undefined, undefined, 'default', 'flex', ''),
  error: rarely({ message: 'broken' }),
});

/** As a stream's chunks are: they differ in their text, and in the end of one here and there. */
const alike = fc
  .tuple(texts, fc.constantFrom(null, null, null, 'stop'), fc.constantFrom(null, null, null, { prompt_tokens: 1, completion_tokens: 2 }))
  .map(([content, finish, usage]) => ({
    id: 'c1',
    model: 'm',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
    usage,
  }));
const anyChunk = fc.oneof({ weight: 6, arbitrary: alike as fc.Arbitrary<object> }, { weight: 1, arbitrary: chunk as fc.Arbitrary<object> });

test('whatever chunks come, in whatever order', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(fc.tuple(anyChunk, rarely('error')), { maxLength: 20 }),
        fc.array(fc.tuple(chunk as fc.Arbitrary<object>, rarely('error')), { maxLength: 12 }),
      ),
      drawn => {
        const [short, long] = [openai.parseStream(), openai.parseStream()];
        for (const [value, event] of drawn) {
          const named = event === undefined ? {} : { event: String(event) };
          // A member that nobody reads, and that the shorter way does not know.
          const reported = long.parse({ ...named, data: JSON.stringify({ ...value, unknown_member: 1 }) });
          expect(short.parse({ ...named, data: JSON.stringify(value) })).toEqual(reported);
        }
        expect(short.end()).toEqual(long.end());
      },
    ),
    runs(1_000),
  );
});
