/** What whole and streamed answers have in common on the wire. */
import type { Finish, FinishReason, TokenLogprob, Usage } from '../../core/chat.ts';
import type { CallerError } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';

const words: Readonly<Record<Exclude<FinishReason, 'other'>, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  // OpenAI has no such reason, and its clients take the filter's for an answer that was withheld.
  refusal: 'content_filter',
  error: 'error',
};

/** Clients give up on a stream whose reason is missing, and know no more of a word they do not know than that it is another. */
export const finishWord = ({ reason, raw }: Finish, isLegacy = false): string => {
  if (reason === 'tool-calls' && isLegacy) return 'function_call';
  return reason === 'other' ? raw || 'unknown' : words[reason];
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

export const errorOf = ({ message, type, param, code }: CallerError): JsonObject => ({ error: { message, type, param, code } });
