/** The audit on disk: a SQLite file to which all processes of the folder append; the store gets a copy of each entry. */
import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { AuditEntry } from '../../gateway/observability/audit.ts';
import { makeFolder } from '../files/paths.ts';
import { type ChainHead, type ChainRow, hashOf } from './chain.ts';

export interface AuditLedger {
  /** On disk when it returns. Throws when it cannot be. */
  append(entry: AuditEntry, at?: Instant): ChainRow;
  /** The oldest that the store does not have yet. */
  unshipped(limit: number): readonly ChainRow[];
  /** The store has everything up to this number. */
  markShipped(seq: number): void;
  readonly chain: string;
  /** Of everything, and of what the store has; undefined for nothing. */
  head(): ChainHead | undefined;
  shippedHead(): ChainHead | undefined;
  /** The oldest entry that is not older than this; undefined for none. */
  firstSince(at: Instant): number | undefined;
  /** A fact for later comparison: what was last in force. */
  readFact(name: string): string | undefined;
  writeFact(name: string, value: string): void;
  close(): void;
}

const auditFile = (storePath: string): string => join(storePath, 'audit.sqlite');

/** What the store has is kept here for as long as the store may keep it, at the most. */
const keptMs = 3 * 366 * 86_400_000;

const tables = `
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, tenant TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

export function openAudit(storePath: string): AuditLedger {
  makeFolder(storePath);
  const file = auditFile(storePath);
  const database = new DatabaseSync(file, { timeout: 5_000 });
  // Written seldom: one file, and a rollback journal while it is.
  database.exec('PRAGMA synchronous = FULL');
  database.exec(tables);
  chmodSync(file, 0o600);
  // The first process names the chain.
  database.prepare("INSERT OR IGNORE INTO facts VALUES ('chain', ?), ('shipped', '0')").run(randomUUID());
  return new SqliteAudit(database);
}

class SqliteAudit implements AuditLedger {
  readonly #database: DatabaseSync;
  readonly chain: string;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.chain = this.readFact('chain')!;
  }

  append({ actor, action, tenant, subject, detail }: AuditEntry, at = Date.now()): ChainRow {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const head = this.head();
      const unhashed = {
        ...{ chain: this.chain, seq: (head?.seq ?? 0) + 1, at: Math.floor(at), actor, action, tenant, subject },
        ...{ detail: JSON.stringify(detail), previous: head?.hash ?? '' },
      };
      const row: ChainRow = { ...unhashed, hash: hashOf(unhashed) };
      this.#database
        .prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(row.seq, row.at, actor, action, tenant, subject, row.detail, row.previous, row.hash);
      this.#database
        .prepare("DELETE FROM entries WHERE at < ? AND seq < (SELECT CAST(value AS INTEGER) FROM facts WHERE name = 'shipped')")
        .run(row.at - keptMs);
      this.#database.exec('COMMIT');
      return row;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  unshipped(limit: number): readonly ChainRow[] {
    const rows = this.#database.prepare('SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?').all(this.#shippedSeq(), limit);
    return rows.map(row => ({ chain: this.chain, ...row }) as unknown as ChainRow);
  }

  markShipped(seq: number): void {
    this.#database.prepare("UPDATE facts SET value = ? WHERE name = 'shipped' AND CAST(value AS INTEGER) < ?").run(String(seq), seq);
  }

  head(): ChainHead | undefined {
    return this.#headWhere('seq > ?', 0);
  }

  shippedHead(): ChainHead | undefined {
    return this.#headWhere('seq <= ?', this.#shippedSeq());
  }

  firstSince(at: Instant): number | undefined {
    const row = this.#database.prepare('SELECT min(seq) AS seq FROM entries WHERE at >= ?').get(Math.floor(at));
    return row?.seq === null ? undefined : Number(row!.seq);
  }

  readFact(name: string): string | undefined {
    return this.#database.prepare('SELECT value FROM facts WHERE name = ?').get(name)?.value as string | undefined;
  }

  writeFact(name: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?)').run(name, value);
  }

  close(): void {
    this.#database.close();
  }

  #shippedSeq(): number {
    return Number(this.readFact('shipped'));
  }

  #headWhere(where: string, seq: number): ChainHead | undefined {
    const row = this.#database.prepare(`SELECT seq, hash FROM entries WHERE ${where} ORDER BY seq DESC LIMIT 1`).get(seq);
    return row && { seq: Number(row.seq), hash: String(row.hash) };
  }
}
