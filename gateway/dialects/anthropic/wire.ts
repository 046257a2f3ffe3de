/** What whole and streamed messages have in common: reasons, counts, blocks, errors. */

import type { CallerError } from '../../core/chat/caller-format.ts';
import type { Finish, FinishReason, Part, Usage } from '../../core/chat/chat.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';
import { textBlocks } from './citations.ts';

const stopReasons: Readonly<Record<Exclude<FinishReason, 'other'>, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
  error: 'error',
};

/** `stop_reason` and what goes with it. `explanation` is what the model said in refusing. */
export function stopOf({ reason, raw, sequence }: Finish, explanation: string): JsonObject {
  const known = raw === 'model_context_window_exceeded' || raw === 'pause_turn' ? raw : undefined;
  const word = reason === 'other' ? raw || 'unknown' : sequence === undefined ? (known ?? stopReasons[reason]) : 'stop_sequence';
  return {
    stop_reason: word,
    stop_sequence: sequence ?? null,
    ...(explanation === '' ? {} : { stop_details: { type: 'refusal', category: null, explanation } }),
  };
}

/** Anthropic's input leaves out what came from and went into the cache. */
export function usageOf(usage: Usage | undefined, serviceTier?: string): JsonObject {
  const { input = 0, output = 0, cached = 0, cacheWrite = 0, cacheWriteHour = 0, reasoning = 0 } = usage ?? {};
  return {
    input_tokens: Math.max(0, input - cached - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    ...(cacheWriteHour > 0
      ? { cache_creation: { ephemeral_5m_input_tokens: cacheWrite - cacheWriteHour, ephemeral_1h_input_tokens: cacheWriteHour } }
      : {}),
    cache_read_input_tokens: cached,
    output_tokens: output,
    ...(reasoning > 0 ? { output_tokens_details: { thinking_tokens: reasoning } } : {}),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
  };
}

/** A call's input is an object here; other JSON, or none, stands as the text of one member. */
export function inputOf(text: string): Json {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  return isObject(value) ? value : { arguments: text };
}

/** Parts of an answer; what this format has no block for is not among them. */
export function blocksOf(content: readonly Part[]): readonly JsonObject[] {
  let length = 0;
  return content.flatMap(part => {
    if (part.type !== 'text') return blockOf(part);
    const blocks = textBlocks(part, length);
    length += part.text.length;
    return blocks;
  });
}

/** Calls are not signed here: their proof goes before them as a thought without words. */
export const signatureBlock = (signature: string): JsonObject => ({ type: 'thinking', thinking: '', signature });

function blockOf(part: Part): readonly JsonObject[] {
  switch (part.type) {
    case 'reasoning':
      if (part.redacted !== undefined) return [{ type: 'redacted_thinking', data: part.redacted }];
      return [{ type: 'thinking', thinking: part.text, signature: part.signature ?? '' }];
    case 'tool-call': {
      const call = { type: 'tool_use', id: part.id, name: part.name, input: inputOf(part.arguments) };
      return part.signature === undefined ? [call] : [signatureBlock(part.signature), call];
    }
    default:
      return [];
  }
}

const noSuchField = (what: string): string => `Anthropic's answers have no ${what}.`;
export const responseLosses: ResponseLosses = {
  choices: lossOf(noSuchField('second choice')),
  'citations.document': approximationOf('Told as a search result: the document stands in no request of this format.'),
  'citations.span': approximationOf('A citation is about the whole of its block here.', 'streaming'),
  logprobs: lossOf(noSuchField('log-probabilities')),
  refusal: approximationOf('Told as the explanation of why it stopped.'),
  images: lossOf(noSuchField('pictures')),
  audio: lossOf(noSuchField('sound')),
  documents: lossOf(noSuchField('documents')),
  'tool_calls.arguments': approximationOf('They are no JSON object; they stand as the text of a member `arguments`.', 'non-streaming'),
  'usage.audio_tokens': lossOf('Anthropic counts no sound.'),
};

const errorTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export const errorOf = ({ status, message, code, param }: CallerError): JsonObject => ({
  type: 'error',
  error: {
    type: errorTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
    message,
    code,
    ...(param === null ? {} : { param }),
  },
});
