/** Renders a non-streaming response of generateContent. */
import type { ChatRequest, ChatResponse, Choice } from '../../core/chat/chat.ts';
import type { JsonObject } from '../../core/chat/json.ts';
import { groundingOf } from './grounding.ts';
import { finishReasonOf, logprobsOf, partsOf, usageOf } from './wire.ts';

export function renderResponse(response: ChatResponse, _now = 0, request?: ChatRequest): string {
  const { id, model, choices, usage, serviceTier } = response;
  return JSON.stringify({
    candidates: choices.map(choice => candidateOf(choice, request?.reasoning?.shown === false)),
    ...(usage ? { usageMetadata: usageOf(usage, serviceTier) } : {}),
    modelVersion: model,
    responseId: id,
  });
}

function candidateOf({ index, content, finish, logprobs }: Choice, hidesReasoning: boolean): JsonObject {
  const texts = content.flatMap(part => (part.type === 'text' ? [part] : []));
  const grounding = groundingOf(
    texts.map(({ text }) => text).join(''),
    texts.flatMap(({ citations = [] }) => citations),
  );
  return {
    content: { role: 'model', parts: content.flatMap(part => partsOf(part, hidesReasoning)) },
    finishReason: finishReasonOf(finish),
    index,
    ...(logprobs ? { logprobsResult: logprobsOf(logprobs) } : {}),
    ...(grounding ? { groundingMetadata: grounding } : {}),
  };
}
