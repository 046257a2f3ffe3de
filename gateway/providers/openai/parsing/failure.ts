/** Error responses of the chat completions format as failures, in the many shapes that vendors use. */

import { isObject, type Json, type JsonObject, parseJson } from '../../../core/chat/json.ts';
import type { Failure, FailureKind } from '../../../core/shared/failure.ts';
import { retryAfterMs } from '../../../core/targets/retry-after.ts';
import { kindOfCode, kindOfMessage } from './failure-kind.ts';
import { listOf, objectOf, text } from './reading.ts';

const messageLengthMax = 2_000;
const codeLengthMax = 200;

/** The failure of an error response: kind, message, and the wait that the provider asks for. */
export function parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure {
  const parsed = parseBody(body);
  if (!parsed) {
    const page = /^\s*</.test(body);
    const kind = kindOfMessage(page ? '' : body.slice(0, messageLengthMax), status);
    return withWait({ kind, message: body.slice(0, messageLengthMax) || 'no body', status }, headers);
  }
  const error = errorIn(parsed) ?? parsed;
  return withWait(failureOf(error, status, body), headers, retryDelayIn(error));
}

/** The error in a body, chunk or choice: an object, a text, a list, or the body itself. Undefined in a successful response. */
export function errorIn(holder: JsonObject): JsonObject | undefined {
  if (isObject(holder.error)) return holder.error;
  if (typeof holder.error === 'string' && holder.error !== '') return { ...holder, error: null, message: holder.error };
  // A choice has a message too, and chunks may have any members beside their choices.
  if ('choices' in holder || 'index' in holder) return undefined;
  const isNamed = typeof holder.code === 'string' || typeof holder.code === 'number' || typeof holder.type === 'string';
  if (holder.object === 'error' || (typeof holder.message === 'string' && isNamed)) return holder;
  return listOf(holder.errors)[0] ?? (holder.detail === undefined ? undefined : { detail: holder.detail });
}

/** `error` is the result of errorIn: with a status, or inside a response after a 200. */
export function failureOf(error: JsonObject, status?: number, body = ''): Failure {
  const nested = nestedErrorIn(error);
  const ownMessage = messageOf(error.message) || messageOf(error.detail);
  const message = [ownMessage, nested.message]
    .filter(part => part !== '')
    .join(': ')
    .slice(0, messageLengthMax);
  const code = errorCodeOf(error).slice(0, codeLengthMax);
  const answered = status ?? statusIn(error);
  const param = text(error.param) || locationOf(error.detail) || locationOf(objectOf(error.message).detail);
  return {
    kind: kindOf([error.code, objectOf(error.innererror).code, ...nested.codes, error.type, error.status], message, answered, param),
    message: message || code || body.slice(0, messageLengthMax) || 'an error without a message',
    ...(answered === undefined ? {} : { status: answered }),
    ...(code === '' ? {} : { code }),
    ...(param === '' ? {} : { param: param.slice(0, codeLengthMax) }),
  };
}

function kindOf(codes: readonly (Json | undefined)[], message: string, status: number | undefined, param: string): FailureKind {
  for (const code of codes) {
    const kind = typeof code === 'string' ? kindOfCode(code) : undefined;
    if (kind) return kind;
  }
  return kindOfMessage(message, status, codes[0], param);
}

/** A numeric code repeats the status, so the type is used instead. */
function errorCodeOf({ code, type, status }: JsonObject): string {
  return text(code) || text(type) || text(status) || (typeof code === 'number' ? String(code) : '');
}

function statusIn({ status_code: statusCode, status, code }: JsonObject): number | undefined {
  const numbers = [statusCode, status, code, Number(text(code) || Number.NaN)];
  return numbers.find((value): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 400 && value < 600);
}

interface NestedError {
  readonly message: string;
  readonly codes: readonly (Json | undefined)[];
}

/** OpenRouter says "Provider returned error" and keeps the original, often as JSON text, in `metadata.raw`. */
function nestedErrorIn(error: JsonObject): NestedError {
  const { raw, error_type: type } = objectOf(error.metadata);
  const inner = typeof raw === 'string' ? parseBody(raw) : undefined;
  if (!inner) return { message: text(raw), codes: [type] };
  const found = errorIn(inner) ?? inner;
  return { message: messageOf(found.message) || text(raw), codes: [type, found.code, found.type, found.status] };
}

/** A text, or a validator's list of errors. */
function messageOf(message: Json | undefined): string {
  if (typeof message === 'string') return message;
  if (isObject(message))
    return messageOf(message.detail) || messageOf(message.message) || JSON.stringify(message).slice(0, messageLengthMax);
  return listOf(message)
    .slice(0, 20)
    .map(item => text(item.msg) || text(item.message))
    .filter(part => part !== '')
    .join('; ');
}

/** `["body", "messages", 0, "content"]` becomes messages[0].content. */
function locationOf(detail: Json | undefined): string {
  const loc = listOf(detail)[0]?.loc;
  if (!Array.isArray(loc)) return '';
  return (loc as readonly Json[])
    .filter(step => step !== 'body')
    .slice(0, 20)
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${text(step)}`))
    .join('')
    .replace(/^\./, '');
}

const retryableKinds: ReadonlySet<FailureKind> = new Set<FailureKind>(['rate-limited', 'overloaded', 'server-error', 'timeout']);

function withWait(failure: Failure, headers: Readonly<Record<string, string>>, hint?: string): Failure {
  const wait = retryableKinds.has(failure.kind) ? retryAfterMs(headers, hint) : undefined;
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait };
}

/** The wait from the message when no header has it: "Please try again in 1m7.3s", "retry after 26 seconds". */
function retryDelayIn(error: JsonObject): string | undefined {
  const seconds = objectOf(error.metadata).retry_after_seconds ?? error.retry_after;
  if (typeof seconds === 'number' && seconds >= 0) return `${seconds}s`;
  const message = messageOf(error.message);
  const [, duration] = /try again in ((?:\d{1,6}(?:\.\d{1,9})?(?:ms|h|m|s))+)/i.exec(message) ?? [];
  const [, plain] = /retry after (\d{1,6}) seconds?/i.exec(message) ?? [];
  return duration ?? plain;
}

/** JSON, an array of it, or the first event of a stream; the content type is not reliable. */
function parseBody(body: string): JsonObject | undefined {
  const parsed = parseJson(body) ?? parseJson(/^data:(.+)$/m.exec(body)?.[1] ?? '');
  const first = Array.isArray(parsed) ? (parsed as readonly Json[])[0] : parsed;
  return isObject(first) ? first : undefined;
}
