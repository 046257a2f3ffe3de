/** Parses single members of a Gemini response: finish reasons, token counts, log-probabilities. */
import type { Finish, FinishReason, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/chat/json.ts';
import { count, listOf, text } from '../../core/chat/json-members.ts';

export { listOf, text };

/** Source: ai.google.dev, FinishReason, with those recorded from Vertex; any other is `other`. */
const reasons: Readonly<Record<string, FinishReason>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  BLOCKLIST: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  SPII: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  IMAGE_PROHIBITED_CONTENT: 'content-filter',
  IMAGE_RECITATION: 'content-filter',
  MODEL_ARMOR: 'content-filter',
  MALFORMED_FUNCTION_CALL: 'error',
  UNEXPECTED_TOOL_CALL: 'error',
  TOO_MANY_TOOL_CALLS: 'error',
  MISSING_THOUGHT_SIGNATURE: 'error',
  MALFORMED_RESPONSE: 'error',
  LANGUAGE: 'other',
  OTHER: 'other',
  NO_IMAGE: 'other',
  IMAGE_OTHER: 'other',
};

/** Gemini also sends STOP after tool calls. */
export function parseFinish(raw: string, hasCalls: boolean): Finish {
  const known = Object.hasOwn(reasons, raw) ? reasons[raw] : undefined;
  return { reason: hasCalls && (known === 'stop' || known === undefined) ? 'tool-calls' : (known ?? 'other'), raw };
}

/**
 * Adds reasoning to the output and results of Gemini's own tools to the input, because Gemini counts them apart; cached tokens are part of
 * the prompt.
 * Undefined while only the traffic type is given, as in early chunks of some streams.
 */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage) || typeof usage.promptTokenCount !== 'number') return undefined;
  const reasoning = count(usage.thoughtsTokenCount);
  const audioInput = tokensOf('AUDIO', usage.promptTokensDetails);
  const audioOutput = tokensOf('AUDIO', usage.candidatesTokensDetails);
  const audioCached = tokensOf('AUDIO', usage.cacheTokensDetails);
  const imageOutput = tokensOf('IMAGE', usage.candidatesTokensDetails);
  return {
    input: count(usage.promptTokenCount) + count(usage.toolUsePromptTokenCount),
    output: count(usage.candidatesTokenCount) + reasoning,
    cached: count(usage.cachedContentTokenCount),
    cacheWrite: 0,
    reasoning,
    ...(audioInput > 0 ? { audioInput } : {}),
    ...(audioOutput > 0 ? { audioOutput } : {}),
    ...(audioCached > 0 ? { audioCached } : {}),
    ...(imageOutput > 0 ? { imageOutput } : {}),
    source: 'provider',
  };
}

const tokensOf = (wanted: string, details: Json | undefined): number =>
  listOf(details).reduce((sum, { modality, tokenCount }) => (modality === wanted ? sum + count(tokenCount) : sum), 0);

/** `logprobsResult`: the chosen token at each position, and the likeliest alternatives. */
export function parseLogprobs(result: Json | undefined): readonly TokenLogprob[] {
  if (!isObject(result)) return [];
  const tops = listOf(result.topCandidates);
  return listOf(result.chosenCandidates).map((chosen, at) => ({ ...tokenOf(chosen), top: listOf(tops[at]?.candidates).map(tokenOf) }));
}

const tokenOf = ({ token, logProbability }: JsonObject): { readonly token: string; readonly logprob: number } => ({
  token: text(token),
  logprob: typeof logProbability === 'number' ? Math.min(0, logProbability) : 0,
});
