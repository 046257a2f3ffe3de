/** Counts the tokens of a request for `count_tokens` endpoints, without sending it to a provider. */
import type { CallerFormat } from '../core/chat/caller-format.ts';
import type { GatewayRuntime, RoutedRequest } from '../exchange/contract.ts';
import { estimateUsage } from '../tokens/estimate-usage.ts';

/** The input tokens of the request, in the encoding of its first target's model; estimated by length when the count takes too long. */
export async function countTokens({ chat, policy }: RoutedRequest, { counter }: Pick<GatewayRuntime, 'counter'>): Promise<number> {
  const { target } = policy.steps[0]!;
  const { input } = await estimateUsage(counter, target.slice(target.indexOf('/') + 1), chat, undefined);
  return input;
}

/** The response body in the dialect's format. */
export const renderTokenCount = ({ wire }: CallerFormat, tokens: number): object =>
  wire === 'gemini-generate' ? { totalTokens: tokens } : { input_tokens: tokens };
