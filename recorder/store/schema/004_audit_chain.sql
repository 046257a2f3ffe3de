-- Each entry of the audit names the hash of the one before it, so that whoever changes, drops or moves one is found out.
-- A chain is what the processes of one folder of records wrote down; rows of before have none.
ALTER TABLE audit ADD COLUMN IF NOT EXISTS chain String,
  ADD COLUMN IF NOT EXISTS seq      UInt64,
  ADD COLUMN IF NOT EXISTS previous String,   -- hash of the entry before, '' of the first
  ADD COLUMN IF NOT EXISTS hash     String;   -- sha256, hex, of everything else in the row
