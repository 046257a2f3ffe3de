/** The tables that rows are written to, and the columns of a row, in the order in which a packed row holds them. */

export interface Column {
  readonly name: string;
  /** As DESCRIBE TABLE shows it. */
  readonly type: string;
}

/** In the order they are written: a row of `requests` appears when everything that belongs to it is there. */
export const tableNames = ['payloads', 'attempts', 'replay_results', 'scores', 'requests'] as const;
export type TableName = (typeof tableNames)[number];

export type ColumnLists = Readonly<Record<TableName, readonly Column[]>>;

/** One column a line: its name, then its type. */
const columnsIn = (lines: string): readonly Column[] =>
  lines
    .trim()
    .split('\n')
    .map(line => {
      const [name = '', ...type] = line.trim().split(' ');
      return { name, type: type.join(' ') };
    });

/** Columns that no list names have a default. `retention_days` comes last: the recorder fills it in when it ships the row. */
const first: ColumnLists = {
  payloads: columnsIn(`
    tenant_id LowCardinality(String)
    ts DateTime64(3, 'UTC')
    request_id UUID
    attempt_no UInt8
    prompt_group UInt64
    request_body String
    response_body String
    request_headers Map(LowCardinality(String), String)
    stream_timing String
    redactions UInt16
    run_id LowCardinality(String)
    retention_days UInt16
  `),
  attempts: columnsIn(`
    tenant_id LowCardinality(String)
    project_id LowCardinality(String)
    ts DateTime64(3, 'UTC')
    request_id UUID
    attempt_no UInt8
    started_ms UInt32
    span_id String
    kind Enum8('primary' = 0, 'retry' = 1, 'fallback' = 2, 'escalation' = 3, 'hedge' = 4, 'shadow' = 5, 'judge' = 6)
    step UInt8
    reason LowCardinality(String)
    route LowCardinality(String)
    target LowCardinality(String)
    provider LowCardinality(String)
    credential LowCardinality(String)
    model LowCardinality(String)
    served_model LowCardinality(String)
    config_hash LowCardinality(String)
    status_code UInt16
    outcome LowCardinality(String)
    error_type LowCardinality(String)
    error_message String
    finish_reason LowCardinality(String)
    provider_request_id String
    retry_after_ms UInt32
    ttfb_ms UInt32
    ttft_ms UInt32
    duration_ms UInt32
    chunks UInt32
    request_bytes UInt32
    response_bytes UInt32
    input_tokens UInt32
    cached_tokens UInt32
    cache_write_tokens UInt32
    output_tokens UInt32
    reasoning_tokens UInt32
    usage_source Enum8('provider' = 0, 'estimated' = 1, 'none' = 2)
    cost_usd Decimal(18, 12)
    cost_input_usd Decimal(18, 12)
    cost_output_usd Decimal(18, 12)
    price_id LowCardinality(String)
    confidence Nullable(Float64)
    signals Map(LowCardinality(String), Float64)
    accepted Bool
    audit_probability Float64
    warnings Array(String)
    flags Array(String)
    run_id LowCardinality(String)
    retention_days UInt16
  `),
  replay_results: columnsIn(`
    tenant_id LowCardinality(String)
    run_id String
    arm LowCardinality(String)
    request_id String
    repeat_no UInt16
    replay_id String
    cluster String
    ts DateTime64(3, 'UTC')
    original_ts DateTime64(3, 'UTC')
    provider LowCardinality(String)
    model LowCardinality(String)
    config_hash LowCardinality(String)
    outcome LowCardinality(String)
    error_type LowCardinality(String)
    status_code UInt16
    finish_reason LowCardinality(String)
    latency_ms UInt32
    ttft_ms UInt32
    input_tokens UInt32
    cached_tokens UInt32
    output_tokens UInt32
    reasoning_tokens UInt32
    cost_usd Decimal(18, 12)
    price_id LowCardinality(String)
    confidence Nullable(Float64)
    signals Map(LowCardinality(String), Float64)
    attempts UInt8
    escalations UInt8
    response_body String
  `),
  scores: columnsIn(`
    tenant_id LowCardinality(String)
    request_id UUID
    ts DateTime64(3, 'UTC')
    name LowCardinality(String)
    score_id UUID
    source Enum8('rule' = 0, 'judge' = 1, 'human' = 2, 'client' = 3, 'eval' = 4)
    value Float64
    label LowCardinality(String)
    explanation String
    evaluator LowCardinality(String)
  `),
  requests: columnsIn(`
    tenant_id LowCardinality(String)
    project_id LowCardinality(String)
    ts DateTime64(3, 'UTC')
    request_id UUID
    trace_id String
    span_id String
    parent_span_id String
    caller_request_id String
    conversation_id String
    end_user String
    api_key_id LowCardinality(String)
    route LowCardinality(String)
    variant LowCardinality(String)
    config_hash LowCardinality(String)
    operation LowCardinality(String)
    dialect LowCardinality(String)
    requested_model LowCardinality(String)
    provider LowCardinality(String)
    model LowCardinality(String)
    response_model LowCardinality(String)
    stream Bool
    attempts UInt8
    fallbacks UInt8
    escalations UInt8
    hedged Bool
    confidence Nullable(Float64)
    status_code UInt16
    outcome Enum8('ok' = 0, 'client_error' = 1, 'upstream_error' = 2, 'timeout' = 3, 'cancelled' = 4, 'rate_limited' = 5, 'budget' = 6, 'internal' = 7, 'truncated' = 8)
    error_type LowCardinality(String)
    error_message String
    finish_reason LowCardinality(String)
    latency_ms UInt32
    ttft_ms UInt32
    upstream_ms UInt32
    overhead_us UInt32
    queued_ms UInt32
    held_ms UInt32
    delivered_events UInt32
    input_tokens UInt32
    cached_tokens UInt32
    cache_write_tokens UInt32
    output_tokens UInt32
    reasoning_tokens UInt32
    usage_source Enum8('provider' = 0, 'estimated' = 1, 'none' = 2)
    usage_extra Map(LowCardinality(String), UInt64)
    cost_usd Decimal(18, 12)
    cost_input_usd Decimal(18, 12)
    cost_output_usd Decimal(18, 12)
    saved_usd Decimal(18, 12)
    cache_status Enum8('none' = 0, 'miss' = 1, 'hit' = 2, 'semantic_hit' = 3, 'bypass' = 4)
    price_id LowCardinality(String)
    request_bytes UInt32
    response_bytes UInt32
    prompt_hash UInt64
    delivered_sha256 String
    tags Map(LowCardinality(String), String)
    warnings Array(String)
    flags Array(String)
    policy String
    events String
    payload_state Enum8('none' = 0, 'stored' = 1, 'redacted' = 2, 'object' = 3, 'dropped' = 4)
    run_id LowCardinality(String)
    replay_of String
    arm LowCardinality(String)
    repeat_no UInt16
    retention_days UInt16
  `),
};

const priceStates = "Enum8('unset' = 0, 'stated' = 1, 'table' = 2, 'config' = 3, 'estimated' = 4, 'unknown' = 5)";

/** With how the cost came to be known, the tier that served, and what else bills tell apart. */
const second: ColumnLists = {
  ...first,
  attempts: withColumns(first.attempts, [
    { name: 'price_state', type: priceStates },
    { name: 'service_tier', type: 'LowCardinality(String)' },
    { name: 'cache_write_1h_tokens', type: 'UInt32' },
  ]),
  replay_results: [...first.replay_results, { name: 'price_state', type: priceStates }],
  requests: withColumns(first.requests, [
    { name: 'price_state', type: priceStates },
    { name: 'service_tier', type: 'LowCardinality(String)' },
    { name: 'cache_write_1h_tokens', type: 'UInt32' },
    { name: 'sample_weight', type: 'Float64' },
  ]),
};

/** These columns before the last one, which is `retention_days`. */
function withColumns(columns: readonly Column[], added: readonly Column[]): readonly Column[] {
  return [...columns.slice(0, -1), ...added, columns.at(-1)!];
}

/**
 * Every list that rows may have been packed by. A row in the spool names its list, and may wait for a recorder of a later version: a list never
 * changes once it is released; later columns make a new one.
 */
const lists: Readonly<Record<string, ColumnLists>> = { '1': first, '2': second };
/** What this version packs rows by. */
export const currentList = '2';

/** Throws when no version up to this one had that list. */
export function columnsOf(table: TableName, list: string = currentList): readonly Column[] {
  const columns = Object.hasOwn(lists, list) ? lists[list] : undefined;
  if (!columns) throw new Error(`the rows have the column list ${list}, which this version does not know`);
  return columns[table];
}
