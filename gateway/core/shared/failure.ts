/** What can go wrong on the way to an answer: one closed list, with retrying decided once, here. */
import type { Milliseconds } from './time.ts';

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
  | 'quota-exceeded' // no money at the provider
  | 'cancelled' // the caller left
  | 'internal';

export interface Failure {
  readonly kind: FailureKind;
  /** For operators: may hold upstream text, so it goes to records and never to callers. */
  readonly message: string;
  /** The upstream's HTTP status, when there was one. */
  readonly status?: number;
  /** The provider's own code or type, as it stood in the body. */
  readonly code?: string;
  /** The caller's field that is to blame, when the provider named it. */
  readonly param?: string;
  /** How long the provider asked us to wait; parsed and finite, not yet clamped. */
  readonly retryAfterMs?: Milliseconds;
  /** The provider's `x-should-retry`, where it sent one: it knows better than its status says. */
  readonly shouldRetry?: boolean;
}

/** `same`: the same target may be asked again. `other`: only another target. `never`: the request itself is at fault. */
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

/** Whether and where to ask again. A provider may forbid to ask it again, and may invite to it unless it refused our key. */
export function retryScopeOf({ kind, shouldRetry }: Failure): RetryScope {
  const retry = retryScopes[kind];
  if (shouldRetry === undefined || isKeyFault(kind) || kind === 'cancelled' || kind === 'internal') return retry;
  if (shouldRetry) return 'same';
  return retry === 'same' ? 'other' : retry;
}

/** Whether a failure says something about the target's health, rather than about the request, our key or the caller. */
export const isTargetFault = ({ kind }: Failure): boolean => retryScopes[kind] === 'same';

/** Whether a failure is about the key: another one would have been let in. */
export const isKeyFault = (kind: FailureKind): kind is 'authentication' | 'quota-exceeded' =>
  kind === 'authentication' || kind === 'quota-exceeded';

/** What a caller may be told: the status and the fixed words for a kind. Nothing of the upstream's text is in it. */
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
  'quota-exceeded': upstreamError(502, 'upstream_quota_exceeded', "The gateway's account at the provider has run out of quota."),
  cancelled: { status: 499, type: 'invalid_request_error', code: 'client_closed_request', message: 'The caller closed the request.' },
  internal: { status: 500, type: 'server_error', code: 'internal_error', message: 'The gateway failed. The request id finds the record.' },
};

export const publicErrorOf = (failure: Failure): PublicError => publicErrors[failure.kind];

/** A mistake of ours, thrown where nobody expected it: it costs the request that met it, and the record says what it was. */
export const internalFailure = (operation: string, problem: unknown): Failure => ({
  kind: 'internal',
  message: `${operation}: ${problem instanceof Error ? (problem.stack ?? problem.message).slice(0, 1000) : String(problem)}`,
});

/** What a status alone says, for bodies that say nothing: proxies and load balancers answer in HTML. */
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

/** A kind as records and metrics write it, in the manner of their other words: `rate_limited`. */
export function failureLabel(kind: FailureKind): string {
  return kind === 'unreachable' ? 'connect_error' : kind.replaceAll('-', '_');
}

const kindsByLabel: ReadonlyMap<string, FailureKind> = new Map(
  (Object.keys(retryScopes) as FailureKind[]).map(kind => [failureLabel(kind), kind]),
);

/** Undefined for a word that is no kind of ours. */
export const failureKindOfLabel = (word: string): FailureKind | undefined => kindsByLabel.get(word);
