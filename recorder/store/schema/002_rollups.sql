-- What dashboards read: sums and t-digest states by minute and hour, kept up by materialized views, live traffic only.
-- Columns are named through the alias where an output has the same name, or they would mean the aggregate.
CREATE TABLE IF NOT EXISTS usage_1m (
  tenant_id        LowCardinality(String),
  minute           DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  environment      LowCardinality(String),
  route            LowCardinality(String),
  provider         LowCardinality(String),
  model            LowCardinality(String),
  outcome          LowCardinality(String),
  requests         SimpleAggregateFunction(sum, UInt64),
  attempts         SimpleAggregateFunction(sum, UInt64),
  fallbacks        SimpleAggregateFunction(sum, UInt64),
  escalations      SimpleAggregateFunction(sum, UInt64),
  input_tokens     SimpleAggregateFunction(sum, UInt64),
  cached_tokens    SimpleAggregateFunction(sum, UInt64),
  output_tokens    SimpleAggregateFunction(sum, UInt64),
  reasoning_tokens SimpleAggregateFunction(sum, UInt64),
  cost_usd         SimpleAggregateFunction(sum, Decimal(38, 12)),
  saved_usd        SimpleAggregateFunction(sum, Decimal(38, 12)),
  cache_hits       SimpleAggregateFunction(sum, UInt64),
  unpriced         SimpleAggregateFunction(sum, UInt64),   -- requests that used tokens of no known price
  latency_sum_ms   SimpleAggregateFunction(sum, UInt64),
  max_latency_ms   SimpleAggregateFunction(max, UInt32),
  latency          AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), UInt32),
  ttft             AggregateFunction(quantilesTDigestIf(0.5, 0.9, 0.95, 0.99), UInt32, UInt8),
  overhead         AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt32)
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (tenant_id, minute, route, provider, model, outcome, environment)
TTL minute + INTERVAL 35 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS usage_1m_mv TO usage_1m AS
SELECT
  tenant_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, environment, route, provider, model, CAST(r.outcome, 'String') AS outcome,
  count() AS requests, sum(r.attempts) AS attempts, sum(r.fallbacks) AS fallbacks, sum(r.escalations) AS escalations,
  sum(r.input_tokens) AS input_tokens, sum(r.cached_tokens) AS cached_tokens,
  sum(r.output_tokens) AS output_tokens, sum(r.reasoning_tokens) AS reasoning_tokens,
  sum(r.cost_usd) AS cost_usd, sum(r.saved_usd) AS saved_usd,
  countIf(r.cache_status IN ('hit', 'semantic_hit')) AS cache_hits,
  countIf(r.price_id = '' AND r.usage_source != 'none') AS unpriced,
  sum(r.latency_ms) AS latency_sum_ms, max(r.latency_ms) AS max_latency_ms,
  quantilesTDigestState(0.5, 0.9, 0.95, 0.99)(r.latency_ms) AS latency,
  quantilesTDigestIfState(0.5, 0.9, 0.95, 0.99)(r.ttft_ms, r.ttft_ms > 0) AS ttft,
  quantilesTDigestState(0.5, 0.95, 0.99)(r.overhead_us) AS overhead
FROM requests AS r
WHERE r.run_id = ''
GROUP BY tenant_id, minute, environment, route, provider, model, outcome;

CREATE TABLE IF NOT EXISTS usage_1h (
  tenant_id     LowCardinality(String),
  project_id    LowCardinality(String),
  hour          DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  environment   LowCardinality(String),
  route         LowCardinality(String),
  api_key_id    LowCardinality(String),
  provider      LowCardinality(String),
  model         LowCardinality(String),
  outcome       LowCardinality(String),
  requests      SimpleAggregateFunction(sum, UInt64),
  input_tokens  SimpleAggregateFunction(sum, UInt64),
  cached_tokens SimpleAggregateFunction(sum, UInt64),
  output_tokens SimpleAggregateFunction(sum, UInt64),
  cost_usd      SimpleAggregateFunction(sum, Decimal(38, 12)),
  saved_usd     SimpleAggregateFunction(sum, Decimal(38, 12)),
  cache_hits    SimpleAggregateFunction(sum, UInt64),
  escalations   SimpleAggregateFunction(sum, UInt64),
  users         AggregateFunction(uniqCombined64(12), String),
  latency       AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), UInt32),
  ttft          AggregateFunction(quantilesTDigestIf(0.5, 0.9, 0.95, 0.99), UInt32, UInt8)
) ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (tenant_id, project_id, hour, provider, model, api_key_id, route, outcome, environment)
TTL hour + INTERVAL 25 MONTH
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS usage_1h_mv TO usage_1h AS
SELECT
  tenant_id, project_id, toStartOfHour(toDateTime(ts, 'UTC')) AS hour, environment, route, api_key_id, provider, model,
  CAST(r.outcome, 'String') AS outcome,
  count() AS requests, sum(r.input_tokens) AS input_tokens, sum(r.cached_tokens) AS cached_tokens, sum(r.output_tokens) AS output_tokens,
  sum(r.cost_usd) AS cost_usd, sum(r.saved_usd) AS saved_usd,
  countIf(r.cache_status IN ('hit', 'semantic_hit')) AS cache_hits, sum(r.escalations) AS escalations,
  uniqCombined64State(12)(r.end_user) AS users,
  quantilesTDigestState(0.5, 0.9, 0.95, 0.99)(r.latency_ms) AS latency,
  quantilesTDigestIfState(0.5, 0.9, 0.95, 0.99)(r.ttft_ms, r.ttft_ms > 0) AS ttft
FROM requests AS r
WHERE r.run_id = ''
GROUP BY tenant_id, project_id, hour, environment, route, api_key_id, provider, model, outcome;

CREATE TABLE IF NOT EXISTS attempts_1m (
  tenant_id  LowCardinality(String),
  minute     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
  provider   LowCardinality(String),
  deployment LowCardinality(String),
  model      LowCardinality(String),
  kind       LowCardinality(String),
  outcome    LowCardinality(String),
  error_type LowCardinality(String),
  attempts   SimpleAggregateFunction(sum, UInt64),
  cost_usd   SimpleAggregateFunction(sum, Decimal(38, 12)),
  duration   AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), UInt32),
  ttft       AggregateFunction(quantilesTDigestIf(0.5, 0.95, 0.99), UInt32, UInt8)
) ENGINE = AggregatingMergeTree
PARTITION BY toDate(minute)
ORDER BY (tenant_id, provider, model, minute, deployment, kind, outcome, error_type)
TTL minute + INTERVAL 35 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS attempts_1m_mv TO attempts_1m AS
SELECT
  tenant_id, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, provider, deployment, model,
  CAST(a.kind, 'String') AS kind, a.outcome AS outcome, error_type,
  count() AS attempts, sum(a.cost_usd) AS cost_usd,
  quantilesTDigestState(0.5, 0.95, 0.99)(a.duration_ms) AS duration,
  quantilesTDigestIfState(0.5, 0.95, 0.99)(a.ttft_ms, a.ttft_ms > 0) AS ttft
FROM attempts AS a
WHERE a.run_id = ''
GROUP BY tenant_id, minute, provider, deployment, model, kind, outcome, error_type;
