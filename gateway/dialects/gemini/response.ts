/** A whole answer as generateContent gives it. */
import type { ChatRequest, ChatResponse, Choice } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { finishWord, logprobsOf, partsOf, usageOf } from './wire.ts';

export function renderResponse(response: ChatResponse, _now = 0, asked?: ChatRequest): string {
  const { id, model, choices, usage } = response;
  return JSON.stringify({
    candidates: choices.map(choice => candidateOf(choice, asked?.reasoning?.shown === false)),
    ...(usage ? { usageMetadata: usageOf(usage) } : {}),
    modelVersion: model,
    responseId: id,
  });
}

const candidateOf = ({ index, content, finish, logprobs }: Choice, hidesThoughts: boolean): JsonObject => ({
  content: { role: 'model', parts: content.flatMap(part => partsOf(part, hidesThoughts)) },
  finishReason: finishWord(finish),
  index,
  ...(logprobs ? { logprobsResult: logprobsOf(logprobs) } : {}),
});
