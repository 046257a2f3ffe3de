/** Loads the attempts of recorded requests, and their bytes for answering a replay from the record. */

import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import type { Store } from '../../recorder/store/store.ts';

export interface RecordedAttempt {
  readonly number: number;
  /** provider/model */
  readonly target: string;
  /** `ok`, `aborted` or a failure kind. */
  readonly outcome: string;
  readonly status: number;
  readonly accepted: boolean;
  readonly durationMs: Milliseconds;
  /** To the first content; 0 when there was none. */
  readonly firstTokenMs: Milliseconds;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** Undefined when the price is unknown. */
  readonly costNanoUsd?: NanoUsd;
  readonly retryAfterMs?: Milliseconds;
  readonly signals: Signals;
}

interface Row {
  readonly id: string;
  readonly number: number;
  readonly target: string;
  readonly outcome: string;
  readonly status: number;
  readonly accepted: boolean;
  readonly duration_ms: number;
  readonly ttft_ms: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nano: number;
  readonly price_id: string;
  readonly retry_after_ms: number;
  readonly signals: Readonly<Record<string, number>>;
}

const idsPerQuery = 1_000;

/** Attempts by request id, in the order of their start. Calls of judges are left out. */
export async function loadAttempts(store: Store, ids: readonly string[]): Promise<ReadonlyMap<string, readonly RecordedAttempt[]>> {
  const found = new Map<string, RecordedAttempt[]>();
  for (let i = 0; i < ids.length; i += idsPerQuery) {
    const rows = await store.select<Row>(
      `SELECT toString(request_id) AS id, attempt_no AS number, target, outcome, status_code AS status, accepted, duration_ms, ttft_ms, input_tokens,
  output_tokens, cached_tokens, reasoning_tokens, toFloat64(cost_usd) * 1000000000 AS cost_nano, price_id, retry_after_ms, signals
FROM attempts WHERE request_id IN {ids: Array(UUID)} AND kind != 'judge' ORDER BY attempt_no LIMIT 1 BY request_id, attempt_no`,
      { ids: ids.slice(i, i + idsPerQuery) },
    );
    for (const row of rows) {
      const known = found.get(row.id);
      if (known) known.push(attemptOf(row));
      else found.set(row.id, [attemptOf(row)]);
    }
  }
  return found;
}

const attemptOf = (row: Row): RecordedAttempt => ({
  number: row.number,
  target: row.target,
  outcome: row.outcome,
  status: row.status,
  accepted: row.accepted,
  durationMs: row.duration_ms,
  firstTokenMs: row.ttft_ms,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
  cachedTokens: row.cached_tokens,
  reasoningTokens: row.reasoning_tokens,
  ...(row.price_id === '' ? {} : { costNanoUsd: Math.round(row.cost_nano) }),
  ...(row.retry_after_ms === 0 ? {} : { retryAfterMs: row.retry_after_ms }),
  signals: row.signals,
});

/** Request and response of an attempt, byte for byte, with the arrival of each chunk in milliseconds. */
export interface AttemptBytes {
  readonly request: Buffer;
  readonly response: Buffer;
  readonly chunks: readonly (readonly [afterMs: Milliseconds, bytes: number])[];
}

/** The bytes of one request's attempts, by attempt number. Cut or redacted bytes are left out. */
export async function loadAttemptBytes(store: Store, id: string): Promise<ReadonlyMap<number, AttemptBytes>> {
  const rows = await store.select<{ number: number; request: string; response: string; timing: string }>(
    `SELECT attempt_no AS number, base64Encode(request_body) AS request, base64Encode(response_body) AS response, stream_timing AS timing FROM payloads
WHERE request_id = {id: UUID} AND attempt_no > 0 AND redactions = 0 AND NOT truncated ORDER BY attempt_no LIMIT 1 BY attempt_no`,
    { id },
  );
  return new Map(
    rows.map(row => [
      row.number,
      {
        request: Buffer.from(row.request, 'base64'),
        response: Buffer.from(row.response, 'base64'),
        chunks: row.timing === '' ? [] : (JSON.parse(row.timing) as AttemptBytes['chunks']),
      },
    ]),
  );
}
