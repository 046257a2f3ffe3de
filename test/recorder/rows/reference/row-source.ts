/** An exchange with what several columns of its rows are made of. */
import type { Usage } from '../../../../gateway/core/chat/chat.ts';
import type { Warning } from '../../../../gateway/core/chat/provider.ts';
import { type AttemptRecord, type Exchange, priceStateOf, type Redaction } from '../../../../gateway/core/exchange.ts';
import type { PriceState } from '../../../../gateway/core/money/price.ts';
import { type Failure, failureLabel } from '../../../../gateway/core/shared/failure.ts';
import type { Milliseconds } from '../../../../gateway/core/shared/time.ts';
import { type Retention, type RetentionDays, retentionDaysOf } from '../../../../recorder/store/retention.ts';
import { type PromptHashes, promptHashes } from './prompt-hashes.ts';

export interface RowSource {
  readonly exchange: Exchange;
  /** The attempt whose answer was kept; else the last one. */
  readonly last: AttemptRecord | undefined;
  readonly failure: Failure | undefined;
  readonly hashes: PromptHashes;
  readonly retention: RetentionDays;
}

export interface AttemptRowSource extends RowSource {
  readonly attempt: AttemptRecord;
  readonly reason: string;
}

export interface PayloadRowSource extends RowSource {
  readonly number: number;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly chunks: AttemptRecord['chunks'];
  readonly redactions: number;
}

export function rowSourceOf(exchange: Exchange, retention: Retention): RowSource {
  const { decision, attempts } = exchange;
  const answered = decision.type === 'answered' ? attempts[decision.attempt] : undefined;
  return {
    exchange,
    last: answered ?? attempts.at(-1),
    failure: decision.type === 'failed' ? decision.failure : undefined,
    // A hash of nothing would make all requests one prompt.
    hashes: exchange.redaction?.type === 'metadata' ? { prompt: 0n, group: 0n } : promptHashes(exchange.request),
    retention: retentionDaysOf(retention, exchange.caller.tenant),
  };
}

export const attemptRowSources = (view: RowSource): readonly AttemptRowSource[] =>
  view.exchange.attempts.map((attempt, i) => ({ ...view, attempt, reason: attemptReasonOf(view.exchange.attempts, i) }));

/** Number 0 is the caller's own request and what it was sent. No rows for an exchange that was recorded without its texts. */
export const payloadRowSources = (view: RowSource): readonly PayloadRowSource[] => {
  const { request, response, redaction, attempts } = view.exchange;
  if (redaction?.type === 'metadata') return [];
  const redactionsOf = (part: { readonly redaction?: Redaction }): number => part.redaction?.count ?? 0;
  return [
    { ...view, number: 0, request, response, chunks: [], redactions: redactionsOf(view.exchange) },
    ...attempts.map(attempt => {
      return { ...view, number: attempt.number, ...bodiesOf(attempt), chunks: attempt.chunks, redactions: redactionsOf(attempt) };
    }),
  ];
};

const bodiesOf = ({ request, response }: AttemptRecord) => ({ request, response });

/** As in the store's `requests.payload_state`. */
export function payloadState({ exchange: { redaction } }: RowSource): 'none' | 'stored' | 'redacted' {
  if (redaction === undefined) return 'stored';
  return redaction.type === 'metadata' ? 'none' : 'redacted';
}

/** Of a request and an answer as they went over the wire. */
export const sizesOf = ({ request, response, redaction }: Pick<AttemptRecord, 'request' | 'response' | 'redaction'>) =>
  redaction ?? { requestBytes: request.byteLength, responseBytes: response.byteLength };

/** Why an attempt was started: what had gone wrong, or that an answer was not sure enough, or slow. */
function attemptReasonOf(attempts: readonly AttemptRecord[], index: number): string {
  const { kind } = attempts[index]!;
  if (kind === 'escalation') return 'declined';
  if (kind === 'hedge') return 'slow';
  if (kind !== 'retry' && kind !== 'fallback') return '';
  const failure = attempts.slice(0, index).findLast(a => a.failure)?.failure;
  return failure ? failureLabel(failure.kind) : '';
}

const errorTypeLengthMax = 100;
/** The provider's own code where it gave one: it tells more than the kind, which is the attempt's outcome already. */
export const errorTypeOf = (failure: Failure | undefined): string =>
  (failure?.code ?? (failure ? failureLabel(failure.kind) : '')).slice(0, errorTypeLengthMax);

export const latencyMs = ({ exchange }: RowSource): Milliseconds => exchange.endedAt - exchange.receivedAt;

export const countOf = ({ exchange }: RowSource, kind: AttemptRecord['kind']): number =>
  exchange.attempts.filter(a => a.kind === kind).length;

export const sumOf = ({ exchange }: RowSource, of: (attempt: AttemptRecord) => number): number =>
  exchange.attempts.reduce((sum, attempt) => sum + of(attempt), 0);

/** Columns where 0 says that it never happened. */
export const atLeastOne = (ms: Milliseconds | undefined): number => (ms === undefined ? 0 : Math.max(1, ms));

/** '' when tokens were used whose price is not known: a sum that lacks a part is no cost. */
export function priceId({ exchange, last }: RowSource): string {
  const paid = exchange.attempts.filter(a => a.usage);
  if (paid.some(a => !a.cost)) return '';
  return last?.cost?.priceId ?? paid.at(-1)?.cost?.priceId ?? '';
}

/** `unknown` and `estimated` as soon as one part is; else the answer's, or the last one's. */
export function priceState({ exchange, last }: RowSource): PriceState | 'unset' {
  const states = exchange.attempts.flatMap(attempt => priceStateOf(attempt) ?? []);
  if (states.includes('unknown')) return 'unknown';
  if (states.includes('estimated')) return 'estimated';
  return (last && priceStateOf(last)) ?? states.at(-1) ?? 'unset';
}

/** Of the providers' prompt caches: `hit` when some input was read from one, `none` where no provider counted any input. */
export function cacheStatus({ exchange }: RowSource): 'none' | 'miss' | 'hit' {
  const counted = exchange.attempts.flatMap(({ usage }) => (usage?.source === 'provider' && usage.input > 0 ? [usage] : []));
  if (counted.some(({ cached }) => cached > 0)) return 'hit';
  return counted.length > 0 ? 'miss' : 'none';
}

export function audioTokens(usage: Usage | undefined): Readonly<Record<string, number>> {
  const { audioInput, audioOutput } = usage ?? {};
  return {
    ...(audioInput === undefined ? {} : { audio_input: audioInput }),
    ...(audioOutput === undefined ? {} : { audio_output: audioOutput }),
  };
}

export const warningTexts = (warnings: readonly Warning[]): readonly string[] =>
  warnings.map(({ type, field, detail }) => (detail === '' ? `${type} ${field}` : `${type} ${field}: ${detail}`));

/** JSON of arrival and length of each chunk, to the microsecond; '' when it is not known. */
export const chunkTimings = (chunks: AttemptRecord['chunks']): string =>
  chunks.length === 0 ? '' : JSON.stringify(chunks.map(([afterMs, bytes]) => [Math.round(afterMs * 1000) / 1000, bytes]));

/** A UUIDv7 begins with its milliseconds. */
export function timeOfId(id: string | undefined): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(id ?? '') ?? [];
  return high === undefined || low === undefined ? undefined : Number.parseInt(high + low, 16);
}
