-- What has to be gone. Recorders leave out what it names and what arrived before it, so that nothing comes back from a spool.
-- Users stand here as the sha256 of their name: who was erased is not written down again. '' in a field matches everything.
CREATE TABLE IF NOT EXISTS erasures (
  erasure_id   UUID,
  tenant_id    String,
  user_sha256  String,                           -- hex
  request_id   String,
  requested_at DateTime64(3, 'UTC'),
  state        Enum8('requested' = 0, 'verified' = 1),
  version      DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, erasure_id)
SETTINGS non_replicated_deduplication_window = 10000;
