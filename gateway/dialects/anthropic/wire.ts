/** Parts shared by streaming and non-streaming messages: stop reasons, usage, blocks, errors. */

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

/** `stop_reason` and related members. `refusalText` is the model's text of a refusal. */
export function stopOf({ reason, raw, sequence }: Finish, explanation: string): JsonObject {
  const known = raw === 'model_context_window_exceeded' || raw === 'pause_turn' ? raw : undefined;
  const stopReason = reason === 'other' ? raw || 'unknown' : sequence === undefined ? (known ?? stopReasons[reason]) : 'stop_sequence';
  return {
    stop_reason: stopReason,
    stop_sequence: sequence ?? null,
    ...(explanation === '' ? {} : { stop_details: { type: 'refusal', category: null, explanation } }),
  };
}

/** Subtracts cache reads and writes, because Anthropic's input excludes them. */
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

/** A call's input is an object in this format; anything else becomes the text of one member. */
export function inputOf(text: string): Json {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  return isObject(value) ? value : { arguments: text };
}

/** The blocks of a response's parts; parts without a block in this format are left out. */
export function blocksOf(content: readonly Part[]): readonly JsonObject[] {
  let length = 0;
  return content.flatMap(part => {
    if (part.type !== 'text') return blockOf(part);
    const blocks = textBlocks(part, length);
    length += part.text.length;
    return blocks;
  });
}

/** Calls have no signature in this format, so it goes before them as an empty thinking block. */
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

const noSuchField = (what: string): string => `Anthropic's responses have no ${what}.`;
export const responseLosses: ResponseLosses = {
  choices: lossOf(noSuchField('second choice')),
  'citations.document': approximationOf('Rendered as a search result, because the request of this format has no such document.'),
  'citations.span': approximationOf('A citation covers its whole block here.', 'streaming'),
  logprobs: lossOf(noSuchField('log-probabilities')),
  refusal: approximationOf('Rendered as the explanation of the stop reason.'),
  images: lossOf(noSuchField('pictures')),
  audio: lossOf(noSuchField('sound')),
  documents: lossOf(noSuchField('documents')),
  'tool_calls.arguments': approximationOf('They are not a JSON object; rendered as the text of a member `arguments`.', 'non-streaming'),
  'usage.audio_tokens': lossOf('Anthropic does not count audio tokens.'),
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

/** An error in Anthropic's shape, with its type by status. */
export const errorOf = ({ status, message, code, param }: CallerError): JsonObject => ({
  type: 'error',
  error: {
    type: errorTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
    message,
    code,
    ...(param === null ? {} : { param }),
  },
});
