/** Parses single members of a chat completion, by OpenAI's documentation and by the habits of compatible vendors. */
import type { Finish, FinishReason, TokenLogprob, Usage } from '../../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject } from '../../../core/chat/json.ts';
import { count, listOf, objectOf, text } from '../../../core/chat/json-members.ts';

export { listOf, objectOf, text };

/** OpenAI's own reasons, and recorded or documented ones of vendors, in lower case; any other is `other`. */
const reasons: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  model_context_window_exceeded: 'length',
  tool_calls: 'tool-calls',
  tool_use: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  safety: 'content-filter',
  sensitive: 'content-filter',
  refusal: 'refusal',
  error: 'error',
  abort: 'error',
  network_error: 'error',
  insufficient_system_resource: 'error',
  pause_turn: 'other',
};

/** The provider's own finish reason; '' while there is none. DashScope sends the text "null" for none. */
export function finishOf(choice: JsonObject): string {
  const raw = text(choice.finish_reason);
  if (raw !== '' && raw !== 'null') return raw;
  return isObject(choice.finish_details) ? text(choice.finish_details.type) : '';
}

/** OpenAI sends `stop` after a forced call, and vendors have words of their own. */
export function parseFinish(raw: string, hasCalls: boolean): Finish {
  const normalizedReason = raw.toLowerCase();
  const known = Object.hasOwn(reasons, normalizedReason) ? reasons[normalizedReason] : undefined;
  return { reason: hasCalls && (known === 'stop' || known === undefined) ? 'tool-calls' : (known ?? 'other'), raw };
}

/**
 * Undefined without counts, as in all chunks but the last.
 * Reasoning is part of the output, except for vendors whose own total shows that it is counted beside it.
 */
export function parseUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage) || (typeof usage.prompt_tokens !== 'number' && typeof usage.completion_tokens !== 'number')) return undefined;
  const prompt = objectOf(usage.prompt_tokens_details);
  const completion = objectOf(usage.completion_tokens_details);
  const input = count(usage.prompt_tokens);
  const completionTokens = count(usage.completion_tokens);
  const reasoning = count(completion.reasoning_tokens);
  const isAdditional = reasoning > 0 && usage.total_tokens === input + completionTokens + reasoning;
  const output = isAdditional ? completionTokens + reasoning : completionTokens;
  const audioInput = count(prompt.audio_tokens);
  const audioOutput = count(completion.audio_tokens);
  return {
    input,
    output,
    cached: Math.min(input, firstCount(prompt.cached_tokens, usage.prompt_cache_hit_tokens, usage.cached_tokens, usage.num_cached_tokens)),
    cacheWrite: firstCount(prompt.cache_write_tokens, prompt.cache_creation_tokens),
    reasoning: Math.min(reasoning, output),
    ...(audioInput > 0 ? { audioInput } : {}),
    ...(audioOutput > 0 ? { audioOutput } : {}),
    ...billedCostIn(usage, input + output),
    ...searchesIn(usage),
    source: 'provider',
  };
}

/** At Perplexity and xAI. */
export function searchesIn({ num_search_queries: queries, server_side_tool_usage_details: tools }: JsonObject): {
  readonly searches?: number;
} {
  const searches = firstCount(queries, objectOf(tools).web_search_calls);
  return searches > 0 ? { searches } : {};
}

/**
 * In USD at OpenRouter and Perplexity, in ticks of 1e-10 USD at xAI. With the operator's own key at OpenRouter, the model's vendor bills. Hosts of
 * xAI's models, as Azure, send 0 ticks for every response: that is no bill. `tokens` is what the response used.
 */
export function billedCostIn(
  { cost, cost_in_usd_ticks: ticks, cost_details: details, is_byok: isByok }: JsonObject,
  tokens: number,
): { readonly billed?: number } {
  const upstream = objectOf(details).upstream_inference_cost;
  // A bare number might be of any currency; OpenRouter's comes with details.
  const stated = isObject(cost) ? cost.total_cost : isObject(details) ? cost : undefined;
  const dollars = isByok === true && typeof upstream === 'number' ? upstream : stated;
  const nano =
    typeof ticks === 'number' && (ticks !== 0 || tokens === 0) ? ticks / 10 : typeof dollars === 'number' ? dollars * 1e9 : Number.NaN;
  return nano >= 0 && nano < Number.MAX_SAFE_INTEGER ? { billed: Math.round(nano) } : {};
}

const firstCount = (...values: readonly (Json | undefined)[]): number => count(values.find(value => typeof value === 'number'));

/** Also the legacy format of some vendors: a list of tokens beside a list of log-probabilities. */
export function parseLogprobs(logprobs: Json | undefined): readonly TokenLogprob[] {
  if (!isObject(logprobs)) return [];
  const { tokens, token_logprobs: values } = logprobs;
  if (Array.isArray(tokens) && Array.isArray(values)) {
    return (tokens as readonly Json[]).map((token, at) => ({
      ...tokenOf({ token, logprob: (values as readonly Json[])[at] ?? null }),
      top: [],
    }));
  }
  return [...listOf(logprobs.content), ...listOf(logprobs.refusal)].map(token => ({
    ...tokenOf(token),
    top: listOf(token.top_logprobs).map(tokenOf),
  }));
}

const tokenOf = ({ token, logprob }: JsonObject): { readonly token: string; readonly logprob: number } => ({
  token: text(token),
  logprob: typeof logprob === 'number' ? Math.min(0, logprob) : 0,
});

/** OpenAI refuses longer tool call ids. */
export const callIdLengthMax = 40;

/** For calls without an id. It must be unique over turns, because all calls are sent again with the next request. */
export function generateCallId(responseId: string, choice: number, number: number, name: string): string {
  const clean = (text: string): string => text.replace(/[^a-zA-Z0-9_-]/g, '');
  const suffix = choice === 0 ? `${number}` : `${choice}_${number}`;
  return `call_${clean(responseId).slice(-(callIdLengthMax - 'call__999_9999'.length)) || clean(name).slice(0, 24)}_${suffix}`;
}
