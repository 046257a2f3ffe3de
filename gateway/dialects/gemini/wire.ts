/** What whole and streamed answers have in common: parts, reasons, counts, log-probabilities, errors. */
import type { Finish, FinishReason, Part, TokenLogprob, Usage } from '../../core/chat.ts';
import type { CallerError } from '../../core/dialect.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';

const words: Readonly<Record<FinishReason, string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
  refusal: 'SAFETY',
  error: 'OTHER',
  other: 'OTHER',
};

/** A word of Google's own is finer than ours; others would not be known to its clients. */
export const finishWord = ({ reason, raw }: Finish): string =>
  reason !== 'stop' && reason !== 'tool-calls' && /^[A-Z][A-Z_]+$/.test(raw) ? raw : words[reason];

export function usageOf({ input, output, cached, reasoning }: Usage): JsonObject {
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - reasoning,
    ...(reasoning > 0 ? { thoughtsTokenCount: reasoning } : {}),
    ...(cached > 0 ? { cachedContentTokenCount: cached } : {}),
    totalTokenCount: input + output,
  };
}

/** A refusal is a text here; a thought's signature follows in an empty part. What has no part here is left out. */
export function partsOf(part: Part, hidesThoughts: boolean): readonly JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ text: part.text }];
    case 'reasoning': {
      const signature = part.signature ?? part.redacted;
      const thought = part.text === '' || hidesThoughts ? [] : [{ text: part.text, thought: true }];
      return signature === undefined ? thought : [...thought, { text: '', thoughtSignature: signature }];
    }
    case 'tool-call':
      return [callPart(part)];
    case 'image':
      return part.source.type === 'inline' ? [{ inlineData: { mimeType: part.source.mediaType, data: part.source.data } }] : [];
    default:
      return [];
  }
}

export const callPart = ({ id, name, arguments: text, signature }: Part & { type: 'tool-call' }): JsonObject => ({
  functionCall: { id, name, args: argsOf(text) },
  ...(signature === undefined ? {} : { thoughtSignature: signature }),
});

/** Arguments are an object here; other JSON, or none, stands as the text of one member. */
function argsOf(text: string): JsonObject {
  if (text.trim() === '') return {};
  const value = parseJson(text);
  return isObject(value) ? value : { arguments: text };
}

export const logprobsOf = (tokens: readonly TokenLogprob[]): JsonObject => ({
  chosenCandidates: tokens.map(({ token, logprob }) => ({ token, logProbability: logprob })),
  topCandidates: tokens.map(({ top }) => ({ candidates: top.map(({ token, logprob }) => ({ token, logProbability: logprob })) })),
});

const statuses: Readonly<Record<number, string>> = {
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

export function errorOf({ status, message, code, param }: CallerError): JsonObject {
  const info = {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: code.toUpperCase(),
    domain: 'hindcast',
    ...(param === null ? {} : { metadata: { param } }),
  };
  return {
    error: { code: status, message, status: statuses[status] ?? (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT'), details: [info] },
  };
}
