-- What a request waited for besides providers, and in how many pieces its caller was handed the answer.
-- `delivered_sha256` is taken where the bytes are handed out, so that lower(hex(SHA256(response_body))) of attempt 0 proves the whole way to here.
ALTER TABLE requests ADD COLUMN IF NOT EXISTS queued_ms UInt32 CODEC(T64, ZSTD(1)) AFTER overhead_us,   -- for rate limits of providers
  ADD COLUMN IF NOT EXISTS held_ms          UInt32 CODEC(T64, ZSTD(1)) AFTER queued_ms,                -- content lay ready, held back until it was judged or allowed out
  ADD COLUMN IF NOT EXISTS delivered_events UInt32 CODEC(T64, ZSTD(1)) AFTER delivered_sha256;
