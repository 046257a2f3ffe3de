/** The failure kind of an error response: by its code, then its message, then its status, which vendors choose freely. */
import type { Json } from '../../../core/chat/json.ts';
import { type FailureKind, failureKindOfStatus } from '../../../core/shared/failure.ts';

/** Codes and types in lower case without separators. General ones such as `invalid_request_error` are left out. */
const kindsByCode: Readonly<Record<string, FailureKind>> = {
  contextlengthexceeded: 'context-exceeded',
  contextwindowexceeded: 'context-exceeded',
  requesttoolarge: 'context-exceeded',
  exceedcontextsizeerror: 'context-exceeded',
  insufficientquota: 'quota-exceeded',
  insufficientbalance: 'quota-exceeded',
  insufficientcredits: 'quota-exceeded',
  billinghardlimitreached: 'quota-exceeded',
  billingnotactive: 'quota-exceeded',
  exceededcurrentquotaerror: 'quota-exceeded',
  paymentrequired: 'quota-exceeded',
  arrearage: 'quota-exceeded',
  ratelimitexceeded: 'rate-limited',
  ratelimiterror: 'rate-limited',
  ratelimitreachederror: 'rate-limited',
  toomanyrequests: 'rate-limited',
  throttling: 'rate-limited',
  throttlingratequota: 'rate-limited',
  limitrequests: 'rate-limited',
  tokens: 'rate-limited',
  requests: 'rate-limited',
  resourceexhausted: 'rate-limited',
  slowdown: 'overloaded',
  overloaded: 'overloaded',
  overloadederror: 'overloaded',
  engineoverloaded: 'overloaded',
  engineoverloadederror: 'overloaded',
  serviceunavailable: 'overloaded',
  unavailable: 'overloaded',
  capacityexceeded: 'overloaded',
  provideroverloaded: 'overloaded',
  providerunavailable: 'overloaded',
  invalidapikey: 'authentication',
  incorrectapikey: 'authentication',
  authenticationerror: 'authentication',
  invalidauthentication: 'authentication',
  invalidauthenticationerror: 'authentication',
  unauthenticated: 'authentication',
  accountdeactivated: 'authentication',
  permissiondenied: 'permission',
  permissiondeniederror: 'permission',
  permissionerror: 'permission',
  insufficientpermissions: 'permission',
  accessdenied: 'permission',
  unsupportedcountryregionterritory: 'permission',
  modelnotfound: 'not-found',
  modelnotavailable: 'not-found',
  modelnotsupported: 'not-found',
  modeldecommissioned: 'not-found',
  deploymentnotfound: 'not-found',
  invalidmodel: 'not-found',
  notfounderror: 'not-found',
  contentfilter: 'content-filtered',
  contentpolicyviolation: 'content-filtered',
  responsibleaipolicyviolation: 'content-filtered',
  datainspectionfailed: 'content-filtered',
  moderationblocked: 'content-filtered',
  servererror: 'server-error',
  internalerror: 'server-error',
  internalservererror: 'server-error',
  apierror: 'server-error',
  timeout: 'timeout',
  timeouterror: 'timeout',
  requesttimeout: 'timeout',
  // The model wrote the call or JSON that Groq found invalid, so a retry may succeed.
  toolusefailed: 'invalid-response',
  jsonvalidatefailed: 'invalid-response',
};

/** The failure kind of a vendor's error code, in any spelling; undefined when it is not known. */
export function kindOfCode(code: string): FailureKind | undefined {
  const plain = code.toLowerCase().replace(/[^a-z]/g, '');
  return Object.hasOwn(kindsByCode, plain) ? kindsByCode[plain] : undefined;
}

const kindsByMessage: readonly (readonly [RegExp, FailureKind])[] = [
  [
    /maximum context|context (length|window|size|limit)|(prompt|input) is too (long|large)|too many (input |prompt )?tokens\b(?! per)|reduce the length of the (messages|prompt|input)/i,
    'context-exceeded',
  ],
  [
    /exceeded your (current|monthly) quota|insufficient (balance|credits?|funds|quota)|(out of|not enough|requires more|add more) credits|credit balance|hard limit|spending limit|billing|arrearage|in arrears/i,
    'quota-exceeded',
  ],
  [
    /(incorrect|invalid|expired|missing|wrong|provide an?|no) api[ -]?key|api[ -]?key[a-z ]{0,20} (invalid|expired|not valid|incorrect)/i,
    'authentication',
  ],
  [
    /content (management )?policy|content violates|violates? (our |the )?(usage|content|safety)|usage guidelines|flagged (by|as|for)|safety system|content[ _]filter|inappropriate content/i,
    'content-filtered',
  ],
  [
    /\bmodel\b.{0,150}(does not exist|not exist|not found|decommissioned|deprecated|no longer (available|supported))|(unknown|invalid|no such|not a valid) model\b/i,
    'not-found',
  ],
];
/** Something was too long; the field that it names tells whether it was the prompt. */
const tooLongPattern =
  /request is too (long|large)|exceeds? the (model'?s )?(maximum|max|limit)[a-z ]{0,30}(tokens|length)|reduce the length of|(string|array|text) (is )?too long|(maximum|max) (allowed )?(length|tokens)/i;
/** A field in quotes, as errors name it. */
const namedField = /['"`]([a-z_]+(?:\[\d+\]|\.[a-z_]+){0,8})['"`]/i;
const promptField = /^(messages|input|prompt|contents|instructions|system)\b(?!.*(name|_id|\bid|role|arguments)$)/;

/** Whether a text names the prompt as too long, rather than a name, an id or a limit of the answer. */
export function isPromptTooLong(message: string, code: Json | undefined, param: string): boolean {
  if (code !== 'string_above_max_length' && code !== 'array_above_max_length' && !tooLongPattern.test(message)) return false;
  const field = param || namedField.exec(message)?.[1];
  return field === undefined ? tooLongPattern.test(message) && !/max(_| )(completion(_| ))?tokens/i.test(message) : promptField.test(field);
}

const overloadPattern = /overloaded|at capacity|no capacity|temporarily unavailable|high demand/i;

/** For errors without a known code. `status` is undefined inside a stream after a 200. */
export function kindOfMessage(message: string, status: number | undefined, code?: Json, param = ''): FailureKind {
  const kind = status === undefined ? 'server-error' : failureKindOfStatus(status);
  switch (status) {
    case 401:
    case 402:
    case 404:
    case 413:
      return kind;
    case 429:
      return /exceeded your (current|monthly) quota|insufficient|credit|billing/i.test(message) ? 'quota-exceeded' : kind;
  }
  if (status === undefined || status >= 500) return kind === 'server-error' && overloadPattern.test(message) ? 'overloaded' : kind;
  if (isPromptTooLong(message, code, param)) return 'context-exceeded';
  return kindsByMessage.find(([wording]) => wording.test(message))?.[1] ?? kind;
}
