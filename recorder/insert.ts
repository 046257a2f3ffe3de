/** Puts one batch into every table, however long that takes: the store's refusals halve it, single it out, or are waited out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Batch, type Entry, halvesOf } from './batch.ts';
import { columnsOf, type TableName, tableNames } from './row.ts';
import type { Store } from './store.ts';
import { verdictOf } from './verdict.ts';

const backoffMsMin = 100;
const backoffMsMax = 10_000;
/** Tries after which a frame that is alone in its insert and still too large for the store is set aside. */
const triesAloneMax = 10;

export interface Inserting {
  readonly store: Pick<Store, 'insertBinary' | 'select'>;
  /** Gives up waiting: the recorder is closing. */
  readonly signal: AbortSignal;
  /** Batches that the store found too large once. They are halved from then on, also after a restart, so that tokens stay true. */
  readonly splits: Splits;
  readonly inserted: (rows: number) => void;
  readonly failed: (table: TableName, error: unknown) => void;
  /** The store will never take this frame's rows of that table. */
  readonly refused: (table: TableName, entry: Entry, error: unknown) => Promise<void>;
}

export interface Splits {
  has(token: string): boolean;
  add(token: string): Promise<void>;
}

/** Rows of `requests` come last: who finds one finds the rest as well. Throws when `signal` was aborted, or a frame could not be set aside. */
export async function insertBatch(batch: Batch, context: Inserting): Promise<void> {
  const others = tableNames.filter(table => table !== 'requests');
  const ends = await Promise.allSettled(others.map(table => insertInto(table, batch, context)));
  const failed = ends.find(end => end.status === 'rejected');
  if (failed) throw failed.reason;
  await insertInto('requests', batch, context);
}

export async function insertInto(table: TableName, batch: Batch, context: Inserting): Promise<void> {
  const count = batch.entries.reduce((sum, { rows }) => sum + rows[table].count, 0);
  if (count === 0) return;
  const token = `${batch.token}.${table}`;
  const halves = halvesOf(batch);
  if (halves && context.splits.has(token)) return insertHalves(table, halves, context);
  const body = Buffer.concat(batch.entries.map(({ rows }) => rows[table].bytes));
  const columns = columnsOf(table).map(({ name }) => name);
  for (let tries = 1; ; tries++) {
    context.signal.throwIfAborted();
    try {
      await context.store.insertBinary(table, columns, body, token);
      return context.inserted(count);
    } catch (error) {
      context.failed(table, error);
      const verdict = verdictOf(error);
      const rowsAtFault = verdict === 'less' || (verdict === 'never' && (await tablesAgree(table, context.store)));
      if (rowsAtFault && halves) {
        await context.splits.add(token);
        return insertHalves(table, halves, context);
      }
      if (rowsAtFault && (verdict === 'never' || tries >= triesAloneMax)) return context.refused(table, batch.entries[0]!, error);
      await sleep(Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(tries, 10)), undefined, { signal: context.signal });
    }
  }
}

async function insertHalves(table: TableName, halves: readonly Batch[], context: Inserting): Promise<void> {
  for (const half of halves) await insertInto(table, half, context);
}

/** A table that is not what this version writes would refuse every frame: that is no fault of theirs, and a migration mends it. */
async function tablesAgree(table: TableName, store: Inserting['store']): Promise<boolean> {
  try {
    const described = await store.select<{ name: string; type: string }>(`DESCRIBE TABLE ${table}`);
    const types = new Map(described.map(({ name, type }) => [name, type]));
    return columnsOf(table).every(({ name, type }) => types.get(name) === type);
  } catch {
    return false;
  }
}
