import type { Failure } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { AttemptKind } from './attempt-kind.ts';
import type { ReportedRateLimits } from './rate-limit-headers.ts';

/**
 * What an attempt did. `credential` is the fingerprint of the provider key in use, '' for none; `tokens` is what the call was reckoned to
 * need when it was asked, and the same in what ends it. Each `asked` is followed by exactly one of answered, failed and aborted.
 */
export type Observation = { readonly target: string; readonly credential: string; readonly at: Instant; readonly tokens?: number } & (
  | { readonly type: 'asked'; readonly kind?: AttemptKind }
  | {
      readonly type: 'answered';
      readonly firstTokenMs: Milliseconds;
      readonly totalMs?: Milliseconds;
      readonly tokensUsed?: number;
      readonly limits?: ReportedRateLimits;
    }
  | { readonly type: 'failed'; readonly failure: Failure; readonly afterMs?: Milliseconds; readonly limits?: ReportedRateLimits }
  /** Its answer was no longer needed. `opened` when it had shown content by then. */
  | { readonly type: 'aborted'; readonly afterMs: Milliseconds; readonly opened: boolean }
  /** Somebody asked whether it lives, beside all callers, and will ask again after so long. Absent `failure`: it does. */
  | { readonly type: 'probed'; readonly failure?: Failure; readonly againMs: Milliseconds }
  /** What it cost in the end. */
  | { readonly type: 'charged'; readonly kind: AttemptKind; readonly costNanoUsd: number }
);
