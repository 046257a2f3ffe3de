/** Parts shared by streaming and non-streaming responses: parts, finish reasons, usage, log-probabilities, errors. */

import type { CallerError } from '../../core/chat/caller-format.ts';
import type { Finish, FinishReason, MediaPart, Part, TokenLogprob, Usage } from '../../core/chat/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { approximationOf, lossOf, type ResponseLosses } from '../../core/chat/response-loss.ts';

const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
  refusal: 'SAFETY',
  error: 'OTHER',
  other: 'OTHER',
};

/** Google's own finish reason is kept, because it is more specific. Other providers' reasons are unknown to its clients. */
export const finishReasonOf = ({ reason, raw }: Finish): string =>
  reason !== 'stop' && reason !== 'tool-calls' && /^[A-Z][A-Z_]+$/.test(raw) ? raw : finishReasons[reason];

/** Usage in Gemini's shape, with audio tokens apart. */
export function usageOf({ input, output, cached, reasoning, audioInput = 0, audioOutput = 0 }: Usage, tier?: string): JsonObject {
  const detail = (audio: number, all: number): JsonObject[] => [
    { modality: 'AUDIO', tokenCount: audio },
    ...(all > audio ? [{ modality: 'TEXT', tokenCount: all - audio }] : []),
  ];
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - reasoning,
    ...(reasoning > 0 ? { thoughtsTokenCount: reasoning } : {}),
    ...(cached > 0 ? { cachedContentTokenCount: cached } : {}),
    totalTokenCount: input + output,
    ...(audioInput > 0 ? { promptTokensDetails: detail(audioInput, input) } : {}),
    ...(audioOutput > 0 ? { candidatesTokensDetails: detail(audioOutput, output - reasoning) } : {}),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  };
}

/**
 * The parts of one part: a refusal is text, and a reasoning signature follows in an empty part. Anything else without a place is left out.
 */
export function partsOf(part: Part, hidesReasoning: boolean): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ text: part.text }];
    case 'reasoning': {
      const signature = part.signature ?? part.redacted;
      const thought = part.text === '' || hidesReasoning ? [] : [{ text: part.text, thought: true }];
      return signature === undefined ? thought : [...thought, { text: '', thoughtSignature: signature }];
    }
    case 'tool-call':
      return [callPart(part)];
    case 'image':
    case 'audio':
    case 'document':
      return [mediaPart(part)];
    default:
      return [];
  }
}

function mediaPart({ source, type }: MediaPart): JsonObject {
  if (source.type === 'inline') return { inlineData: { mimeType: source.mediaType, data: source.data } };
  const mimeType = type === 'image' ? 'image/png' : type === 'audio' ? 'audio/wav' : 'application/pdf';
  return { fileData: { fileUri: source.type === 'url' ? source.url : source.id, mimeType } };
}

/** A tool call as a `functionCall` part. */
export const callPart = ({ id, name, arguments: text, signature }: Part & { type: 'tool-call' }): JsonObject => ({
  functionCall: { id, name, args: argsOf(text) },
  ...(signature === undefined ? {} : { thoughtSignature: signature }),
});

/** Arguments are an object in this format; anything else becomes the text of one member. */
function argsOf(text: string): JsonObject {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  return isObject(value) ? value : { arguments: text };
}

/** Log-probabilities in Gemini's shape. */
export const logprobsOf = (tokens: readonly TokenLogprob[]): JsonObject => ({
  chosenCandidates: tokens.map(({ token, logprob }) => ({ token, logProbability: logprob })),
  topCandidates: tokens.map(({ top }) => ({ candidates: top.map(({ token, logprob }) => ({ token, logProbability: logprob })) })),
});

export const responseLosses: ResponseLosses = {
  'citations.quote': lossOf("Google's sources on the web come without their words."),
  refusal: approximationOf('Sent as text.'),
  'tool_calls.arguments': approximationOf('They are not a JSON object; rendered as the text of a member `arguments`.'),
  stop_sequence: lossOf("Google's responses do not name the matched stop sequence."),
  'usage.cache_write_tokens': lossOf('Google does not count cache writes.'),
};

const errorStatuses: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** An error in the shape of google.rpc.Status. */
export function errorOf({ status, message, code, param }: CallerError): JsonObject {
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: code.toUpperCase(),
    domain: 'hindcast',
    ...(param === null ? {} : { metadata: { param } }),
  };
  return {
    error: { code: status, message, status: errorStatuses[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT'), details: [info] },
  };
}
