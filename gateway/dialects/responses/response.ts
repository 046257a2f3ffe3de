/** Renders a non-streaming response as a response object. */
import type { ChatRequest, ChatResponse } from '../../core/chat/chat.ts';
import { itemsOf, responseOf, statusOf, usageOf } from './wire.ts';

/** The format has one choice, and its requests cannot ask for more. */
export function renderResponse(response: ChatResponse, now = 0, request?: ChatRequest): string {
  const { id, model, created = now, choices, usage, serviceTier } = response;
  const choice = choices[0] ?? { index: 0, content: [], finish: { reason: 'other', raw: '' } as const };
  return JSON.stringify(
    responseOf({ id, model, created }, request, {
      ...statusOf(
        choice.finish,
        choice.content.some(part => part.type === 'refusal'),
      ),
      output: itemsOf(choice, id, request),
      ...(usage ? { usage: usageOf(usage) } : {}),
      ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    }),
  );
}
