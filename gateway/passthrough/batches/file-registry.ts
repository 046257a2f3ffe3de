/** The registry of files and batches: which tenant owns an id and which provider stores it. Kept on disk; ids are the provider's own. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface FileOwner {
  readonly provider: string;
  readonly tenant: string;
  /** Of a batch's output file: the batch's input file. '' for none. */
  readonly inputFile: string;
}

export interface FileRegistry {
  /** Undefined for an id that no caller has created through this gateway. */
  find(id: string): FileOwner | undefined;
  /** The first tenant that adds an id owns it; later calls only set the input file. */
  add(id: string, owner: FileOwner): void;
  forget(id: string): void;
  /** How many results of the batch have been recorded. */
  recorded(id: string): number;
  markRecorded(id: string, recorded: number): void;
  close(): void;
}

/** Beyond this the oldest rows are deleted. */
const rowsMax = 1_000_000;

/** The registry in `state.sqlite` of the store's folder, which the workers of a gateway share. Opens the file at the first call. */
export function openFileRegistry(folder: string): FileRegistry {
  let database: DatabaseSync | undefined;
  const open = (): DatabaseSync => {
    if (database) return database;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, 'state.sqlite');
    database = new DatabaseSync(file);
    chmodSync(file, 0o600);
    database.exec(`PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS held (
        id TEXT PRIMARY KEY, provider TEXT NOT NULL, tenant TEXT NOT NULL, input_file TEXT NOT NULL DEFAULT '', recorded INTEGER NOT NULL DEFAULT 0
      ) STRICT;`);
    return database;
  };
  return {
    find: id => {
      const row = open().prepare('SELECT provider, tenant, input_file FROM held WHERE id = ?').get(id);
      return row && { provider: String(row.provider), tenant: String(row.tenant), inputFile: String(row.input_file) };
    },
    add: (id, { provider, tenant, inputFile }) => {
      open()
        .prepare(
          `INSERT INTO held (id, provider, tenant, input_file) VALUES (?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET input_file = excluded.input_file WHERE excluded.input_file <> '' AND tenant = excluded.tenant`,
        )
        .run(id, provider, tenant, inputFile);
      open().prepare('DELETE FROM held WHERE rowid <= (SELECT max(rowid) FROM held) - ?').run(rowsMax);
    },
    forget: id => void open().prepare('DELETE FROM held WHERE id = ?').run(id),
    recorded: id => Number(open().prepare('SELECT recorded FROM held WHERE id = ?').get(id)?.recorded ?? 0),
    markRecorded: (id, recorded) => void open().prepare('UPDATE held SET recorded = ? WHERE id = ?').run(recorded, id),
    close: () => {
      database?.close();
      database = undefined;
    },
  };
}
