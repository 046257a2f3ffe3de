import type { Failure } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { AttemptKind } from './attempt-kind.ts';
import type { ReportedRateLimits } from './rate-limit-headers.ts';

/**
 * The outcome of an attempt, as health and rate limits observe it.
 * `credential` is the fingerprint of the provider key, '' for none. `tokens` is the call's estimate before it was sent, repeated at its
 * end. `otherKey` marks a retry with another key of the account, which the retry budget does not count. Each `sent` is followed by exactly one of answered, failed and aborted.
 */
export type Observation = {
  readonly target: string;
  readonly credential: string;
  readonly at: Instant;
  readonly tokens?: number;
} /** `otherKey`: a retry with another key of the account, which the retry budget does not count. */ & (
  | { readonly type: 'sent'; readonly kind?: AttemptKind; readonly otherKey?: true }
  | {
      readonly type: 'answered';
      readonly firstTokenMs: Milliseconds;
      readonly totalMs?: Milliseconds;
      readonly tokensUsed?: number;
      readonly limits?: ReportedRateLimits;
    }
  | { readonly type: 'failed'; readonly failure: Failure; readonly afterMs?: Milliseconds; readonly limits?: ReportedRateLimits }
  /** Its response was no longer needed. `opened` when it had shown content by then. */
  | { readonly type: 'aborted'; readonly afterMs: Milliseconds; readonly opened: boolean }
  /** Result of a health probe, which is sent apart from callers and repeats after `againMs`. Without `failure` the target is alive. */
  | { readonly type: 'probed'; readonly failure?: Failure; readonly againMs: Milliseconds }
  /** The final cost of an attempt. */
  | { readonly type: 'charged'; readonly kind: AttemptKind; readonly costNanoUsd: number }
);
