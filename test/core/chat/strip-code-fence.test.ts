/** A code fence around requested JSON is removed, streaming and non-streaming, for deltas of any size. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChatResponse } from '../../../gateway/core/chat/chat.ts';
import { collectResponse, eventsOf } from '../../../gateway/core/chat/collect.ts';
import type { Provider, SseEvent } from '../../../gateway/core/chat/provider.ts';
import { stripCodeFence } from '../../../gateway/core/chat/strip-code-fence.ts';
import { providers } from '../../../gateway/providers/index.ts';

const answer = (text: string): ChatResponse => ({
  id: 'r',
  model: 'm',
  choices: [{ index: 0, content: [{ type: 'text', text }], finish: { reason: 'stop', raw: 'stop' } }],
});

/** A provider that responds with this text, non-streaming and with one event for each delta. */
const providerOf = (text: string): Provider => ({
  ...providers.anthropic!,
  parseResponse: () => answer(text),
  parseStream: () => ({
    parse: ({ data }: SseEvent) => JSON.parse(data),
    end: () => ({ complete: true, events: [{ type: 'choice-end', choice: 0, finish: { reason: 'stop', raw: 'stop' } }], flags: [] }),
  }),
});

const nonStreaming = (text: string): string => textOf(stripCodeFence(providerOf(text)).parseResponse(null) as ChatResponse);

function inPieces(text: string, length: number): string {
  const parser = stripCodeFence(providerOf(text)).parseStream();
  const pieces = Array.from({ length: Math.ceil(text.length / length) }, (_, at) => text.slice(at * length, (at + 1) * length));
  const [start] = eventsOf(answer(''));
  const events = pieces.flatMap(piece => parser.parse({ data: JSON.stringify([{ type: 'text-delta', choice: 0, text: piece }]) }));
  const end = parser.end();
  return textOf(collectResponse([start!, ...events, ...(end.complete ? end.events : [])]) as ChatResponse);
}

const textOf = ({ choices }: ChatResponse): string => choices[0]!.content.map(part => (part.type === 'text' ? part.text : '')).join('');

const spaces = fc.constantFrom('', ' ', '\n', '\n\n');
test('a code fence of any language is removed, for deltas of any size', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom('', 'json', 'JSON', 'jsonc '),
      spaces,
      spaces,
      fc.integer({ min: 1, max: 9 }),
      (json, name, before, after, length) => {
        const text = `${before}\`\`\`${name}\n${json}\n\`\`\`${after}`;
        expect(JSON.parse(nonStreaming(text))).toEqual(JSON.parse(json));
        expect(inPieces(text, length)).toBe(nonStreaming(text));
      },
    ),
  );
});

test('any other text stays unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '`', '\n', ' ', '{', '"') }), fc.integer({ min: 1, max: 9 }), (text, length) => {
      fc.pre(!/^\s*```[\w-]{0,20}[ \t]*\r?\n/.test(text));
      expect(nonStreaming(text)).toBe(text);
      expect(inPieces(text, length)).toBe(text);
    }),
  );
});

test('an unclosed fence loses no text', () => {
  expect(nonStreaming('```json\n{"a":1')).toBe('{"a":1');
  expect(inPieces('```json\n{"a": "```"}', 1)).toBe('{"a": "```"}');
});
