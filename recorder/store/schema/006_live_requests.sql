-- How many requests a row stands for: more than 1 where only a sample of refusals is recorded.
ALTER TABLE requests ADD COLUMN IF NOT EXISTS sample_weight Float64 DEFAULT 1 CODEC(ZSTD(1));

-- Live traffic: no replays, and no requests that the gateway refused before it asked a provider.
-- A view keeps the columns it was made with; a migration that adds a column for it replaces it.
CREATE VIEW IF NOT EXISTS live_requests AS
SELECT * FROM requests
WHERE run_id = '' AND NOT (attempts = 0 AND status_code IN (400, 401, 403, 404, 413, 429));

-- One file for all columns, and smaller steps of a merge: bodies are read by request, and take less memory to write and to merge this way.
ALTER TABLE payloads MODIFY SETTING min_bytes_for_wide_part = 268435456, merge_max_block_size_bytes = 16777216;
