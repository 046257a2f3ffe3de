/** Values of columns that are computed from an exchange. */
import type { Warning } from '../../gateway/core/chat/provider.ts';
import { type AttemptRecord, type Exchange, priceStateOf } from '../../gateway/core/exchange.ts';
import type { PriceState } from '../../gateway/core/money/price.ts';
import { type Failure, failureLabel } from '../../gateway/core/shared/failure.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';

/** As in `requests.payload_state`. */
export function payloadState({ redaction }: Exchange): 'none' | 'stored' | 'redacted' {
  if (redaction === undefined) return 'stored';
  return redaction.type === 'metadata' ? 'none' : 'redacted';
}

/** The attempt whose answer was kept; else the last one. */
export function keptAttempt({ decision, attempts }: Exchange): AttemptRecord | undefined {
  const answered = decision.type === 'answered' ? attempts[decision.attempt] : undefined;
  return answered ?? attempts.at(-1);
}

/** Why an attempt was started: what had gone wrong, that an answer was declined, or that one was slow. */
export function attemptReason(attempts: readonly AttemptRecord[], index: number): string {
  const { kind } = attempts[index]!;
  if (kind === 'escalation') return 'declined';
  if (kind === 'hedge') return 'slow';
  if (kind !== 'retry' && kind !== 'fallback') return '';
  const failure = attempts.slice(0, index).findLast(attempt => attempt.failure)?.failure;
  return failure ? failureLabel(failure.kind) : '';
}

const errorTypeLengthMax = 100;
/** The provider's own code where it gave one. The kind of failure stands in the attempt's outcome already. */
export const errorType = (failure: Failure | undefined): string =>
  (failure?.code ?? (failure ? failureLabel(failure.kind) : '')).slice(0, errorTypeLengthMax);

/** For columns where 0 means that it never happened. */
export const atLeastOne = (ms: Milliseconds | undefined): number => (ms === undefined ? 0 : Math.max(1, ms));

/** '' when tokens were used whose price is not known: a sum that lacks a part is no cost. */
export function priceId({ attempts }: Exchange, kept: AttemptRecord | undefined): string {
  let last = '';
  for (const { usage, cost } of attempts) {
    if (!usage) continue;
    if (!cost) return '';
    last = cost.priceId;
  }
  return kept?.cost?.priceId ?? last;
}

/** As in `requests.price_state`: `unknown` when a part of the cost is, `estimated` when a part is, else as the answer's. */
export function exchangePriceState(attempts: readonly AttemptRecord[], kept: AttemptRecord | undefined): PriceState | 'unset' {
  let last: PriceState | undefined;
  let isEstimated = false;
  for (const attempt of attempts) {
    const state = priceStateOf(attempt);
    if (state === 'unknown') return 'unknown';
    if (state === 'estimated') isEstimated = true;
    last = state ?? last;
  }
  if (isEstimated) return 'estimated';
  return (kept && priceStateOf(kept)) ?? last ?? 'unset';
}

/** Of the providers' prompt caches: `hit` when some input was read from one, `none` where no provider counted any input. */
export function cacheStatus(attempts: readonly AttemptRecord[]): 'none' | 'miss' | 'hit' {
  let status: 'none' | 'miss' = 'none';
  for (const { usage } of attempts) {
    if (usage?.source !== 'provider' || usage.input <= 0) continue;
    if (usage.cached > 0) return 'hit';
    status = 'miss';
  }
  return status;
}

/** A warning as the column `warnings` has it: type, field and detail. */
export const warningText = ({ type, field, detail }: Warning): string =>
  detail === '' ? `${type} ${field}` : `${type} ${field}: ${detail}`;

/** JSON of arrival and length of each chunk, to the microsecond; '' when it is not known. */
export function chunkTimings(chunks: AttemptRecord['chunks']): string {
  if (chunks.length === 0) return '';
  let text = '';
  for (const [afterMs, bytes] of chunks) text += `${text === '' ? '[' : ','}[${Math.round(afterMs * 1000) / 1000},${bytes}]`;
  return `${text}]`;
}

/** Milliseconds that a UUIDv7 begins with. */
export function timeOfId(id: string | undefined): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(id ?? '') ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
