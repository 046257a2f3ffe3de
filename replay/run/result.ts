/** What came of a run. */
import type { ExchangeOutcome } from '../../gateway/core/exchange.ts';
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';

export interface ReplayResult {
  readonly asked: number;
  readonly answered: number;
  /** Not asked: the request, the arm and why. */
  readonly skipped: readonly { readonly request: string; readonly arm: string; readonly reason: string }[];
  /** Asked and not answered, by outcome. */
  readonly failed: Readonly<Partial<Record<ExchangeOutcome, number>>>;
  /** Left when the money ran out or the run was stopped. */
  readonly left: number;
  readonly stoppedBy?: 'cap' | 'interrupt' | 'errors' | 'decided';
  /** What the call for which the money did not suffice could have cost. */
  readonly nextWorst?: NanoUsd;
  readonly spent: NanoUsd;
  /** Done before, by the process that this one goes on for. */
  readonly before: number;
  /** Answered from the record, and what that would have cost. */
  readonly fromRecord: number;
  readonly saved: NanoUsd;
  /** Answered by targets whose price nobody knows: in no sum of money. */
  readonly unpriced: number;
  /** What was changed of the callers' own words, by the name of the change. */
  readonly applied: Readonly<Record<string, number>>;
  /** How late calls began after they were due, for want of a free place. */
  readonly lagMsMax: Milliseconds;
  readonly lagMsP50: Milliseconds;
  readonly lagMsP99: Milliseconds;
  /** From when a call was due to its answer's end: what callers would have felt. 0 where nothing was due at a time. */
  readonly dueLatencyMsP50: Milliseconds;
  readonly dueLatencyMsP99: Milliseconds;
  /** Waited for a turn under --rpm and --tpm, over all calls. */
  readonly limitedMs: Milliseconds;
  /** Where turns are asked whole: calls after the first of each, calls of tools of which nothing was recorded, recorded results that nobody called for. */
  readonly turned: { readonly further: number; readonly unknown: number; readonly unused: number };
}
