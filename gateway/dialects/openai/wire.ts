/** What whole and streamed answers have in common on the wire. */

import type { CallerError } from '../../core/chat/caller-format.ts';
import type { Citation, Finish, FinishReason, Part, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type JsonObject } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';

const finishReasons: Readonly<Record<Exclude<FinishReason, 'other'>, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  // OpenAI has no such reason, and its clients take the filter's for an answer that was withheld.
  refusal: 'content_filter',
  error: 'error',
};

/** Clients give up on a stream whose reason is missing, and know no more of a word they do not know than that it is another. */
export const finishReasonOf = ({ reason, raw }: Finish, isLegacy = false): string => {
  if (reason === 'tool-calls' && isLegacy) return 'function_call';
  return reason === 'other' ? raw || 'unknown' : finishReasons[reason];
};

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

export const logprobsOf = (tokens: readonly TokenLogprob[]): JsonObject => ({
  content: tokens.map(({ token, logprob, top }) => ({
    ...tokenOf({ token, logprob }),
    top_logprobs: top.map(tokenOf),
  })),
  refusal: null,
});

const encoder = new TextEncoder();

/** The bytes let a caller join tokens that are parts of one character. */
const tokenOf = ({ token, logprob }: { readonly token: string; readonly logprob: number }): JsonObject => ({
  token,
  logprob,
  bytes: [...encoder.encode(token)],
});

export interface CalledTool {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  readonly signature?: string;
}

/** Only Google signs calls; this is where its own chat completions put the signature, and where it has to come back. */
export const callOf = ({ id, name, arguments: text, signature }: CalledTool): JsonObject => ({
  id,
  type: 'function',
  function: { name, arguments: text },
  ...(signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } }),
});

/** Signed and sealed thoughts, in OpenRouter's form: what a client sends back of them finds its way to whoever made them. */
export const detailOf = (
  thought: { readonly text: string; readonly signature?: string; readonly redacted?: string },
  index: number,
): JsonObject =>
  thought.redacted === undefined
    ? { type: 'reasoning.text', text: thought.text, signature: thought.signature ?? null, index }
    : { type: 'reasoning.encrypted', data: thought.redacted, index };

/** What has no address has no place here. The words of a source stand where OpenRouter puts them. */
export const annotationsOf = (citations: readonly Citation[] = []): readonly JsonObject[] =>
  citations.flatMap(({ raw, url, title, quote, span }) => {
    if (isObject(raw) && isObject(raw.url_citation)) return [raw];
    if (url === undefined) return [];
    const place = { start_index: span?.from ?? 0, end_index: span?.to ?? 0 };
    return [
      { type: 'url_citation', url_citation: { url, title: title ?? url, ...place, ...(quote === undefined ? {} : { content: quote }) } },
    ];
  });

export function imageOf(part: Part): readonly JsonObject[] {
  if (part.type !== 'image' || part.source.type === 'file') return [];
  const url = part.source.type === 'url' ? part.source.url : `data:${part.source.mediaType};base64,${part.source.data}`;
  return [{ type: 'image_url', image_url: { url } }];
}

/** A sound; clients take its format from what they asked for. */
export const audioOf = (part: Part, transcript: string): readonly JsonObject[] =>
  part.type === 'audio' && part.source.type === 'inline' ? [{ id: 'audio_0', data: part.source.data, expires_at: 0, transcript }] : [];

export const responseLosses: ResponseLosses = {
  'citations.document': lossOf('Chat completions cite nothing but addresses.'),
  documents: lossOf('Chat completions answer with no documents.'),
  function_call: lossOf("The API's first form has room for one call."),
  order: approximationOf('Chat completions have one text and one line of thought: what took turns was joined.', 'non-streaming'),
  stop_sequence: lossOf('Chat completions do not say which stop sequence was met.'),
};

export const errorOf = ({ message, type, param, code }: CallerError): JsonObject => ({ error: { message, type, param, code } });
