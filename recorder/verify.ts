/** Asks the store whether it has what it acknowledged: of every exchange each row in each table. */
import type { Instant } from '../gateway/core/time.ts';
import type { Batch, Entry } from './batch.ts';
import { type TableName, tableNames } from './row.ts';
import type { Store } from './store.ts';

/** Four lists of so many are below what a server takes as one query, 256 KiB. */
const idsPerQuery = 1_500;

/** What rows are found by, and what tells several of one exchange from one another. */
const keys: Readonly<Record<TableName, { readonly id: string; readonly type: 'UUID' | 'String'; readonly each: string }>> = {
  requests: { id: 'request_id', type: 'UUID', each: 'request_id' },
  attempts: { id: 'request_id', type: 'UUID', each: 'attempt_no' },
  payloads: { id: 'request_id', type: 'UUID', each: 'attempt_no' },
  replay_results: { id: 'replay_id', type: 'String', each: 'replay_id' },
  scores: { id: 'request_id', type: 'UUID', each: 'request_id' },
};
/** Of an exchange: attempts are numbered in a column of one byte. */
const rowsMax = 255;

export interface Missing {
  readonly table: TableName;
  readonly entries: readonly Entry[];
}

interface Question {
  readonly table: TableName;
  readonly entries: readonly Entry[];
}

/** Rows may have been dropped already that arrived before `since`; those are not asked for. */
export async function missingFrom(
  store: Pick<Store, 'select'>,
  batch: Batch,
  since: (table: TableName) => Instant,
): Promise<readonly Missing[]> {
  const missing = new Map<TableName, Entry[]>();
  for (let i = 0; i < batch.entries.length; i += idsPerQuery) {
    const some = batch.entries.slice(i, i + idsPerQuery);
    const questions = tableNames.map((table): Question => {
      return { table, entries: some.filter(({ receivedAt, rows }) => rows[table].count > 0 && receivedAt >= since(table)) };
    });
    for (const { table, entries } of await missingIn(
      store,
      questions.filter(({ entries }) => entries.length > 0),
    )) {
      missing.set(table, [...(missing.get(table) ?? []), ...entries]);
    }
  }
  return [...missing].map(([table, entries]) => ({ table, entries }));
}

/** Nearly always all is there, and a number for each table says so: one statement, because any costs the engine some ten milliseconds. */
async function missingIn(store: Pick<Store, 'select'>, questions: readonly Question[]): Promise<readonly Missing[]> {
  if (questions.length === 0) return [];
  const counted = await store.select<{ name: string; n: number }>(countOf(questions));
  const counts = new Map(counted.map(({ name, n }) => [name, Number(n)]));
  const missing: Missing[] = [];
  for (const question of questions) {
    const wanted = wantedOf(question);
    if (counts.get(question.table) === [...wanted.values()].reduce((sum, n) => sum + n, 0)) continue;
    const rows = await store.select<{ id: string; n: number }>(`SELECT toString(id) AS id, n FROM (${found(question, listOf(question))})`);
    const there = new Map(rows.map(({ id, n }) => [id, Number(n)]));
    const entries = question.entries.filter(entry => (there.get(idOf(entry)) ?? 0) < wanted.get(idOf(entry))!);
    if (entries.length > 0) missing.push({ table: question.table, entries });
  }
  return missing;
}

function countOf(questions: readonly Question[]): string {
  const lists = [...new Set(questions.map(listOf))];
  const selects = questions.map(question => {
    const list = `ids${lists.indexOf(listOf(question))}`;
    return `SELECT '${question.table}' AS name, sum(least(n, ${rowsMax})) AS n FROM (${found(question, list)})`;
  });
  return `WITH ${lists.map((list, i) => `${list} AS ids${i}`).join(', ')} ${selects.join(' UNION ALL ')}`;
}

/**
 * The ids of a table that are there, and how many rows of each. They are asked for in one literal, which is parsed in no time, unlike a list
 * of literals; not in a parameter, for those travel in the URL, which has no room for so many.
 */
function found({ table, entries }: Question, list: string): string {
  const { id, type, each } = keys[table];
  const times = entries.map(({ receivedAt }) => Math.floor(receivedAt));
  return `SELECT ${id} AS id, uniqExact(${each}) AS n FROM ${table}
WHERE ts >= fromUnixTimestamp64Milli(${Math.min(...times)}) AND ts <= fromUnixTimestamp64Milli(${Math.max(...times)})
AND ${id} IN (SELECT to${type}(arrayJoin(splitByChar(',', ${list})))) GROUP BY id`;
}

/** Each is a UUID, or it would have had no row. */
const idOf = (entry: Entry): string => entry.id.toLowerCase();
const listOf = ({ entries }: Question): string => `'${entries.map(idOf).join(',')}'`;

/** Rows of each id. */
function wantedOf({ table, entries }: Question): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const entry of entries) {
    // The same score said twice is one row.
    const count = table === 'scores' ? 1 : Math.min(entry.rows[table].count, rowsMax);
    wanted.set(idOf(entry), Math.max(count, wanted.get(idOf(entry)) ?? 0));
  }
  return wanted;
}
