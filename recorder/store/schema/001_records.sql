-- What is remembered. Money is USD with twelve decimals, written from whole nano-dollars; durations are whole milliseconds unless
-- the name says otherwise. Confidences and signals are Float64, so that a threshold compared again decides as it did the first time.
-- Rows with a run_id are replayed traffic and outside every rollup and default selection.

-- One narrow row per exchange.
CREATE TABLE IF NOT EXISTS requests (
  tenant_id          LowCardinality(String),
  project_id         LowCardinality(String),
  ts                 DateTime64(3, 'UTC')      CODEC(DoubleDelta, ZSTD(1)),   -- arrival
  request_id         UUID                      CODEC(ZSTD(1)),                -- UUIDv7, which UUID order does not sort by time
  trace_id           String                    CODEC(ZSTD(1)),
  span_id            String                    CODEC(ZSTD(1)),
  parent_span_id     String                    CODEC(ZSTD(1)),
  caller_request_id  String                    CODEC(ZSTD(1)),
  conversation_id    String                    CODEC(ZSTD(1)),
  end_user           String                    CODEC(ZSTD(1)),
  api_key_id         LowCardinality(String),
  environment        LowCardinality(String) DEFAULT 'default',
  gateway_id         LowCardinality(String),
  route              LowCardinality(String),
  variant            LowCardinality(String),
  config_hash        LowCardinality(String),
  operation          LowCardinality(String),
  dialect            LowCardinality(String),                                  -- the caller's wire format
  requested_model    LowCardinality(String),
  provider           LowCardinality(String),
  model              LowCardinality(String),
  response_model     LowCardinality(String),
  stream             Bool,
  cache_status       Enum8('none' = 0, 'miss' = 1, 'hit' = 2, 'semantic_hit' = 3, 'bypass' = 4),
  attempts           UInt8,
  fallbacks          UInt8,
  escalations        UInt8,
  hedged             Bool,
  confidence         Nullable(Float64)         CODEC(ZSTD(1)),                -- of the answer that was kept; NULL when none was measured
  status_code        UInt16                    CODEC(T64, ZSTD(1)),           -- what the caller saw, 0 when it left before any
  outcome            Enum8('ok' = 0, 'client_error' = 1, 'upstream_error' = 2, 'timeout' = 3, 'cancelled' = 4, 'rate_limited' = 5, 'budget' = 6, 'internal' = 7, 'truncated' = 8),
  error_type         LowCardinality(String),
  error_message      String                    CODEC(ZSTD(1)),                -- the operator's text
  finish_reason      LowCardinality(String),
  latency_ms         UInt32                    CODEC(T64, ZSTD(1)),
  ttft_ms            UInt32                    CODEC(T64, ZSTD(1)),           -- 0 when no content was sent
  upstream_ms        UInt32                    CODEC(T64, ZSTD(1)),
  overhead_us        UInt32                    CODEC(T64, ZSTD(1)),
  input_tokens       UInt32                    CODEC(T64, ZSTD(1)),
  cached_tokens      UInt32                    CODEC(T64, ZSTD(1)),
  cache_write_tokens UInt32                    CODEC(T64, ZSTD(1)),
  output_tokens      UInt32                    CODEC(T64, ZSTD(1)),
  reasoning_tokens   UInt32                    CODEC(T64, ZSTD(1)),
  usage_source       Enum8('provider' = 0, 'estimated' = 1, 'none' = 2),
  usage_extra        Map(LowCardinality(String), UInt64),
  cost_usd           Decimal(18, 12)           CODEC(ZSTD(1)),                -- every attempt summed
  cost_input_usd     Decimal(18, 12)           CODEC(ZSTD(1)),
  cost_output_usd    Decimal(18, 12)           CODEC(ZSTD(1)),
  saved_usd          Decimal(18, 12)           CODEC(ZSTD(1)),
  price_id           LowCardinality(String),                                  -- '' when some attempt that was paid for has no known price
  request_bytes      UInt32                    CODEC(T64, ZSTD(1)),
  response_bytes     UInt32                    CODEC(T64, ZSTD(1)),
  prompt_hash        UInt64                    CODEC(ZSTD(1)),
  delivered_sha256   String                    CODEC(ZSTD(1)),                -- hex, of the bytes the caller was sent
  tags               Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  warnings           Array(String)             CODEC(ZSTD(1)),
  flags              Array(String)             CODEC(ZSTD(1)),
  policy             String                    CODEC(ZSTD(3)),                -- the route's policy as JSON
  events             String                    CODEC(ZSTD(3)),                -- the router's log as JSON: folded again it gives every decision
  payload_state      Enum8('none' = 0, 'stored' = 1, 'redacted' = 2, 'object' = 3, 'dropped' = 4),
  run_id             LowCardinality(String),
  replay_of          String                    CODEC(ZSTD(1)),                -- request_id of the original, '' for live traffic
  arm                LowCardinality(String),
  repeat_no          UInt16                    CODEC(T64, ZSTD(1)),
  retention_days     UInt16 DEFAULT 90,
  ingested_at        DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1)),
  INDEX ix_request_id   request_id      TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_trace_id     trace_id        TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_conversation conversation_id TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_user         end_user        TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_prompt       prompt_hash     TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_run          run_id          TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_tag_keys     mapKeys(tags)   TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_tag_values   mapValues(tags) TYPE bloom_filter(0.01)  GRANULARITY 1,
  INDEX ix_outcome      outcome         TYPE set(16)             GRANULARITY 4
) ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (retention_days, toDate(ts))
ORDER BY (tenant_id, project_id, toStartOfMinute(ts), request_id)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- Every attempt: retries, hedge losers, cut and cancelled streams.
CREATE TABLE IF NOT EXISTS attempts (
  tenant_id           LowCardinality(String),
  project_id          LowCardinality(String),
  ts                  DateTime64(3, 'UTC')     CODEC(DoubleDelta, ZSTD(1)),   -- arrival of the exchange, so that both rows lie in one partition
  request_id          UUID                     CODEC(ZSTD(1)),
  attempt_no          UInt8,                                                  -- from 1
  started_ms          UInt32                   CODEC(T64, ZSTD(1)),           -- after ts
  span_id             String                   CODEC(ZSTD(1)),
  kind                Enum8('primary' = 0, 'retry' = 1, 'fallback' = 2, 'escalation' = 3, 'hedge' = 4, 'shadow' = 5, 'judge' = 6),
  step                UInt8,                                                  -- of the route's policy
  reason              LowCardinality(String),
  route               LowCardinality(String),
  target              LowCardinality(String),                                 -- provider/model, as the policy named it
  provider            LowCardinality(String),
  deployment          LowCardinality(String),
  credential          LowCardinality(String),
  model               LowCardinality(String),
  served_model        LowCardinality(String),
  region              LowCardinality(String),
  config_hash         LowCardinality(String),
  status_code         UInt16                   CODEC(T64, ZSTD(1)),
  outcome             LowCardinality(String),                                 -- ok, aborted or the kind of failure, such as rate_limited
  error_type          LowCardinality(String),
  error_message       String                   CODEC(ZSTD(1)),                -- the operator's text: may hold the provider's words
  finish_reason       LowCardinality(String),
  provider_request_id String                   CODEC(ZSTD(1)),
  retry_after_ms      UInt32                   CODEC(T64, ZSTD(1)),
  connect_us          UInt32                   CODEC(T64, ZSTD(1)),
  ttfb_ms             UInt32                   CODEC(T64, ZSTD(1)),           -- after the attempt's start, as the next two
  ttft_ms             UInt32                   CODEC(T64, ZSTD(1)),
  duration_ms         UInt32                   CODEC(T64, ZSTD(1)),
  chunks              UInt32                   CODEC(T64, ZSTD(1)),
  request_bytes       UInt32                   CODEC(T64, ZSTD(1)),
  response_bytes      UInt32                   CODEC(T64, ZSTD(1)),
  input_tokens        UInt32                   CODEC(T64, ZSTD(1)),
  cached_tokens       UInt32                   CODEC(T64, ZSTD(1)),
  cache_write_tokens  UInt32                   CODEC(T64, ZSTD(1)),
  output_tokens       UInt32                   CODEC(T64, ZSTD(1)),
  reasoning_tokens    UInt32                   CODEC(T64, ZSTD(1)),
  usage_source        Enum8('provider' = 0, 'estimated' = 1, 'none' = 2),
  cost_usd            Decimal(18, 12)          CODEC(ZSTD(1)),
  cost_input_usd      Decimal(18, 12)          CODEC(ZSTD(1)),
  cost_output_usd     Decimal(18, 12)          CODEC(ZSTD(1)),
  price_id            LowCardinality(String),                                 -- '' when the price is not known
  confidence          Nullable(Float64)        CODEC(ZSTD(1)),
  signals             Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),    -- a signal that was not measured is no key
  accepted            Bool,
  audit_probability   Float64 DEFAULT 0        CODEC(ZSTD(1)),                -- of having been asked only for comparison
  warnings            Array(String)            CODEC(ZSTD(1)),
  flags               Array(String)            CODEC(ZSTD(1)),
  run_id              LowCardinality(String),
  retention_days      UInt16 DEFAULT 90,
  ingested_at         DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1)),
  INDEX ix_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_run        run_id     TYPE bloom_filter(0.01)  GRANULARITY 1
) ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (retention_days, toDate(ts))
ORDER BY (tenant_id, provider, model, toStartOfMinute(ts), request_id, attempt_no)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- Raw bytes, as they went over the wire, without credentials. attempt_no 0 is the caller's own request and what it was sent.
CREATE TABLE IF NOT EXISTS payloads (
  tenant_id       LowCardinality(String),
  ts              DateTime64(3, 'UTC')         CODEC(DoubleDelta, ZSTD(1)),   -- arrival of the exchange
  request_id      UUID                         CODEC(ZSTD(1)),
  attempt_no      UInt8,
  prompt_group    UInt64                       CODEC(ZSTD(1)),                -- hash of system prompt and tools: rows that share a prefix lie together and compress
  request_body    String                       CODEC(ZSTD(3)),
  response_body   String                       CODEC(ZSTD(3)),
  request_headers Map(LowCardinality(String), String) CODEC(ZSTD(3)),
  stream_timing   String                       CODEC(ZSTD(3)),                -- JSON [[milliseconds after the attempt's start, bytes], ...]
  redactions      UInt16,
  truncated       Bool,
  run_id          LowCardinality(String),
  retention_days  UInt16 DEFAULT 30,
  ingested_at     DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1)),
  INDEX ix_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY (retention_days, toDate(ts))
ORDER BY (tenant_id, toStartOfHour(ts), prompt_group, request_id, attempt_no)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, index_granularity = 1024,
  index_granularity_bytes = '64Mi', merge_max_block_size_bytes = '64Mi', min_compress_block_size = 1048576, max_compress_block_size = 4194304;

-- Judgements of single answers. Updated rows: read with FINAL.
CREATE TABLE IF NOT EXISTS scores (
  tenant_id      LowCardinality(String),
  request_id     UUID,
  ts             DateTime64(3, 'UTC'),
  name           LowCardinality(String),
  score_id       UUID,
  source         Enum8('rule' = 0, 'judge' = 1, 'human' = 2, 'client' = 3, 'eval' = 4),
  value          Float64,
  label          LowCardinality(String),
  explanation    String CODEC(ZSTD(3)),
  run_id         String,
  evaluator      LowCardinality(String),
  retention_days UInt16 DEFAULT 365,
  version        DateTime64(3, 'UTC') DEFAULT now64(3),
  INDEX ix_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX ix_run        run_id     TYPE bloom_filter(0.01)  GRANULARITY 1
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant_id, name, toDate(ts), request_id, score_id)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per replay, import or gate, written again as it goes on. Read with FINAL.
CREATE TABLE IF NOT EXISTS runs (
  run_id      String,
  tenant_id   LowCardinality(String),            -- '' when the run spans tenants
  kind        LowCardinality(String),            -- replay, import, gate
  name        String,
  arms        Array(String),
  state       LowCardinality(String),            -- planned, running, interrupted, finished, failed
  created_at  DateTime64(3, 'UTC'),
  finished_at Nullable(DateTime64(3, 'UTC')),
  config_hash String,
  manifest    String CODEC(ZSTD(3)),             -- JSON: everything needed to do it again
  selected    UInt64,
  done        UInt64,
  failed      UInt64,
  cost_usd    Decimal(18, 12),
  version     DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, run_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per run, arm, original and repeat; also imported outcomes, whose arm is the target's name. Read with FINAL.
CREATE TABLE IF NOT EXISTS replay_results (
  tenant_id        LowCardinality(String),
  run_id           String,
  arm              LowCardinality(String),
  request_id       String                        CODEC(ZSTD(1)),   -- the original's id as text: imported ones may have any form
  repeat_no        UInt16,
  replay_id        String                        CODEC(ZSTD(1)),   -- request_id of the exchange that asked again, '' when imported
  cluster          String                        CODEC(ZSTD(1)),   -- rows that are not independent of one another share it; '' stands alone
  ts               DateTime64(3, 'UTC')          CODEC(DoubleDelta, ZSTD(1)),
  original_ts      DateTime64(3, 'UTC')          CODEC(DoubleDelta, ZSTD(1)),
  provider         LowCardinality(String),
  model            LowCardinality(String),
  config_hash      LowCardinality(String),
  outcome          LowCardinality(String),                         -- as requests.outcome
  error_type       LowCardinality(String),
  status_code      UInt16,
  finish_reason    LowCardinality(String),
  latency_ms       UInt32                        CODEC(T64, ZSTD(1)),
  ttft_ms          UInt32                        CODEC(T64, ZSTD(1)),
  input_tokens     UInt32                        CODEC(T64, ZSTD(1)),
  cached_tokens    UInt32                        CODEC(T64, ZSTD(1)),
  output_tokens    UInt32                        CODEC(T64, ZSTD(1)),
  reasoning_tokens UInt32                        CODEC(T64, ZSTD(1)),
  cost_usd         Decimal(18, 12)               CODEC(ZSTD(1)),
  price_id         LowCardinality(String),                         -- '' when the cost is not known
  confidence       Nullable(Float64)             CODEC(ZSTD(1)),
  signals          Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
  scores           Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),  -- 'quality' in [0, 1] is the one eval looks for
  attempts         UInt8,
  escalations      UInt8,
  response_body    String                        CODEC(ZSTD(3)),
  version          DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant_id, run_id, arm, request_id, repeat_no)
TTL toDateTime(ts) + INTERVAL 180 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- Who changed or looked at what.
CREATE TABLE IF NOT EXISTS audit (
  ts        DateTime64(3, 'UTC'),
  tenant_id LowCardinality(String),
  actor     String,
  action    LowCardinality(String),
  subject   String,
  detail    String CODEC(ZSTD(3)),               -- JSON
  trace_id  String
) ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (ts, actor)
TTL toDateTime(ts) + INTERVAL 2 YEAR
SETTINGS non_replicated_deduplication_window = 10000;
