/** Asks the store whether it has what it acknowledged: of every exchange each row in each table. */
import type { Instant } from '../../gateway/core/shared/time.ts';
import { type TableName, tableNames } from '../rows/tables.ts';
import { notClickHouse } from '../store/not-clickhouse.ts';
import type { InsertCounts, RowStore } from '../store/store.ts';
import { type Batch, type BatchEntry, rowCount } from './batch.ts';

/** A list of so many stays below what a server takes as one query: 256 KiB. */
const idsPerQuery = 2_500;

/** The column that holds the record's id, and the one that tells several rows of one id apart. */
const keys: Readonly<Record<TableName, { readonly id: string; readonly type: 'UUID' | 'String'; readonly distinctBy: string }>> = {
  requests: { id: 'request_id', type: 'UUID', distinctBy: 'request_id' },
  attempts: { id: 'request_id', type: 'UUID', distinctBy: 'attempt_no' },
  payloads: { id: 'request_id', type: 'UUID', distinctBy: 'attempt_no' },
  replay_results: { id: 'replay_id', type: 'String', distinctBy: 'replay_id' },
  scores: { id: 'request_id', type: 'UUID', distinctBy: 'request_id' },
};
/** Attempts are numbered in a column of one byte. */
const rowsMax = 255;

export interface MissingRows {
  readonly table: TableName;
  readonly entries: readonly BatchEntry[];
}

type RowCheck = MissingRows;

/**
 * Whether the store wrote every row of a batch between the two counts. A row that was acknowledged is missing only when its token was there from an
 * insert that was cut off, or when it was lost on its way in: the first is counted as a repetition, the second not as a row.
 */
export const isAccountedFor = (batch: Batch, before: InsertCounts | undefined, after: InsertCounts | undefined): boolean =>
  before !== undefined &&
  after !== undefined &&
  after.repeatedBlocks === before.repeatedBlocks &&
  after.rows - before.rows ===
    tableNames.reduce((sum, table) => sum + batch.entries.reduce((rows, entry) => rows + rowCount(entry, table), 0), 0);

/** Rows that arrived before `since` may have been dropped already; those are not looked up. */
export async function findMissingRows(
  store: Pick<RowStore, 'select'>,
  batch: Batch,
  since: (table: TableName) => Instant,
): Promise<readonly MissingRows[]> {
  const missing = new Map<TableName, BatchEntry[]>();
  for (let i = 0; i < batch.entries.length; i += idsPerQuery) {
    for (const { table, entries } of await missingOfPage(store, batch.entries.slice(i, i + idsPerQuery), since)) {
      missing.set(table, [...(missing.get(table) ?? []), ...entries]);
    }
  }
  return [...missing].map(([table, entries]) => ({ table, entries }));
}

/** Nearly always all rows are there. One statement says so, because each costs the engine some ten milliseconds. */
async function missingOfPage(
  store: Pick<RowStore, 'select'>,
  page: readonly BatchEntry[],
  since: (table: TableName) => Instant,
): Promise<readonly MissingRows[]> {
  const checks = tableNames
    .map((table): RowCheck => {
      const from = since(table);
      return { table, entries: page.filter(entry => rowCount(entry, table) > 0 && entry.receivedAt >= from) };
    })
    .filter(({ entries }) => entries.length > 0);
  if (checks.length === 0) return [];
  const counted = await store.select<{ name: string; n: number }>(countQuery(checks, page));
  if (counted.length !== checks.length) throw notClickHouse();
  const counts = new Map(counted.map(({ name, n }) => [name, Number(n)]));
  const missing: MissingRows[] = [];
  for (const check of checks) {
    const expected = expectedRowCounts(check);
    if (counts.get(check.table) === [...expected.values()].reduce((sum, n) => sum + n, 0)) continue;
    const rows = await store.select<{ id: string; n: number }>(presentRowsQuery(check));
    const present = new Map(rows.map(({ id, n }) => [id, Number(n)]));
    const entries = check.entries.filter(entry => (present.get(idOf(entry)) ?? 0) < expected.get(idOf(entry))!);
    if (entries.length > 0) missing.push({ table: check.table, entries });
  }
  return missing;
}

/**
 * Different rows of each table that belong to the page. Ids stand in one literal, which is parsed faster than a list of literals; parameters travel
 * in the URL, which has no room for so many. Feedback has a list of its own: the exchanges that it names have rows of other pages.
 */
function countQuery(checks: readonly RowCheck[], page: readonly BatchEntry[]): string {
  const feedback = page.filter(entry => rowCount(entry, 'scores') > 0);
  const lists = [
    `${idList(page.filter(entry => rowCount(entry, 'scores') === 0))} AS exchange_ids`,
    ...(feedback.length > 0 ? [`${idList(feedback)} AS feedback_ids`] : []),
  ];
  const selects = checks.map(check => {
    const { id, distinctBy } = keys[check.table];
    const list = check.table === 'scores' ? 'feedback_ids' : 'exchange_ids';
    return `SELECT '${check.table}' AS name, uniqExact(${[...new Set([id, distinctBy])].join(', ')}) AS n FROM ${check.table} WHERE ${condition(check, list)}`;
  });
  return `WITH ${lists.join(', ')} ${selects.join(' UNION ALL ')}`;
}

/** Ids that are there, and how many rows of each. */
function presentRowsQuery(check: RowCheck): string {
  const { id, distinctBy } = keys[check.table];
  const where = condition(check, idList(check.entries));
  return `SELECT toString(${id}) AS id, uniqExact(${distinctBy}) AS n FROM ${check.table} WHERE ${where} GROUP BY ${id}`;
}

function condition({ table, entries }: RowCheck, list: string): string {
  const { id, type } = keys[table];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { receivedAt } of entries) {
    first = Math.min(first, Math.floor(receivedAt));
    last = Math.max(last, Math.floor(receivedAt));
  }
  return `ts >= fromUnixTimestamp64Milli(${first}) AND ts <= fromUnixTimestamp64Milli(${last})
AND ${id} IN (SELECT to${type}(arrayJoin(splitByChar(',', ${list}))))`;
}

/** Each is a UUID, or it would have had no row. */
const idOf = (entry: BatchEntry): string => entry.id.toLowerCase();
const idList = (entries: readonly BatchEntry[]): string => `'${entries.map(idOf).join(',')}'`;

/** Rows of each id. */
function expectedRowCounts({ table, entries }: RowCheck): ReadonlyMap<string, number> {
  const expected = new Map<string, number>();
  for (const entry of entries) {
    // The same score said twice is one row.
    const count = table === 'scores' ? 1 : Math.min(rowCount(entry, table), rowsMax);
    expected.set(idOf(entry), Math.max(count, expected.get(idOf(entry)) ?? 0));
  }
  return expected;
}
