/** Asks the store whether it has what it acknowledged: of every exchange each row in each table. */
import type { Instant } from '../gateway/core/time.ts';
import type { Batch, Entry } from './batch.ts';
import { type TableName, tableNames } from './row.ts';
import type { Store } from './store.ts';

const idsPerQuery = 1_000;

/** What rows are found by, and what tells several of one exchange from one another. */
const keys: Readonly<Record<TableName, { readonly id: string; readonly each: string }>> = {
  requests: { id: 'request_id', each: 'request_id' },
  attempts: { id: 'request_id', each: 'attempt_no' },
  payloads: { id: 'request_id', each: 'attempt_no' },
  replay_results: { id: 'replay_id', each: 'replay_id' },
  scores: { id: 'request_id', each: 'request_id' },
};
/** Of attempts in a column of one byte; and the same score said twice is one row. */
const rowsMax: Readonly<Partial<Record<TableName, number>>> = { attempts: 255, payloads: 255, scores: 1 };

export interface Missing {
  readonly table: TableName;
  readonly entries: readonly Entry[];
}

/** Rows may have been dropped already that arrived before `since`; those are not asked for. */
export async function missingFrom(
  store: Pick<Store, 'select'>,
  batch: Batch,
  since: (table: TableName) => Instant,
): Promise<readonly Missing[]> {
  const found = await Promise.all(
    tableNames.map(async table => {
      const asked = batch.entries.filter(({ receivedAt, rows }) => rows[table].count > 0 && receivedAt >= since(table));
      return { table, entries: asked.length === 0 ? [] : await missingIn(store, table, asked) };
    }),
  );
  return found.filter(({ entries }) => entries.length > 0);
}

async function missingIn(store: Pick<Store, 'select'>, table: TableName, asked: readonly Entry[]): Promise<readonly Entry[]> {
  const missing: Entry[] = [];
  const { id, each } = keys[table];
  for (let i = 0; i < asked.length; i += idsPerQuery) {
    const entries = asked.slice(i, i + idsPerQuery);
    const times = entries.map(({ receivedAt }) => Math.floor(receivedAt));
    // The ids stand in the text, not in a parameter: parameters travel in the URL, which has no room for so many. Each is a UUID, or it
    // would have had no row.
    const rows = await store.select<{ id: string; n: number }>(
      `SELECT toString(${id}) AS id, uniqExact(${each}) AS n FROM ${table}
WHERE ts >= fromUnixTimestamp64Milli({from: Int64}) AND ts <= fromUnixTimestamp64Milli({to: Int64})
AND ${id} IN (${entries.map(entry => `'${entry.id.toLowerCase()}'`).join(', ')}) GROUP BY id`,
      { from: Math.min(...times), to: Math.max(...times) },
    );
    const counts = new Map(rows.map(row => [row.id, Number(row.n)]));
    missing.push(...entries.filter(entry => (counts.get(entry.id.toLowerCase()) ?? 0) < wanted(table, entry)));
  }
  return missing;
}

const wanted = (table: TableName, { rows }: Entry): number => Math.min(rows[table].count, rowsMax[table] ?? 1);
