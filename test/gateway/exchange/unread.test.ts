/** What a caller says deep inside of a request and only its own wire format knows is never lost in silence. */
import { expect, test } from 'vitest';
import type { ChatRequest } from '../../../gateway/core/chat/chat.ts';
import { scanObject } from '../../../gateway/core/chat/json.ts';
import type { Provider } from '../../../gateway/core/chat/provider.ts';
import type { RouteStep } from '../../../gateway/core/routing/router.ts';
import { openaiChat } from '../../../gateway/dialects/openai.ts';
import type { RoutedRequest } from '../../../gateway/exchange/contract.ts';
import { prepare } from '../../../gateway/exchange/routed-request.ts';
import { anthropic } from '../../../gateway/providers/anthropic.ts';
import { openai } from '../../../gateway/providers/openai.ts';

const text = JSON.stringify({
  model: 'x',
  max_tokens: 100,
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }] }],
});

function warningsOf(provider: Provider): readonly string[] {
  const scan = scanObject(text);
  if (!scan.ok) throw new Error(scan.problem.message);
  const chat = openaiChat.parseRequest(scan.value) as ChatRequest;
  const question = { dialect: openaiChat, chat, body: Buffer.from(text), raw: { text, members: scan.members } } as unknown as RoutedRequest;
  const prepared = prepare(question, {} as RouteStep, provider, 'claude-haiku-4-5');
  expect(prepared.isVerbatim).toBe(provider === openai);
  return prepared.warnings.map(({ type, field }) => `${type} ${field}`);
}

test('it is a warning where the request is rendered', () => {
  expect(warningsOf(anthropic)).toEqual(['dropped messages[0].content[0].cache_control']);
});

test('it is none where the bytes pass', () => {
  expect(warningsOf(openai)).toEqual([]);
});
