/** Every failure of a request: one closed list, with the retry rule of each kind. */
import type { Milliseconds } from './time.ts';

/** The closed list of failure kinds. */
export type FailureKind =
  | 'unreachable' // refused, DNS, TLS, reset before the first byte
  | 'timeout'
  | 'rate-limited'
  | 'overloaded'
  | 'server-error'
  | 'truncated' // the connection ended before the answer did
  | 'invalid-response' // not what the wire format allows
  | 'invalid-request'
  | 'context-exceeded'
  | 'content-filtered'
  | 'unsupported' // the target cannot carry the request and the route says `reject`
  | 'authentication' // the provider refused our key
  | 'permission'
  | 'not-found'
  | 'quota-exceeded' // no credit at the provider
  | 'cancelled' // the caller disconnected
  | 'internal';

/** A failure as a value. Nothing in the core throws one. */
export interface Failure {
  readonly kind: FailureKind;
  /** For operators: may hold the provider's text, so it goes to records and never to callers. */
  readonly message: string;
  /** The provider's HTTP status, when there was one. */
  readonly status?: number;
  /** The provider's own code or type, from the body. */
  readonly code?: string;
  /** The caller's field at fault, when the provider named it. */
  readonly param?: string;
  /** The wait that the provider requested; parsed and finite, not yet clamped. */
  readonly retryAfterMs?: Milliseconds;
  /** The provider's `x-should-retry`, which overrides the rule of its status. */
  readonly shouldRetry?: boolean;
}

/** `same`: the same target may be retried. `other`: only another target. `never`: the request itself is at fault. */
export type RetryScope = 'same' | 'other' | 'never';

const retryScopes: Readonly<Record<FailureKind, RetryScope>> = {
  unreachable: 'same',
  timeout: 'same',
  'rate-limited': 'same',
  overloaded: 'same',
  'server-error': 'same',
  truncated: 'same',
  'invalid-response': 'same',
  'invalid-request': 'never',
  'context-exceeded': 'other',
  'content-filtered': 'other',
  unsupported: 'other',
  authentication: 'other',
  permission: 'other',
  'not-found': 'other',
  'quota-exceeded': 'other',
  cancelled: 'never',
  internal: 'never',
};

/** Where a retry may go. A provider may forbid a retry of itself, and may allow one unless it refused our key. */
export function retryScopeOf({ kind, shouldRetry }: Failure): RetryScope {
  const retry = retryScopes[kind];
  if (shouldRetry === undefined || isKeyFault(kind) || kind === 'cancelled' || kind === 'internal') return retry;
  if (shouldRetry) return 'same';
  return retry === 'same' ? 'other' : retry;
}

/** Faults of a conversation or an image that every vendor refuses, in the words of their errors. */
const requestFaultPattern =
  /tool_call_id|tool_use_id|tool_calls?.{0,40}(must be|followed|preceding|without)|tool_result.{0,60}(without|corresponding|must)|(could not|unable to|cannot) (parse|decode|process|download)|not valid json|missing (required|a required)|must not be empty|at least one (message|content)|(invalid|unsupported|corrupt)[a-z_ ]{0,20}(image|base64|audio|file|media)|image_parse|invalid_(image|base64)/i;

/**
 * Whether an invalid request would be invalid anywhere. Any other refusal may be a limit of this target, or a field that we rendered.
 */
export const isSurelyInvalid = ({ message, code = '', param = '' }: Failure): boolean =>
  requestFaultPattern.test(`${code} ${param} ${message}`);

/** Whether a failure counts against the target's health, rather than the request, our key or the caller. */
export const isTargetFault = ({ kind }: Failure): boolean => retryScopes[kind] === 'same';

/** Whether a failure concerns the key, so that another key might work. */
export const isKeyFault = (kind: FailureKind): kind is 'authentication' | 'quota-exceeded' =>
  kind === 'authentication' || kind === 'quota-exceeded';

/** A failure as the caller sees it: status and fixed text of its kind, without any of the provider's text. */
export interface PublicError {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
}

const upstreamError = (status: number, code: string, message: string): PublicError => ({ status, type: 'upstream_error', code, message });

const publicErrors: Readonly<Record<FailureKind, PublicError>> = {
  unreachable: upstreamError(502, 'upstream_unreachable', 'No provider of this route could be reached.'),
  timeout: { status: 504, type: 'timeout_error', code: 'upstream_timeout', message: 'The provider did not answer in time.' },
  'rate-limited': {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'The provider is limiting its rate. Try again later.',
  },
  overloaded: upstreamError(503, 'upstream_overloaded', 'The provider is overloaded. Try again later.'),
  'server-error': upstreamError(502, 'upstream_error', 'The provider failed.'),
  truncated: upstreamError(502, 'upstream_truncated', 'The provider ended the answer before it was complete.'),
  'invalid-response': upstreamError(502, 'upstream_invalid_response', 'The provider sent something that is no valid answer.'),
  'invalid-request': {
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_request',
    message: 'The provider refused the request as invalid.',
  },
  'context-exceeded': {
    status: 400,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    message: "The request is longer than the model's context window.",
  },
  'content-filtered': {
    status: 400,
    type: 'invalid_request_error',
    code: 'content_filter',
    message: "The provider's content filter refused the request.",
  },
  unsupported: {
    status: 400,
    type: 'invalid_request_error',
    code: 'unsupported_parameter',
    message: 'No target of this route can carry this request unchanged.',
  },
  authentication: upstreamError(502, 'upstream_authentication', "The provider refused the gateway's credentials."),
  permission: upstreamError(502, 'upstream_permission', "The provider does not allow this with the gateway's credentials."),
  'not-found': { status: 404, type: 'invalid_request_error', code: 'model_not_found', message: 'The provider does not know this model.' },
  // No outage: clients that retry a 502 would wait for nothing.
  'quota-exceeded': {
    status: 402,
    type: 'insufficient_quota',
    code: 'upstream_quota_exceeded',
    message: "The gateway's account at the provider has run out of quota.",
  },
  cancelled: { status: 499, type: 'invalid_request_error', code: 'client_closed_request', message: 'The caller closed the request.' },
  internal: { status: 500, type: 'server_error', code: 'internal_error', message: 'The gateway failed. The request id finds the record.' },
};

/** An answer that the bytes under way leave no room for, by whose limit it is. */
export const noRoomFailures: Readonly<Record<'process' | 'caller', Failure>> = {
  process: { kind: 'internal', code: 'overloaded', message: 'the answer exceeds server.bytes_in_flight' },
  caller: { kind: 'internal', code: 'bytes_in_flight_exceeded', message: "the answer exceeds the caller's limits.bytes_in_flight" },
};

/** By the code of `noRoomFailures`. */
export const noRoomErrors: ReadonlyMap<string | undefined, PublicError> = new Map([
  [
    'overloaded',
    {
      status: 503,
      type: 'server_error',
      code: 'overloaded',
      message: 'The gateway has too many bytes of requests and answers under way. Try again later.',
    },
  ],
  [
    'bytes_in_flight_exceeded',
    {
      status: 429,
      type: 'requests',
      code: 'bytes_in_flight_exceeded',
      message: 'Your requests and answers under way hold more bytes than you are allowed. Try again when some have ended.',
    },
  ],
]);

/** The public error of a failure: fixed text of its kind, without the provider's text. */
export const publicErrorOf = (failure: Failure): PublicError =>
  (failure.kind === 'internal' ? noRoomErrors.get(failure.code) : undefined) ?? publicErrors[failure.kind];

/** An unexpected error of the gateway. It fails the request that met it; the record holds the details. */
export const internalFailure = (operation: string, problem: unknown): Failure => ({
  kind: 'internal',
  message: `${operation}: ${problem instanceof Error ? (problem.stack ?? problem.message).slice(0, 1000) : String(problem)}`,
});

/** The failure kind of a status without a readable body, such as HTML from a proxy or load balancer. */
export function failureKindOfStatus(status: number): FailureKind {
  switch (status) {
    case 401:
      return 'authentication';
    case 402:
      return 'quota-exceeded';
    case 403:
      return 'permission';
    case 404:
      return 'not-found';
    case 408:
    case 504:
    case 524:
      return 'timeout';
    case 409:
    case 425:
    case 498: // Groq's flex tier without capacity
    case 503:
    case 529:
      return 'overloaded';
    case 413:
      return 'context-exceeded';
    case 429:
      return 'rate-limited';
    default:
      return status >= 500 ? 'server-error' : 'invalid-request';
  }
}

/** A kind as the label of records and metrics: `rate_limited`. */
export function failureLabel(kind: FailureKind): string {
  return kind === 'unreachable' ? 'connect_error' : kind.replaceAll('-', '_');
}

const kindsByLabel: ReadonlyMap<string, FailureKind> = new Map(
  (Object.keys(retryScopes) as FailureKind[]).map(kind => [failureLabel(kind), kind]),
);

/** Undefined for an unknown label. */
export const failureKindOfLabel = (word: string): FailureKind | undefined => kindsByLabel.get(word);
