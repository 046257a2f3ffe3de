-- How a cost came to be known. 'unset': nothing was used that is billed, or the row is of a time before this column.
ALTER TABLE requests ADD COLUMN IF NOT EXISTS price_state Enum8('unset' = 0, 'stated' = 1, 'table' = 2, 'config' = 3, 'estimated' = 4, 'unknown' = 5) DEFAULT 'unset',
  ADD COLUMN IF NOT EXISTS service_tier LowCardinality(String),
  ADD COLUMN IF NOT EXISTS cache_write_1h_tokens UInt32 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS known_cost_usd Nullable(Decimal(18, 12)) ALIAS if(price_state = 'unknown' OR (price_state = 'unset' AND price_id = '' AND usage_source != 'none'), NULL, cost_usd);

ALTER TABLE attempts ADD COLUMN IF NOT EXISTS price_state Enum8('unset' = 0, 'stated' = 1, 'table' = 2, 'config' = 3, 'estimated' = 4, 'unknown' = 5) DEFAULT 'unset',
  ADD COLUMN IF NOT EXISTS service_tier LowCardinality(String),
  ADD COLUMN IF NOT EXISTS cache_write_1h_tokens UInt32 CODEC(T64, ZSTD(1)),
  ADD COLUMN IF NOT EXISTS known_cost_usd Nullable(Decimal(18, 12)) ALIAS if(price_state = 'unknown' OR (price_state = 'unset' AND price_id = '' AND usage_source != 'none'), NULL, cost_usd);

ALTER TABLE replay_results ADD COLUMN IF NOT EXISTS price_state Enum8('unset' = 0, 'stated' = 1, 'table' = 2, 'config' = 3, 'estimated' = 4, 'unknown' = 5) DEFAULT 'unset',
  ADD COLUMN IF NOT EXISTS known_cost_usd Nullable(Decimal(18, 12)) ALIAS if(price_state = 'unknown', NULL, cost_usd);

-- What attempts cost by another version of the prices, beside what was recorded; `hindcast prices reprice` writes it. The highest version counts.
CREATE TABLE IF NOT EXISTS repriced
(
  tenant_id     LowCardinality(String),
  ts            DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),   -- of the request
  request_id    UUID,
  attempt_no    UInt8,
  price_version LowCardinality(String),
  price_id      LowCardinality(String),
  cost_usd      Decimal(18, 12) CODEC(ZSTD(1)),
  retention_days UInt16 DEFAULT 365,
  version       UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant_id, price_version, ts, request_id, attempt_no)
TTL toDateTime(ts) + toIntervalDay(retention_days);

-- A view keeps the columns it was made with.
CREATE OR REPLACE VIEW live_requests AS
SELECT *, known_cost_usd FROM requests
WHERE run_id = '' AND NOT (attempts = 0 AND status_code IN (400, 401, 403, 404, 413, 429));
