/** Parts shared by streaming and non-streaming responses. */

import type { CallerError } from '../../core/chat/caller-format.ts';
import type { Citation, Finish, FinishReason, Part, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type JsonObject } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';

const finishReasons: Readonly<Record<Exclude<FinishReason, 'other'>, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  // OpenAI has no such reason; its clients treat this one as a withheld response.
  refusal: 'content_filter',
  error: 'error',
};

/** Never absent, because clients discard a stream without one; an unknown reason is accepted as any other. */
export const finishReasonOf = ({ reason, raw }: Finish, isLegacy = false): string => {
  if (reason === 'tool-calls' && isLegacy) return 'function_call';
  return reason === 'other' ? raw || 'unknown' : finishReasons[reason];
};

/** Usage in the shape of a chat completion. */
export function usageOf(usage: Usage): JsonObject {
  const { input, output, cached, cacheWrite, reasoning, audioInput = 0, audioOutput = 0 } = usage;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: {
      cached_tokens: cached,
      audio_tokens: audioInput,
      ...(cacheWrite > 0 ? { cache_write_tokens: cacheWrite } : {}),
    },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: audioOutput },
  };
}

/** Log-probabilities in the shape of a chat completion. */
export const logprobsOf = (tokens: readonly TokenLogprob[]): JsonObject => ({
  content: tokens.map(({ token, logprob, top }) => ({
    ...tokenOf({ token, logprob }),
    top_logprobs: top.map(tokenOf),
  })),
  refusal: null,
});

const encoder = new TextEncoder();

/** The bytes allow callers to join tokens that are parts of one character. */
const tokenOf = ({ token, logprob }: { readonly token: string; readonly logprob: number }): JsonObject => ({
  token,
  logprob,
  bytes: [...encoder.encode(token)],
});

export interface CalledTool {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly freeform?: true;
  readonly signature?: string;
}

/** Only Google signs calls; this is the member of its own chat completions, in which the signature must come back. */
export const callOf = ({ id, name, arguments: text, freeform, signature }: CalledTool): JsonObject => ({
  id,
  ...(freeform ? { type: 'custom', custom: { name, input: text } } : { type: 'function', function: { name, arguments: text } }),
  ...(signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } }),
});

/** Signed and encrypted reasoning in OpenRouter's format, which reaches its provider when the client sends it back. */
export const detailOf = (
  thought: { readonly text: string; readonly signature?: string; readonly redacted?: string },
  index: number,
): JsonObject =>
  thought.redacted === undefined
    ? { type: 'reasoning.text', text: thought.text, signature: thought.signature ?? null, index }
    : { type: 'reasoning.encrypted', data: thought.redacted, index };

/** Citations with a URL; others have no place in this format. The quote is in OpenRouter's member. */
export const annotationsOf = (citations: readonly Citation[] = []): readonly JsonObject[] =>
  citations.flatMap(({ raw, url, title, quote, span }) => {
    if (isObject(raw) && isObject(raw.url_citation)) return [raw];
    if (url === undefined) return [];
    const place = { start_index: span?.from ?? 0, end_index: span?.to ?? 0 };
    return [
      { type: 'url_citation', url_citation: { url, title: title ?? url, ...place, ...(quote === undefined ? {} : { content: quote }) } },
    ];
  });

/** An image as the list `images` of a message; [] for other parts. */
export function imageOf(part: Part): readonly JsonObject[] {
  if (part.type !== 'image' || part.source.type === 'file') return [];
  const url = part.source.type === 'url' ? part.source.url : `data:${part.source.mediaType};base64,${part.source.data}`;
  return [{ type: 'image_url', image_url: { url } }];
}

/** Audio of a response. Clients know its format from their request. */
export const audioOf = (part: Part, transcript: string): readonly JsonObject[] =>
  part.type === 'audio' && part.source.type === 'inline' ? [{ id: 'audio_0', data: part.source.data, expires_at: 0, transcript }] : [];

export const responseLosses: ResponseLosses = {
  'citations.document': lossOf('Chat completions can cite URLs only.'),
  documents: lossOf('Chat completions have no documents in a response.'),
  function_call: lossOf("The API's first form has room for one call."),
  order: approximationOf('Chat completions have one text and one reasoning text; interleaved parts were joined.', 'non-streaming'),
  stop_sequence: lossOf('Chat completions do not name the matched stop sequence.'),
};

/** An error in OpenAI's shape. */
export const errorOf = ({ message, type, param, code }: CallerError): JsonObject => ({ error: { message, type, param, code } });
