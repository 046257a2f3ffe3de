/** Usage of a call whose provider reported none: counted in the model's encoding, or estimated by length when that takes too long. */
import type { ChatRequest, ChatResponse, Usage } from '../core/chat/chat.ts';
import { tokenisationOf } from '../core/money/token-encoding.ts';
import { estimateTokensByLength, tokenizableCall, usageFromCounts } from '../core/money/token-estimate.ts';
import type { TokenCounter } from './counter.ts';

/** Estimated usage of a call; `response` is undefined when only the prompt counts. */
export async function estimateUsage(
  counter: TokenCounter | undefined,
  model: string,
  request: ChatRequest,
  response: ChatResponse | undefined,
): Promise<Usage> {
  const call = tokenizableCall(request, response);
  const groups = [call.prompt, call.response, call.reasoning];
  const { encoding, factor } = tokenisationOf(model);
  const counts = await counter?.count(encoding, groups);
  if (!counts) return usageFromCounts(call, estimateTokensByLength);
  return usageFromCounts(call, texts => Math.round((counts[groups.indexOf(texts)] ?? 0) * factor));
}
