/** Answers whose provider counted nothing are counted by their length, and marked so. */
import { expect, test } from 'vitest';
import type { Part } from '../../gateway/core/chat.ts';
import { estimateUsage } from '../../gateway/core/estimate.ts';

const answer = (...contents: readonly (readonly Part[])[]) => ({
  id: '',
  model: '',
  choices: contents.map((content, index) => ({ index, content, finish: { reason: 'stop', raw: 'stop' } as const })),
});

test('four bytes are a token, of every choice and of every kind of content', () => {
  const text: Part = { type: 'text', text: 'x'.repeat(40) };
  const thought: Part = { type: 'reasoning', text: 'x'.repeat(20) };
  const call: Part = { type: 'tool-call', id: 'c', name: 'name', arguments: '{"a":123}' };
  expect(estimateUsage(401, answer([text, thought], [call]))).toEqual({
    input: 101,
    output: Math.ceil((60 + 13) / 4),
    cached: 0,
    cacheWrite: 0,
    reasoning: 5,
    source: 'estimated',
  });
});

test('letters count by their bytes, so that no language is estimated at a fraction of another', () => {
  const outputOf = (text: string): number => estimateUsage(0, answer([{ type: 'text', text }])).output;
  for (const text of ['abcd', 'übung', '深さは千米です', '👍🏽 yes']) expect(outputOf(text)).toBe(Math.ceil(Buffer.byteLength(text) / 4));
});

test('nothing said is nothing counted', () => {
  expect(estimateUsage(0, answer())).toMatchObject({ input: 0, output: 0, source: 'estimated' });
  expect(estimateUsage(1, answer([]))).toMatchObject({ input: 1, output: 0 });
});
