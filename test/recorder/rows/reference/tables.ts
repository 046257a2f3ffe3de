/** What the store keeps of an exchange: the columns of each table, and where their values come from. */
import { createHash } from 'node:crypto';
import type { Usage } from '../../../../gateway/core/chat/chat.ts';
import { type Exchange, type ExchangeOutcome, outcomeLabel, priceStateOf } from '../../../../gateway/core/exchange.ts';
import { failureLabel } from '../../../../gateway/core/shared/failure.ts';
import type { Feedback } from '../../../../gateway/core/signals/feedback.ts';
import { confidenceOf } from '../../../../gateway/core/signals/signal.ts';
import type { AttemptKind } from '../../../../gateway/core/targets/attempt-kind.ts';
import type { Retention } from '../../../../recorder/store/retention.ts';
import {
  type AttemptRowSource,
  atLeastOne,
  attemptRowSources,
  audioTokens,
  cacheStatus,
  chunkTimings,
  countOf,
  errorTypeOf,
  latencyMs,
  type PayloadRowSource,
  payloadRowSources,
  payloadState,
  priceId,
  priceState,
  type RowSource,
  rowSourceOf,
  sizesOf,
  sumOf,
  timeOfId,
  warningTexts,
} from './row-source.ts';
import * as type from './rowbinary.ts';
import { type Column, RowBuffer } from './rowbinary.ts';
import { scoreColumns, scoreRows } from './score-row.ts';

/** A table of the store; `rowsOf` gives the rows that one exchange leaves in it. */
interface Table<Row> {
  readonly columns: readonly Column<Row>[];
  rowsOf(view: RowSource): readonly Row[];
}

const outcomes: readonly ExchangeOutcome[] = [
  'ok',
  'client_error',
  'upstream_error',
  'timeout',
  'cancelled',
  'rate_limited',
  'budget',
  'internal',
  'truncated',
];
const attemptKinds: readonly AttemptKind[] = ['primary', 'retry', 'fallback', 'escalation', 'hedge', 'shadow', 'judge'];

const priceStates = ['unset', 'stated', 'table', 'config', 'estimated', 'unknown'] as const;

const tokenColumns = <Row>(usageOf: (row: Row) => Usage | undefined): readonly Column<Row>[] => [
  type.u32('input_tokens', row => usageOf(row)?.input ?? 0),
  type.u32('cached_tokens', row => usageOf(row)?.cached ?? 0),
  type.u32('cache_write_tokens', row => usageOf(row)?.cacheWrite ?? 0),
  type.u32('output_tokens', row => usageOf(row)?.output ?? 0),
  type.u32('reasoning_tokens', row => usageOf(row)?.reasoning ?? 0),
  type.enum8(['provider', 'estimated', 'none'])('usage_source', row => usageOf(row)?.source ?? 'none'),
];

const requests: Table<RowSource> = {
  rowsOf: view => [view],
  columns: [
    type.lowCardinalityText('tenant_id', v => v.exchange.caller.tenant),
    type.lowCardinalityText('project_id', v => v.exchange.caller.project),
    type.dateTime('ts', v => v.exchange.receivedAt),
    type.uuid('request_id', v => v.exchange.id),
    type.text('trace_id', v => v.exchange.trace.traceId),
    type.text('span_id', v => v.exchange.trace.spanId),
    type.text('parent_span_id', v => v.exchange.trace.parentSpanId),
    type.text('caller_request_id', v => v.exchange.caller.requestId),
    type.text('conversation_id', v => v.exchange.caller.conversation),
    type.text('end_user', v => v.exchange.caller.user),
    type.lowCardinalityText('api_key_id', v => v.exchange.caller.key),
    type.lowCardinalityText('route', v => v.exchange.policy.name),
    type.lowCardinalityText('variant', v => v.exchange.policy.variant?.name ?? ''),
    type.lowCardinalityText('config_hash', v => v.exchange.configHash),
    type.lowCardinalityText('operation', v => v.exchange.operation),
    type.lowCardinalityText('dialect', v => v.exchange.dialect),
    type.lowCardinalityText('requested_model', v => v.exchange.requestedModel),
    type.lowCardinalityText('provider', v => v.last?.provider ?? ''),
    type.lowCardinalityText('model', v => v.last?.model ?? ''),
    type.lowCardinalityText('response_model', v => v.last?.servedModel ?? ''),
    type.bool('stream', v => v.exchange.stream),
    type.u8('attempts', v => v.exchange.attempts.length),
    type.u8('fallbacks', v => countOf(v, 'fallback')),
    type.u8('escalations', v => countOf(v, 'escalation')),
    type.bool('hedged', v => countOf(v, 'hedge') > 0),
    type.optionalFloat('confidence', v => v.last && confidenceOf(v.last.signals)),
    type.u16('status_code', v => v.exchange.status),
    type.enum8(outcomes)('outcome', v => v.exchange.outcome),
    type.lowCardinalityText('error_type', v => (v.failure ? failureLabel(v.failure.kind) : '')),
    type.text('error_message', v => v.failure?.message ?? ''),
    type.lowCardinalityText('finish_reason', v => v.exchange.finish?.reason ?? ''),
    type.u32('latency_ms', latencyMs),
    type.u32('ttft_ms', v => atLeastOne(v.exchange.firstTokenMs)),
    type.u32('upstream_ms', v => latencyMs(v) - v.exchange.overheadMs),
    type.u32('overhead_us', v => v.exchange.overheadMs * 1000),
    type.u32('queued_ms', v => v.exchange.queuedMs ?? 0),
    type.u32('held_ms', v => v.exchange.heldMs ?? 0),
    type.u32('delivered_events', v => v.exchange.delivered?.events ?? 0),
    ...tokenColumns<RowSource>(v => v.exchange.usage),
    type.countMap('usage_extra', v => audioTokens(v.exchange.usage)),
    type.dollars('cost_usd', v => v.exchange.costNanoUsd ?? 0),
    type.dollars('cost_input_usd', v => sumOf(v, a => a.cost?.input ?? 0)),
    type.dollars('cost_output_usd', v => sumOf(v, a => a.cost?.output ?? 0)),
    type.dollars('saved_usd', v => sumOf(v, a => a.cost?.saved ?? 0)),
    type.enum8(['none', 'miss', 'hit', 'semantic_hit', 'bypass'])('cache_status', cacheStatus),
    type.lowCardinalityText('price_id', priceId),
    type.u32('request_bytes', v => sizesOf(v.exchange).requestBytes),
    type.u32('response_bytes', v => sizesOf(v.exchange).responseBytes),
    type.u64('prompt_hash', v => v.hashes.prompt),
    type.text(
      'delivered_sha256',
      v =>
        v.exchange.redaction?.deliveredSha256 ??
        v.exchange.delivered?.sha256 ??
        createHash('sha256').update(v.exchange.response).digest('hex'),
    ),
    type.textMap('tags', v => v.exchange.caller.tags),
    type.textArray('warnings', v => warningTexts(v.exchange.warnings)),
    type.textArray('flags', v => v.exchange.flags),
    type.text('policy', v => JSON.stringify(v.exchange.policy)),
    type.text('events', v => JSON.stringify(v.exchange.events)),
    type.enum8(['none', 'stored', 'redacted', 'object', 'dropped'])('payload_state', payloadState),
    type.lowCardinalityText('run_id', v => v.exchange.run ?? ''),
    type.text('replay_of', v => v.exchange.replayOf ?? ''),
    type.lowCardinalityText('arm', v => v.exchange.arm ?? ''),
    type.u16('repeat_no', v => v.exchange.repeat ?? 0),
    type.enum8(priceStates)('price_state', priceState),
    type.lowCardinalityText('service_tier', v => v.last?.serviceTier ?? ''),
    type.u32('cache_write_1h_tokens', v => v.exchange.usage?.cacheWriteHour ?? 0),
    type.float('sample_weight', () => 1),
    type.u16('retention_days', v => v.retention.records),
  ],
};

const attempts: Table<AttemptRowSource> = {
  rowsOf: attemptRowSources,
  columns: [
    type.lowCardinalityText('tenant_id', v => v.exchange.caller.tenant),
    type.lowCardinalityText('project_id', v => v.exchange.caller.project),
    type.dateTime('ts', v => v.exchange.receivedAt),
    type.uuid('request_id', v => v.exchange.id),
    type.u8('attempt_no', v => v.attempt.number),
    type.u32('started_ms', v => v.attempt.startedAt - v.exchange.receivedAt),
    type.text('span_id', v => v.attempt.spanId),
    type.enum8(attemptKinds)('kind', v => v.attempt.kind),
    type.u8('step', v => v.attempt.step),
    type.lowCardinalityText('reason', v => v.reason),
    type.lowCardinalityText('route', v => v.exchange.policy.name),
    type.lowCardinalityText('target', v => v.attempt.target),
    type.lowCardinalityText('provider', v => v.attempt.provider),
    type.lowCardinalityText('credential', v => v.attempt.credential),
    type.lowCardinalityText('model', v => v.attempt.model),
    type.lowCardinalityText('served_model', v => v.attempt.servedModel),
    type.lowCardinalityText('config_hash', v => v.exchange.configHash),
    type.u16('status_code', v => v.attempt.status),
    type.lowCardinalityText('outcome', v => outcomeLabel(v.attempt)),
    type.lowCardinalityText('error_type', v => errorTypeOf(v.attempt.failure)),
    type.text('error_message', v => v.attempt.failure?.message ?? ''),
    type.lowCardinalityText('finish_reason', v => v.attempt.finish?.reason ?? ''),
    type.text('provider_request_id', v => v.attempt.providerRequestId),
    type.u32('retry_after_ms', v => v.attempt.failure?.retryAfterMs ?? 0),
    type.u32('ttfb_ms', v => atLeastOne(v.attempt.firstByteMs)),
    type.u32('ttft_ms', v => atLeastOne(v.attempt.firstTokenMs)),
    type.u32('duration_ms', v => v.attempt.endedAt - v.attempt.startedAt),
    type.u32('chunks', v => v.attempt.chunks.length),
    type.u32('request_bytes', v => sizesOf(v.attempt).requestBytes),
    type.u32('response_bytes', v => sizesOf(v.attempt).responseBytes),
    ...tokenColumns<AttemptRowSource>(v => v.attempt.usage),
    type.dollars('cost_usd', v => v.attempt.cost?.total ?? 0),
    type.dollars('cost_input_usd', v => v.attempt.cost?.input ?? 0),
    type.dollars('cost_output_usd', v => v.attempt.cost?.output ?? 0),
    type.lowCardinalityText('price_id', v => v.attempt.cost?.priceId ?? ''),
    type.optionalFloat('confidence', v => confidenceOf(v.attempt.signals)),
    type.floatMap('signals', v => v.attempt.signals as Readonly<Record<string, number>>),
    type.bool('accepted', v => v.attempt.accepted),
    type.float('audit_probability', v => v.exchange.auditProbability ?? 0),
    type.textArray('warnings', v => warningTexts(v.attempt.warnings)),
    type.textArray('flags', v => v.attempt.flags),
    type.lowCardinalityText('run_id', v => v.exchange.run ?? ''),
    type.enum8(priceStates)('price_state', v => priceStateOf(v.attempt) ?? 'unset'),
    type.lowCardinalityText('service_tier', v => v.attempt.serviceTier ?? ''),
    type.u32('cache_write_1h_tokens', v => v.attempt.usage?.cacheWriteHour ?? 0),
    type.u16('retention_days', v => v.retention.records),
  ],
};

/** Number 0 is the caller's own request and what it was sent. */
const payloads: Table<PayloadRowSource> = {
  rowsOf: payloadRowSources,
  columns: [
    type.lowCardinalityText('tenant_id', v => v.exchange.caller.tenant),
    type.dateTime('ts', v => v.exchange.receivedAt),
    type.uuid('request_id', v => v.exchange.id),
    type.u8('attempt_no', v => v.number),
    type.u64('prompt_group', v => v.hashes.group),
    type.blob('request_body', v => v.request),
    type.blob('response_body', v => v.response),
    type.textMap('request_headers', v => (v.number === 0 ? v.exchange.requestHeaders : {})),
    type.text('stream_timing', v => chunkTimings(v.chunks)),
    type.u16('redactions', v => v.redactions),
    type.lowCardinalityText('run_id', v => v.exchange.run ?? ''),
    type.u16('retention_days', v => v.retention.payloads),
  ],
};

const replayResults: Table<RowSource> = {
  rowsOf: view => (view.exchange.run === undefined ? [] : [view]),
  columns: [
    type.lowCardinalityText('tenant_id', v => v.exchange.caller.tenant),
    type.text('run_id', v => v.exchange.run ?? ''),
    type.lowCardinalityText('arm', v => v.exchange.arm ?? ''),
    type.text('request_id', v => v.exchange.replayOf ?? ''),
    type.u16('repeat_no', v => v.exchange.repeat ?? 0),
    type.text('replay_id', v => v.exchange.id),
    type.text('cluster', v => v.exchange.caller.conversation),
    type.dateTime('ts', v => v.exchange.receivedAt),
    type.dateTime('original_ts', v => timeOfId(v.exchange.replayOf) ?? v.exchange.receivedAt),
    type.lowCardinalityText('provider', v => v.last?.provider ?? ''),
    type.lowCardinalityText('model', v => v.last?.model ?? ''),
    type.lowCardinalityText('config_hash', v => v.exchange.configHash),
    type.lowCardinalityText('outcome', v => v.exchange.outcome),
    type.lowCardinalityText('error_type', v => (v.failure ? failureLabel(v.failure.kind) : '')),
    type.u16('status_code', v => v.exchange.status),
    type.lowCardinalityText('finish_reason', v => v.exchange.finish?.reason ?? ''),
    type.u32('latency_ms', latencyMs),
    type.u32('ttft_ms', v => atLeastOne(v.exchange.firstTokenMs)),
    type.u32('input_tokens', v => v.exchange.usage?.input ?? 0),
    type.u32('cached_tokens', v => v.exchange.usage?.cached ?? 0),
    type.u32('output_tokens', v => v.exchange.usage?.output ?? 0),
    type.u32('reasoning_tokens', v => v.exchange.usage?.reasoning ?? 0),
    type.dollars('cost_usd', v => v.exchange.costNanoUsd ?? 0),
    type.lowCardinalityText('price_id', priceId),
    type.optionalFloat('confidence', v => v.last && confidenceOf(v.last.signals)),
    type.floatMap('signals', v => (v.last?.signals ?? {}) as Readonly<Record<string, number>>),
    type.u8('attempts', v => v.exchange.attempts.length),
    type.u8('escalations', v => countOf(v, 'escalation')),
    type.blob('response_body', v => v.exchange.response),
    type.enum8(priceStates)('price_state', priceState),
  ],
};

/** In the order they are written: a row of `requests` appears when everything that belongs to it is there. */
const tables = { payloads, attempts, replay_results: replayResults, scores: { columns: scoreColumns }, requests } as const;
export type TableName = keyof typeof tables;
export const tableNames = Object.keys(tables) as readonly TableName[];

/** Name and type of each column that is written; those that are not have a default. */
export const columnsOf = (table: TableName): readonly { readonly name: string; readonly type: string }[] => tables[table].columns;

/** An exchange's rows of every table, as RowBinary, and how many they are. Throws when the exchange is none that the tables can hold. */
export type EncodedRows = Readonly<Record<TableName, { readonly count: number; readonly bytes: Buffer }>>;

export function rowsOf(exchange: Exchange, retention: Retention): EncodedRows {
  const view = rowSourceOf(exchange, retention);
  return {
    payloads: encode(payloads, view),
    attempts: encode(attempts, view),
    replay_results: encode(replayResults, view),
    scores: noRows,
    requests: encode(requests, view),
  };
}

const noRows = { count: 0, bytes: Buffer.alloc(0) };

export const rowsOfFeedback = (feedback: Feedback): EncodedRows => ({
  ...{ payloads: noRows, attempts: noRows, replay_results: noRows, requests: noRows },
  scores: encodeRows(scoreColumns, scoreRows(feedback)),
});

const buffer = new RowBuffer();

function encode<Row>({ columns, rowsOf }: Table<Row>, view: RowSource): EncodedRows[TableName] {
  return encodeRows(columns, rowsOf(view));
}

function encodeRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): EncodedRows[TableName] {
  buffer.clear();
  for (const row of rows) for (const column of columns) column.write(row, buffer);
  return { count: rows.length, bytes: buffer.copy() };
}
