/** Inserts one batch into every table and retries without end. A batch that is too large is halved; a row that no table takes is set aside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Column, columnsOf, type TableName, tableNames } from '../rows/tables.ts';
import { classifyInsertError } from '../store/insert-error.ts';
import { byteLengthOf } from '../store/row-bytes.ts';
import type { RowStore } from '../store/store.ts';
import { type Batch, type BatchEntry, rowCount, splitBatch } from './batch.ts';

const backoffMsMin = 100;
const backoffMsMax = 10_000;
/** Attempts after which a single frame that is too large for the store is set aside. */
const singleFrameAttemptsMax = 10;
/** A server that has no room for so little is short of memory; the frame is not at fault. */
const largeFrameBytes = 1024 * 1024;

export interface InsertContext {
  readonly store: RowStore;
  /** Aborts the retries when the recorder closes. */
  readonly signal: AbortSignal;
  /** Batches that the store found too large once. They are halved from then on, also after a restart, so that tokens stay the same. */
  readonly splits: SplitTokens;
  readonly onInserted: (rows: number) => void;
  readonly onFailed: (table: TableName, error: unknown) => void;
  /** The store will never take this frame's rows of that table. */
  readonly onRejected: (table: TableName, entry: BatchEntry, error: unknown) => Promise<void>;
}

export interface SplitTokens {
  has(token: string): boolean;
  add(token: string): Promise<void>;
}

/** Rows of `requests` come last: when one is there, the rest is. Throws when `signal` was aborted, or a frame could not be set aside. */
export async function insertBatch(batch: Batch, context: InsertContext): Promise<void> {
  // One table after the other: two inserts at once would take the memory of both.
  for (const table of tableNames) await insertIntoTable(table, batch, context);
}

/** Inserts a batch's rows of one table, retrying until the store takes them or the context's signal aborts. */
export async function insertIntoTable(table: TableName, batch: Batch, context: InsertContext): Promise<void> {
  const count = batch.entries.reduce((sum, entry) => sum + rowCount(entry, table), 0);
  if (count === 0) return;
  const token = `${batch.token}.${table}`;
  if (context.splits.has(token)) {
    const halves = splitBatch(batch);
    if (halves) return insertHalves(table, halves, context);
  }
  const body = batch.entries.map(({ rows }) => rows[table]).filter(rows => rows !== undefined);
  const columns = columnsOf(table, batch.list);
  const names = columns.map(({ name }) => name);
  for (let attempt = 1; ; attempt++) {
    context.signal.throwIfAborted();
    try {
      await context.store.insertBinary(table, names, body, token);
      return context.onInserted(count);
    } catch (error) {
      context.onFailed(table, error);
      const errorClass = classifyInsertError(error);
      const rowsAtFault = errorClass === 'less' || (errorClass === 'never' && (await schemaMatches(table, columns, context.store)));
      const halves = rowsAtFault ? splitBatch(batch) : undefined;
      if (halves) {
        await context.splits.add(token);
        return insertHalves(table, halves, context);
      }
      const isTooLarge = attempt >= singleFrameAttemptsMax && byteLengthOf(body) >= largeFrameBytes;
      if (rowsAtFault && (errorClass === 'never' || isTooLarge)) return context.onRejected(table, batch.entries[0]!, error);
      await sleep(Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempt, 10)), undefined, { signal: context.signal });
    }
  }
}

async function insertHalves(table: TableName, halves: readonly Batch[], context: InsertContext): Promise<void> {
  for (const half of halves) await insertIntoTable(table, half, context);
}

/** A table with other columns would reject every frame. A migration fixes that; no frame is at fault. */
async function schemaMatches(table: TableName, columns: readonly Column[], store: InsertContext['store']): Promise<boolean> {
  try {
    const described = await store.select<{ name: string; type: string }>(`DESCRIBE TABLE ${table}`);
    const types = new Map(described.map(({ name, type }) => [name, type]));
    return columns.every(({ name, type }) => types.get(name) === type);
  } catch {
    return false;
  }
}
