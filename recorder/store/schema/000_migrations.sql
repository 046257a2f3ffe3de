-- The ledger of what has been applied. Read by recorder/migrate.ts before anything else.
-- Every statement of every file here can be run twice: two starters may apply the same file at the same time.
CREATE TABLE IF NOT EXISTS schema_migrations (
  version     UInt32,
  name        String,
  checksum    String,   -- sha256 of the file, hex
  duration_ms UInt32,
  applied_at  DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version;
