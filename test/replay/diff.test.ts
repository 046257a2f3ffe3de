/** When two responses to the same request count as different. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diff } from '../../replay/comparison/diff.ts';
import { verdictOf } from '../../replay/comparison/pairs.ts';
import { totalsOf } from '../../replay/comparison/totals.ts';
import type { Answer } from '../../replay/recorded/answer.ts';
import { canonicalText, jsonPaths, parseJson } from '../../replay/recorded/canonical.ts';

const answer = (change: Partial<Answer> = {}): Answer => ({
  outcome: 'ok',
  target: 'sim/small',
  text: 'The answer is 42.',
  toolCalls: [],
  finish: 'stop',
  inputTokens: 10,
  outputTokens: 6,
  costNanoUsd: 1_000,
  latencyMs: 100,
  ...change,
});
const call = (name: string, args: unknown) => ({ name, arguments: typeof args === 'string' ? args : JSON.stringify(args) });

describe('the ladder', () => {
  test.each<[string, Partial<Answer>, Partial<Answer>, string, string]>([
    ['the same letters', {}, {}, 'same', 'exact'],
    ['other white space and typographic quotes', { text: 'He said “yes” .\n' }, { text: 'He  said "yes" .' }, 'equivalent', 'normalised'],
    ['another word', { text: 'yes' }, { text: 'no' }, 'different', 'short'],
    ['a word in quotes', { text: 'refund' }, { text: '"refund".' }, 'equivalent', 'short'],
    ['the same number', { text: '1,200' }, { text: '1200.0' }, 'equivalent', 'short'],
    ['another number', { text: '42' }, { text: '41' }, 'different', 'short'],
    ['a share', { text: '42%' }, { text: '0.42' }, 'equivalent', 'short'],
    ['a number and a sentence', { text: '42' }, { text: 'It is 42.' }, 'undecided', 'similarity'],
    ['another case, which is content', { text: 'Polish' }, { text: 'polish' }, 'undecided', 'similarity'],
    ['JSON in another order and layout', { text: '{"a":1,"b":[2]}' }, { text: '{ "b": [2],\n"a": 1 }' }, 'equivalent', 'json'],
    ['JSON in a fence', { text: '{"a":1}' }, { text: '```json\n{"a": 1}\n```' }, 'equivalent', 'json'],
    ['JSON with another value', { text: '{"a":1}' }, { text: '{"a":2}' }, 'different', 'json'],
    ['calls with the same arguments', { toolCalls: [call('f', { x: 1 })] }, { toolCalls: [call('f', { x: 1 })] }, 'same', 'tool-calls'],
    [
      'arguments in another order',
      { toolCalls: [call('f', '{"x":1,"y":2}')] },
      { toolCalls: [call('f', '{"y":2,"x":1}')] },
      'equivalent',
      'tool-calls',
    ],
    ['another argument', { toolCalls: [call('f', { x: 1 })] }, { toolCalls: [call('f', { x: 2 })] }, 'different', 'tool-calls'],
    ['another tool', { toolCalls: [call('f', {})] }, { toolCalls: [call('g', {})] }, 'different', 'tool-calls'],
    ['a call in place of words', {}, { toolCalls: [call('f', {})] }, 'different', 'tool-calls'],
    ['only one side answered', {}, { outcome: 'timeout' }, 'failed', 'status'],
    ['failed in two ways', { outcome: 'timeout' }, { outcome: 'upstream_error' }, 'different', 'status'],
  ])('%s', (_, recorded, replayed, likeness, decidedBy) => {
    expect(diff(answer(recorded), answer(replayed))).toMatchObject({ likeness, decidedBy });
  });

  test('names the JSON paths that differ', () => {
    const found = diff(answer({ text: '{"a":{"b":[1,2]},"c":1}' }), answer({ text: '{"a":{"b":[1,3]},"d":1}' }));
    expect(found.details).toEqual(['$.a.b[1]', '$.c', '$.d']);
  });

  test('shows where two texts part', () => {
    expect(diff(answer({ text: 'It is green, surely.' }), answer({ text: 'It is red, surely.' })).details[0]).toContain(
      'green, surely.” → “It is red',
    );
  });

  test('is about differences of replayed less recorded, and knows no cost without both prices', () => {
    const unpriced: Answer = { ...answer({ latencyMs: 40, outputTokens: 9 }) };
    expect(diff(answer(), answer({ costNanoUsd: 250, latencyMs: 40, outputTokens: 9 }))).toMatchObject({
      costNanoUsd: -750,
      latencyMs: -60,
      outputTokens: 3,
    });
    const { costNanoUsd: _, ...free } = unpriced;
    expect(diff(answer(), free)).not.toHaveProperty('costNanoUsd');
  });

  test('calls no response different from itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.record({ name: fc.string(), arguments: fc.string() }), { maxLength: 3 }), (text, toolCalls) => {
        expect(diff(answer({ text, toolCalls }), answer({ text, toolCalls })).likeness).toBe('same');
      }),
    );
  });

  test('is symmetric in its verdict', () => {
    const sides = fc.record({ text: fc.oneof(fc.json(), fc.string()), finish: fc.constantFrom('stop', 'length') });
    fc.assert(fc.property(sides, sides, (a, b) => diff(answer(a), answer(b)).likeness === diff(answer(b), answer(a)).likeness));
  });
});

describe('a verdict', () => {
  const words = [answer({ text: 'It is green.' }), answer({ text: 'Green it is.' })] as const;

  test.each(['equivalent', 'different', 'undecided'] as const)('decides what cheaper methods could not: %s', likeness => {
    const judged = diff(...words, { judged: { likeness } });
    expect(judged).toMatchObject({ likeness, decidedBy: 'judge', paths: likeness === 'equivalent' ? [] : ['text'] });
  });

  test('of a judge that contradicts itself in the other order decides nothing', () => {
    expect([1, 0.75, 0.5, 0.25, 0].map(score => verdictOf(score).likeness)).toEqual([
      'equivalent',
      'equivalent',
      'undecided',
      'different',
      'different',
    ]);
  });

  test('changes nothing that was decided without it', () => {
    const other = answer({ text: '{"a":1}' });
    expect(diff(other, answer({ text: '{"a":2}' }), { judged: { likeness: 'equivalent' } }).likeness).toBe('different');
  });
});

describe('unordered lists', () => {
  const unordered = new Set(['$.items', '$.items[*].tags']);
  const text = (value: unknown): Answer => answer({ text: JSON.stringify(value) });

  test('are equal in any order, nested ones as well; other lists compare by order', () => {
    const [a, b] = [text({ items: [{ id: 1, tags: ['x', 'y'] }, { id: 2 }] }), text({ items: [{ id: 2 }, { tags: ['y', 'x'], id: 1 }] })];
    expect(diff(a, b, { unordered })).toMatchObject({ likeness: 'equivalent', paths: [] });
    expect(diff(a, b).likeness).toBe('different');
    expect(diff(text({ other: [1, 2] }), text({ other: [2, 1] }), { unordered }).likeness).toBe('different');
  });

  test('differ in items of one side only, and in their counts', () => {
    const found = diff(text({ items: [{ id: 1 }, { id: 2, price: 5 }] }), text({ items: [{ id: 2, price: 6 }, { id: 1 }] }), { unordered });
    expect(found.paths).toEqual(['$.items[*].price']);
    expect(diff(text({ items: [1, 1, 2] }), text({ items: [1, 2, 2] }), { unordered }).likeness).toBe('different');
    expect(diff(text({ items: [1] }), text({ items: [1, 1] }), { unordered }).paths).toEqual(['$.items.length']);
  });

  test('apply to the arguments of tool calls', () => {
    const calls = (items: readonly number[]): Answer => answer({ toolCalls: [call('f', { items })] });
    expect(diff(calls([1, 2]), calls([2, 1]), { unordered }).likeness).toBe('equivalent');
  });

  test('never differ by order alone', () => {
    const items = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 });
    const shuffled = items.chain(drawn => fc.tuple(fc.constant(drawn), fc.shuffledSubarray(drawn, { minLength: drawn.length })));
    fc.assert(
      fc.property(shuffled, items, ([given, moved], other) => {
        expect(diff(text({ items: given }), text({ items: moved }), { unordered }).paths).toEqual([]);
        const as = (some: readonly unknown[]) =>
          diff(text({ items: some }), text({ items: other }), { unordered }).likeness === 'different';
        expect(as(moved)).toBe(as(given));
      }),
    );
  });
});

describe('canonical forms', () => {
  test('canonical text is a fixed point', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => canonicalText(canonicalText(text)) === canonicalText(text)));
  });

  test('a value has no path at which it differs from itself, whatever its text', () => {
    fc.assert(fc.property(fc.jsonValue(), value => jsonPaths(value as never, JSON.parse(JSON.stringify(value))).length === 0));
  });

  test('words, numbers and incomplete objects are not JSON responses', () => {
    expect(['yes', '42', '"x"', '{"a":', 'See {"a":1}'].map(parseJson)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });
});

test('totals count every pair once and add up both sides', () => {
  const pair = (recorded: Answer, replayed: Answer) => ({
    id: '',
    cluster: '',
    weight: 1,
    recorded,
    replayed,
    diff: diff(recorded, replayed),
  });
  const { costNanoUsd: _, ...unpriced } = answer({ text: 'other' });
  const totals = totalsOf([
    { ...pair(answer(), answer({ costNanoUsd: 500 })), weight: 6 },
    pair(answer(), answer({ outcome: 'timeout' })),
    pair(answer(), unpriced),
  ]);
  expect(totals).toMatchObject({
    weight: 8,
    shares: { same: 0.75, undecided: 0.125, failed: 0.125 },
    pairs: 3,
    likeness: { same: 1, equivalent: 0, undecided: 1, different: 0, failed: 1 },
    unpriced: 1,
    recorded: { costNanoUsd: 1_000, outputTokens: 12 },
    replayed: { costNanoUsd: 500, outputTokens: 12 },
  });
});
