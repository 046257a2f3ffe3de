/** What a call used where its provider did not say: counted in the model's encoding, or by length when that takes too long. */
import type { ChatRequest, ChatResponse, Usage } from '../core/chat.ts';
import { tokenisationOf } from '../core/encoding.ts';
import { byLength, countable, usageOf } from '../core/estimate.ts';
import type { TokenCounter } from './counter.ts';

export async function estimateUsage(
  counter: TokenCounter | undefined,
  model: string,
  request: ChatRequest,
  response: ChatResponse | undefined,
): Promise<Usage> {
  const call = countable(request, response);
  const groups = [call.prompt, call.answer, call.thoughts];
  const { encoding, factor } = tokenisationOf(model);
  const counts = await counter?.count(encoding, groups);
  if (!counts) return usageOf(call, byLength);
  return usageOf(call, texts => Math.round((counts[groups.indexOf(texts)] ?? 0) * factor));
}
