/** Anthropic's error responses as failures. The type in the body is more specific than the status, and the message than the type. */

import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { type Failure, type FailureKind, failureKindOfStatus } from '../../core/shared/failure.ts';
import { retryAfterMs } from '../../core/targets/retry-after.ts';

const messageLengthMax = 2_000;

/** Source: docs of /v1/messages, errors. */
const kindsByType: Readonly<Record<string, FailureKind>> = {
  invalid_request_error: 'invalid-request',
  authentication_error: 'authentication',
  billing_error: 'quota-exceeded',
  permission_error: 'permission',
  not_found_error: 'not-found',
  request_too_large: 'context-exceeded',
  rate_limit_error: 'rate-limited',
  api_error: 'server-error',
  timeout_error: 'timeout',
  overloaded_error: 'overloaded',
};

/** Kinds that Anthropic reports as `invalid_request_error`, by their message. */
const kindsByMessage: readonly (readonly [RegExp, FailureKind])[] = [
  [
    /prompt is too long|exceeds? (the )?(model's )?(maximum )?context (limit|window|length)|input length and `max_tokens` exceed/i,
    'context-exceeded',
  ],
  [/credit balance is too low|API usage limits/i, 'quota-exceeded'],
  [/blocked by content filtering/i, 'content-filtered'],
];

/** The failure of an error response: kind, message, and the wait that the provider asks for. */
export function parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure {
  const parsed = parseJson(body);
  const failure = isObject(parsed)
    ? failureOf(parsed, status)
    : { kind: failureKindOfStatus(status), message: body.slice(0, messageLengthMax) || 'no body', status };
  const wait = retryableKinds.has(failure.kind) ? retryAfterMs(headers) : undefined;
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait };
}

const retryableKinds: ReadonlySet<FailureKind> = new Set<FailureKind>(['rate-limited', 'overloaded', 'server-error', 'timeout']);

/** `body` is `{type: 'error', error: {type, message}}`: with a status, inside a 200 or as an event of a stream. */
export function failureOf(body: JsonObject, status?: number): Failure {
  const error = isObject(body.error) ? body.error : {};
  const code = typeof error.type === 'string' ? error.type : '';
  const message = typeof error.message === 'string' ? error.message.slice(0, messageLengthMax) : '';
  const known = Object.hasOwn(kindsByType, code) ? kindsByType[code] : undefined;
  const kind = known ?? (status === undefined ? 'server-error' : failureKindOfStatus(status));
  const worded = kind === 'invalid-request' ? kindsByMessage.find(([wording]) => wording.test(message))?.[1] : undefined;
  return {
    kind: worded ?? kind,
    message: message || code || 'an error without a message',
    ...(status === undefined ? {} : { status }),
    ...(code === '' ? {} : { code }),
  };
}
