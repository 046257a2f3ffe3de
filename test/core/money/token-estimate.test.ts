/** Calls without a provider's token counts are counted here and marked as estimated. */
import { expect, test } from 'vitest';
import type { ChatRequest, Part } from '../../../gateway/core/chat/chat.ts';
import { tokenisationOf } from '../../../gateway/core/money/token-encoding.ts';
import { estimateTokensByLength, tokenizableCall, usageFromCounts } from '../../../gateway/core/money/token-estimate.ts';

const answer = (...contents: readonly (readonly Part[])[]) => ({
  id: '',
  model: '',
  choices: contents.map((content, index) => ({ index, content, finish: { reason: 'stop', raw: 'stop' } as const })),
});
const requestOf = (...content: readonly Part[]): ChatRequest => ({
  model: 'm',
  messages: [{ role: 'user', content }],
  tools: [],
  stream: false,
  stop: [],
  extra: {},
});
const estimate = (request: ChatRequest, response?: ReturnType<typeof answer>) =>
  usageFromCounts(tokenizableCall(request, response), estimateTokensByLength);

test('the length estimate counts four bytes a token over all choices and kinds of content', () => {
  const text: Part = { type: 'text', text: 'x'.repeat(40) };
  const thought: Part = { type: 'reasoning', text: 'x'.repeat(20) };
  const call: Part = { type: 'tool-call', id: 'c', name: 'name', arguments: '{"a":123}' };
  expect(estimate(requestOf(text), answer([text, thought], [call]))).toEqual({
    input: 10 + 6,
    output: Math.ceil((60 + 13) / 4),
    cached: 0,
    cacheWrite: 0,
    reasoning: 5,
    source: 'estimated',
  });
});

test('the estimate counts UTF-8 bytes', () => {
  const outputOf = (text: string): number => estimate(requestOf(), answer([{ type: 'text', text }])).output;
  expect(outputOf('éé')).toBe(1);
  expect(outputOf('€€€€')).toBe(3);
  expect(outputOf('😀😀')).toBe(2);
});

test('a call without a response still counts its prompt', () => {
  expect(estimate(requestOf({ type: 'text', text: 'x'.repeat(400) }))).toMatchObject({ input: 106, output: 0, source: 'estimated' });
});

test("an image's bytes are not counted as text", () => {
  const image: Part = { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'A'.repeat(1_000_000) } };
  expect(estimate(requestOf(image)).input).toBe(1_006);
  const pages: Part = { type: 'document', source: { type: 'inline', mediaType: 'application/pdf', data: 'A'.repeat(120_000) } };
  expect(estimate(requestOf(pages)).input).toBe(3_006);
});

test.each([
  ['gpt-4o-mini', 'o200k_base', true],
  ['openai/gpt-5.2', 'o200k_base', true],
  ['o3-mini', 'o200k_base', true],
  ['gpt-4.1', 'o200k_base', true],
  ['gpt-4', 'cl100k_base', true],
  ['gpt-4-turbo-2024-04-09', 'cl100k_base', true],
  ['gpt-3.5-turbo', 'cl100k_base', true],
  ['text-embedding-3-small', 'cl100k_base', true],
  ['claude-opus-5', 'o200k_base', false],
  ['meta-llama/Llama-3.3-70B', 'cl100k_base', false],
  ['never-heard-of', 'o200k_base', false],
])('%s is counted by %s', (model, encoding, own) => {
  expect(tokenisationOf(model)).toMatchObject({ encoding, own });
});
