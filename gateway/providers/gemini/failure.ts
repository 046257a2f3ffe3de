/** Gemini's error responses as failures: google.rpc errors as JSON, as an array, inside an event stream, or no JSON at all. */

import { isObject, type Json, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { type Failure, type FailureKind, failureKindOfStatus } from '../../core/shared/failure.ts';
import { retryAfterMs } from '../../core/targets/retry-after.ts';

const messageLengthMax = 2_000;

/** google.rpc.Code as in `error.status`. */
const kindsByStatus: Readonly<Record<string, FailureKind>> = {
  INVALID_ARGUMENT: 'invalid-request',
  OUT_OF_RANGE: 'invalid-request',
  FAILED_PRECONDITION: 'permission', // the caller's country, or an account without billing: another provider may do
  UNAUTHENTICATED: 'authentication',
  PERMISSION_DENIED: 'permission',
  NOT_FOUND: 'not-found',
  UNIMPLEMENTED: 'not-found',
  RESOURCE_EXHAUSTED: 'rate-limited',
  UNAVAILABLE: 'overloaded',
  INTERNAL: 'server-error',
  UNKNOWN: 'server-error',
  ABORTED: 'server-error',
  CANCELLED: 'server-error',
  DATA_LOSS: 'server-error',
  DEADLINE_EXCEEDED: 'timeout',
};

/** `ErrorInfo.reason`. More reliable than the status, which is 400 for a wrong key. */
const kindsByReason: Readonly<Record<string, FailureKind>> = {
  API_KEY_INVALID: 'authentication',
  API_KEY_EXPIRED: 'authentication',
  CREDENTIALS_MISSING: 'authentication',
  ACCESS_TOKEN_EXPIRED: 'authentication',
  BILLING_DISABLED: 'quota-exceeded',
};

/** The failure of an error response: kind, message, and the wait that the provider asks for. */
export function parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure {
  const error = errorIn(body);
  if (!error)
    return withWait({ kind: failureKindOfStatus(status), message: body.slice(0, messageLengthMax) || 'no body', status }, headers);
  return withWait(failureOf(error, status), headers, retryDelayIn(error));
}

/** `error` is the inner object, `{code, message, status, details}`: with a status, or inside a stream after a 200. */
export function failureOf(error: JsonObject, status?: number): Failure {
  const message = textOf(error.message).slice(0, messageLengthMax);
  const reason = detailOf(error, 'ErrorInfo')?.reason;
  const code = textOf(error.status) || (typeof reason === 'string' ? reason : '');
  const answered = status ?? (typeof error.code === 'number' ? error.code : undefined);
  const known = lookUp(kindsByReason, textOf(reason)) ?? lookUp(kindsByStatus, textOf(error.status));
  const kind = known ?? (answered === undefined ? 'server-error' : failureKindOfStatus(answered));
  const param = violations(error, 'BadRequest', 'fieldViolations').map(({ field }) => textOf(field))[0];
  return {
    kind: refineByMessage(kind, message, error),
    message: message || code || 'an error without a message',
    ...(answered === undefined ? {} : { status: answered }),
    ...(code === '' ? {} : { code }),
    ...(param ? { param } : {}),
  };
}

/** Refines kinds that share a status, by the message or the quota's name. */
function refineByMessage(kind: FailureKind, message: string, error: JsonObject): FailureKind {
  switch (kind) {
    case 'invalid-request':
      if (/api key (not valid|expired)/i.test(message)) return 'authentication';
      if (/token count.*exceeds|exceeds the (maximum|limit).*tokens|payload size exceeds/i.test(message)) return 'context-exceeded';
      return kind;
    case 'permission':
      if (/unregistered callers/i.test(message)) return 'authentication';
      return /billing/i.test(message) ? 'quota-exceeded' : kind;
    case 'rate-limited': {
      // A daily quota does not come back by waiting, whatever RetryInfo says.
      const daily = violations(error, 'QuotaFailure', 'violations').some(({ quotaId }) => /PerDay/i.test(textOf(quotaId)));
      return daily || /limit: 0\b|credits? (are|is) depleted|spending cap/i.test(message) ? 'quota-exceeded' : kind;
    }
    default:
      return kind;
  }
}

const retryableKinds: ReadonlySet<FailureKind> = new Set<FailureKind>(['rate-limited', 'overloaded', 'server-error', 'timeout']);

function withWait(failure: Failure, headers: Readonly<Record<string, string>>, hint?: string): Failure {
  const wait = retryableKinds.has(failure.kind) ? retryAfterMs(headers, hint) : undefined;
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait };
}

/** Gemini sends no retry-after header: the wait is a detail or at the end of the message. */
function retryDelayIn(error: JsonObject): string | undefined {
  return textOf(detailOf(error, 'RetryInfo')?.retryDelay) || /retry in ([\d.]+m?s)\b/i.exec(textOf(error.message))?.[1];
}

function errorIn(body: string): JsonObject | undefined {
  const trimmed = body.trimStart();
  const parsed = parseJson(trimmed.startsWith('data:') ? trimmed.slice('data:'.length) : trimmed);
  const outer = Array.isArray(parsed) ? (parsed[0] as unknown) : parsed;
  return isObject(outer) && isObject(outer.error) ? outer.error : undefined;
}

const detailsOf = (error: JsonObject): readonly JsonObject[] => (Array.isArray(error.details) ? error.details.filter(isObject) : []);
const detailOf = (error: JsonObject, type: string): JsonObject | undefined =>
  detailsOf(error).find(detail => textOf(detail['@type']).endsWith(`.${type}`));
function violations(error: JsonObject, type: string, member: string): readonly JsonObject[] {
  const list = detailOf(error, type)?.[member];
  return Array.isArray(list) ? list.filter(isObject) : [];
}
const lookUp = (table: Readonly<Record<string, FailureKind>>, key: string): FailureKind | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;
const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
