/** The result of a run. */
import type { ExchangeOutcome } from '../../gateway/core/exchange.ts';
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';

export interface ReplayResult {
  readonly asked: number;
  readonly answered: number;
  /** Calls that were not sent, with the reason. */
  readonly skipped: readonly { readonly request: string; readonly arm: string; readonly reason: string }[];
  /** Failed calls by outcome. */
  readonly failed: Readonly<Partial<Record<ExchangeOutcome, number>>>;
  /** Calls that remain when the cap is reached or the run is stopped. */
  readonly left: number;
  readonly stoppedBy?: 'cap' | 'interrupt' | 'errors' | 'decided';
  /** The worst-case cost of the call that would exceed the cap. */
  readonly nextWorst?: NanoUsd;
  readonly spent: NanoUsd;
  /** Calls done before the run was resumed. */
  readonly before: number;
  /** Calls answered from the record, and their saved cost. */
  readonly fromRecord: number;
  readonly saved: NanoUsd;
  /** Calls answered by targets of unknown price; no sum includes them. */
  readonly unpriced: number;
  /** Number of requests by applied change. */
  readonly applied: Readonly<Record<string, number>>;
  /** How late calls began after their due time, because of the concurrency limit. */
  readonly lagMsMax: Milliseconds;
  readonly lagMsP50: Milliseconds;
  readonly lagMsP99: Milliseconds;
  /** From the due time to the end of the response: the latency that callers would see. 0 without pacing. */
  readonly dueLatencyMsP50: Milliseconds;
  readonly dueLatencyMsP99: Milliseconds;
  /** Total waiting time for --rpm and --tpm. */
  readonly limitedMs: Milliseconds;
  /** Of replayed turns: calls after the first, tool calls without a recorded result, recorded results that no call took. */
  readonly turned: { readonly further: number; readonly unknown: number; readonly unused: number };
}
