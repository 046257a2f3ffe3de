/** Whose a file or batch is and which provider holds it: ids stay the provider's own, and what was seen of them is kept on disk. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface FileOwner {
  readonly provider: string;
  readonly tenant: string;
  /** Of a batch's output: the file whose lines were asked. */
  readonly inputFile: string;
}

export interface FileRegistry {
  find(id: string): FileOwner | undefined;
  /** The first one to bring an id owns it; later news only add the input file. */
  add(id: string, owner: FileOwner): void;
  forget(id: string): void;
  /** How many of a batch's results are in the records. */
  recorded(id: string): number;
  markRecorded(id: string, recorded: number): void;
  close(): void;
}

/** The oldest are forgotten beyond. */
const rowsMax = 1_000_000;

/** In `state.sqlite` of the store's folder, which the workers of a gateway share. Opened when it is first needed. */
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
