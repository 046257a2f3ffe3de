/** Remembers which batches the rollups count already, and which they still have to: in SQLite, beside the engine's tables. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { RecordRange } from './definitions.ts';

/** As many tokens as the engine remembers of a table (`non_replicated_deduplication_window`): what comes again later than that, counts again. */
const rememberedMax = 10_000;
/** Of one range, so that its statement stays below the engine's 4 MiB. */
const idsMax = 50_000;
const batchesMax = 200;

export interface PendingRange extends RecordRange {
  /** The same after every restart until the range is counted. */
  readonly token: string;
}

interface BatchRow {
  readonly sequence: number;
  readonly token: string;
  readonly first: number;
  readonly last: number;
  readonly records: number;
  readonly ids: string;
}

export class RollupLedger {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS batches (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, first REAL NOT NULL, last REAL NOT NULL, records INTEGER NOT NULL,
  ids TEXT NOT NULL, range TEXT, counted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS pending ON batches (sequence) WHERE counted = 0;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY) STRICT;`);
    this.#insert = this.#database.prepare('INSERT OR IGNORE INTO batches (token, first, last, records, ids) VALUES (?, ?, ?, ?, ?)');
  }

  /** Whether deltas fill the rollups, and no view does any more. */
  get countsByDelta(): boolean {
    return this.#database.prepare("SELECT 1 FROM state WHERE name = 'deltas'").get() !== undefined;
  }

  /** For good. */
  startDeltas(): void {
    this.#database.exec("INSERT OR IGNORE INTO state (name) VALUES ('deltas')");
  }

  /** A batch that is known already stays as it is, counted or not. */
  add(token: string, { first, last, ids }: RecordRange, records: number): void {
    this.#insert.run(token, first, last, records, ids);
  }

  get hasPending(): boolean {
    return this.#database.prepare('SELECT 1 FROM batches WHERE counted = 0 LIMIT 1').get() !== undefined;
  }

  /** The range that was begun and not finished, else a new one of what waits; undefined when nothing does. */
  nextRange(): PendingRange | undefined {
    const waiting = this.#database
      .prepare(
        'SELECT sequence, token, first, last, records, ids, range FROM batches WHERE counted = 0 ORDER BY range IS NULL, sequence LIMIT ?',
      )
      .all(batchesMax) as unknown as readonly (BatchRow & { readonly range: string | null })[];
    const begun = waiting[0]?.range;
    if (begun)
      return rangeOf(
        begun,
        waiting.filter(({ range }) => range === begun),
      );
    const rows: BatchRow[] = [];
    let records = 0;
    for (const row of waiting) {
      records += row.records;
      if (rows.length > 0 && records > idsMax) break;
      rows.push(row);
    }
    const [first] = rows;
    if (!first) return undefined;
    const token = `rollup.${first.token}`;
    this.#database
      .prepare('UPDATE batches SET range = ? WHERE counted = 0 AND sequence BETWEEN ? AND ?')
      .run(token, first.sequence, rows.at(-1)!.sequence);
    return rangeOf(token, rows);
  }

  finish({ token }: PendingRange): void {
    this.#database.prepare("UPDATE batches SET counted = 1, ids = '' WHERE range = ?").run(token);
    this.#database
      .prepare('DELETE FROM batches WHERE counted = 1 AND sequence <= (SELECT max(sequence) FROM batches) - ?')
      .run(rememberedMax);
  }

  close(): void {
    this.#database.close();
  }
}

const rangeOf = (token: string, rows: readonly BatchRow[]): PendingRange => ({
  token,
  first: Math.min(...rows.map(({ first }) => first)),
  last: Math.max(...rows.map(({ last }) => last)),
  ids: rows.map(({ ids }) => ids).join(','),
});
