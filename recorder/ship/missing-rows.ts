/** Asks the store whether it has what it acknowledged: of every exchange each row in each table. */
import type { Instant } from '../../gateway/core/shared/time.ts';
import { type TableName, tableNames } from '../rows/tables.ts';
import type { Store } from '../store/store.ts';
import type { Batch, BatchEntry } from './batch.ts';

/** Four lists of so many are below what a server takes as one query, 256 KiB. */
const idsPerQuery = 1_500;

/** What rows are found by, and what tells several of one exchange from one another. */
const keys: Readonly<Record<TableName, { readonly id: string; readonly type: 'UUID' | 'String'; readonly distinctBy: string }>> = {
  requests: { id: 'request_id', type: 'UUID', distinctBy: 'request_id' },
  attempts: { id: 'request_id', type: 'UUID', distinctBy: 'attempt_no' },
  payloads: { id: 'request_id', type: 'UUID', distinctBy: 'attempt_no' },
  replay_results: { id: 'replay_id', type: 'String', distinctBy: 'replay_id' },
  scores: { id: 'request_id', type: 'UUID', distinctBy: 'request_id' },
};
/** Of an exchange: attempts are numbered in a column of one byte. */
const rowsMax = 255;

export interface MissingRows {
  readonly table: TableName;
  readonly entries: readonly BatchEntry[];
}

interface RowCheck {
  readonly table: TableName;
  readonly entries: readonly BatchEntry[];
}

/** Rows may have been dropped already that arrived before `since`; those are not asked for. */
export async function findMissingRows(
  store: Pick<Store, 'select'>,
  batch: Batch,
  since: (table: TableName) => Instant,
): Promise<readonly MissingRows[]> {
  const missing = new Map<TableName, BatchEntry[]>();
  for (let i = 0; i < batch.entries.length; i += idsPerQuery) {
    const page = batch.entries.slice(i, i + idsPerQuery);
    const checks = tableNames.map((table): RowCheck => {
      return { table, entries: page.filter(({ receivedAt, rows }) => rows[table].count > 0 && receivedAt >= since(table)) };
    });
    for (const { table, entries } of await runRowChecks(
      store,
      checks.filter(({ entries }) => entries.length > 0),
    )) {
      missing.set(table, [...(missing.get(table) ?? []), ...entries]);
    }
  }
  return [...missing].map(([table, entries]) => ({ table, entries }));
}

/** Nearly always all is there, and a number for each table says so: one statement, because any costs the engine some ten milliseconds. */
async function runRowChecks(store: Pick<Store, 'select'>, checks: readonly RowCheck[]): Promise<readonly MissingRows[]> {
  if (checks.length === 0) return [];
  const counted = await store.select<{ name: string; n: number }>(rowCountQuery(checks));
  const counts = new Map(counted.map(({ name, n }) => [name, Number(n)]));
  const missing: MissingRows[] = [];
  for (const check of checks) {
    const expected = expectedRowCounts(check);
    if (counts.get(check.table) === [...expected.values()].reduce((sum, n) => sum + n, 0)) continue;
    const rows = await store.select<{ id: string; n: number }>(
      `SELECT toString(id) AS id, n FROM (${presentRowsQuery(check, idListOf(check))})`,
    );
    const present = new Map(rows.map(({ id, n }) => [id, Number(n)]));
    const entries = check.entries.filter(entry => (present.get(idOf(entry)) ?? 0) < expected.get(idOf(entry))!);
    if (entries.length > 0) missing.push({ table: check.table, entries });
  }
  return missing;
}

function rowCountQuery(checks: readonly RowCheck[]): string {
  const lists = [...new Set(checks.map(idListOf))];
  const selects = checks.map(check => {
    const list = `ids${lists.indexOf(idListOf(check))}`;
    return `SELECT '${check.table}' AS name, sum(least(n, ${rowsMax})) AS n FROM (${presentRowsQuery(check, list)})`;
  });
  return `WITH ${lists.map((list, i) => `${list} AS ids${i}`).join(', ')} ${selects.join(' UNION ALL ')}`;
}

/**
 * The ids of a table that are there, and how many rows of each. They are asked for in one literal, which is parsed in no time, unlike a list
 * of literals; not in a parameter, for those travel in the URL, which has no room for so many.
 */
function presentRowsQuery({ table, entries }: RowCheck, list: string): string {
  const { id, type, distinctBy } = keys[table];
  const times = entries.map(({ receivedAt }) => Math.floor(receivedAt));
  return `SELECT ${id} AS id, uniqExact(${distinctBy}) AS n FROM ${table}
WHERE ts >= fromUnixTimestamp64Milli(${Math.min(...times)}) AND ts <= fromUnixTimestamp64Milli(${Math.max(...times)})
AND ${id} IN (SELECT to${type}(arrayJoin(splitByChar(',', ${list})))) GROUP BY id`;
}

/** Each is a UUID, or it would have had no row. */
const idOf = (entry: BatchEntry): string => entry.id.toLowerCase();
const idListOf = ({ entries }: RowCheck): string => `'${entries.map(idOf).join(',')}'`;

/** Rows of each id. */
function expectedRowCounts({ table, entries }: RowCheck): ReadonlyMap<string, number> {
  const expected = new Map<string, number>();
  for (const entry of entries) {
    // The same score said twice is one row.
    const count = table === 'scores' ? 1 : Math.min(entry.rows[table].count, rowsMax);
    expected.set(idOf(entry), Math.max(count, expected.get(idOf(entry)) ?? 0));
  }
  return expected;
}
