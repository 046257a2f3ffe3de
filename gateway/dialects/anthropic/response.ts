/** Renders a non-streaming response as a message object. */
import type { ChatRequest, ChatResponse } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { blocksOf, stopOf, usageOf } from './wire.ts';

/** The format has one choice, and its requests cannot ask for more. */
export function renderResponse(response: ChatResponse, _now = 0, request?: ChatRequest): string {
  const { id, model, choices, usage, serviceTier } = response;
  const { content = [], finish = { reason: 'other', raw: '' } as const } = choices[0] ?? {};
  const shown =
    request?.reasoning?.shown === false ? content.map(part => (part.type === 'reasoning' ? { ...part, text: '' } : part)) : content;
  const blocks: readonly JsonObject[] = blocksOf(shown);
  const explanation = content.flatMap(part => (part.type === 'refusal' ? [part.text] : [])).join('');
  return JSON.stringify({
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: blocks,
    ...stopOf(finish, explanation),
    usage: usageOf(usage, serviceTier),
  });
}
