/** Bedrock's error responses as failures: the exception's name is in a header, its message in the body, and a throttle may be a 503. */

import { isObject, type JsonObject, parseJson } from '../../core/chat/json.ts';
import { type Failure, type FailureKind, failureKindOfStatus } from '../../core/shared/failure.ts';
import { retryAfterMs } from '../../core/targets/retry-after.ts';

const messageLengthMax = 2_000;

/** In lower case. Source: docs.aws.amazon.com, errors of Converse and ConverseStream, and common errors. */
const kindsByType: Readonly<Record<string, FailureKind>> = {
  throttlingexception: 'rate-limited',
  toomanyrequestsexception: 'rate-limited',
  servicequotaexceededexception: 'rate-limited',
  serviceunavailableexception: 'overloaded',
  modelnotreadyexception: 'overloaded',
  modeltimeoutexception: 'timeout',
  modelerrorexception: 'server-error',
  modelstreamerrorexception: 'server-error',
  internalserverexception: 'server-error',
  internalfailure: 'server-error',
  accessdeniedexception: 'permission',
  optinrequired: 'permission',
  expiredtokenexception: 'authentication',
  unrecognizedclientexception: 'authentication',
  invalidsignatureexception: 'authentication',
  incompletesignature: 'authentication',
  missingauthenticationtoken: 'authentication',
  missingauthenticationtokenexception: 'authentication',
  notauthorized: 'authentication',
  resourcenotfoundexception: 'not-found',
};

/** The kinds of validation errors, and of bodies without an exception name, by their message. */
const kindsByMessage: readonly (readonly [RegExp, FailureKind])[] = [
  [/too many (tokens|requests|connections)[^.]{0,40}, please wait|rate exceeded/i, 'rate-limited'],
  [
    /input is too long|prompt is too long|maximum (context|number of (input )?tokens)|context (length|window)|too many input tokens/i,
    'context-exceeded',
  ],
  [/model identifier is invalid|on-demand throughput isn.t supported|end of its life|model .{0,100}not (found|supported)/i, 'not-found'],
  [/security token|signature we calculated|bearer token|authentication failed|api key/i, 'authentication'],
  [/access denied|not authorized|don.t have access/i, 'permission'],
  [/content filter|blocked by/i, 'content-filtered'],
];

/** The failure of an error response: kind, message, and the wait that the provider asks for. */
export function parseFailure(status: number, headers: Readonly<Record<string, string>>, body: string): Failure {
  const parsed = parseJson(body);
  const [name = ''] = (headers['x-amzn-errortype'] ?? '').split(':', 1);
  const failure = isObject(parsed)
    ? failureOf(parsed, name, status)
    : {
        kind: kindOf(name, /^\s*</.test(body) ? '' : body.slice(0, messageLengthMax), status),
        message: body.slice(0, messageLengthMax) || 'no body',
        status,
      };
  const wait = retryableKinds.has(failure.kind) ? retryAfterMs(headers) : undefined;
  return wait === undefined ? failure : { ...failure, retryAfterMs: wait };
}

const retryableKinds: ReadonlySet<FailureKind> = new Set<FailureKind>(['rate-limited', 'overloaded', 'server-error', 'timeout']);

/** `body` is `{message}`; some services send `{Message}` or add `__type`. `name` is the exception's name. */
export function failureOf(body: JsonObject, name: string, status?: number): Failure {
  const rawMessage = body.message ?? body.Message;
  const message = (typeof rawMessage === 'string' ? rawMessage : '').slice(0, messageLengthMax);
  const typed = typeof body.__type === 'string' ? body.__type.slice(body.__type.lastIndexOf('#') + 1) : '';
  const code = (name || typed).slice(0, 200);
  return {
    kind: kindOf(code, message, status),
    message: message || code || 'an error without a message',
    ...(status === undefined ? {} : { status }),
    ...(code === '' ? {} : { code }),
  };
}

function kindOf(name: string, message: string, status: number | undefined): FailureKind {
  const type = name.toLowerCase();
  // An overloaded model is reported as unavailable; the message has the reason.
  if (/throttl/i.test(message)) return 'rate-limited';
  const known = Object.hasOwn(kindsByType, type) ? kindsByType[type] : undefined;
  if (known) return known;
  const worded = kindsByMessage.find(([wording]) => wording.test(message))?.[1];
  if (worded) return worded;
  if (type === 'validationexception') return 'invalid-request';
  return status === undefined ? 'server-error' : failureKindOfStatus(status);
}
