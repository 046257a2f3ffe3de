/** Deletes a subject's rows from every table, and counts what is left. */
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { DdlTarget } from '../store/cluster.ts';
import type { Store } from '../store/store.ts';
import type { Subject } from '../tombstones/tombstone.ts';

/** Rows that were there, by table. */
export type RowCounts = Readonly<Record<string, number>>;

interface TableCondition {
  readonly table: string;
  readonly where: string;
}

/** Not `audit` and `erasures`: they say that something was erased, and hold none of it. */
const tablesByTenant = ['payloads', 'attempts', 'scores', 'repriced', 'replay_results', 'runs', 'requests'];
const rollups: readonly TableCondition[] = [
  { table: 'usage_1m', where: 'tenant_id = {tenant: String} AND minute <= toDateTime({at: DateTime64(3)})' },
  { table: 'usage_1h', where: 'tenant_id = {tenant: String} AND hour <= toDateTime({at: DateTime64(3)})' },
  { table: 'attempts_1m', where: 'tenant_id = {tenant: String} AND minute <= toDateTime({at: DateTime64(3)})' },
];

/** Replays first, because their originals identify them; `requests` last, because it identifies the others. */
export function tableConditions(subject: Subject): readonly TableCondition[] {
  const { user, exchange } = subject;
  if (user === undefined && exchange === undefined) {
    const time = (table: string): string => (table === 'runs' ? 'created_at' : 'ts');
    const own = tablesByTenant.map(table => ({ table, where: `tenant_id = {tenant: String} AND ${time(table)} <= {at: DateTime64(3)}` }));
    return [...own, ...rollups];
  }
  const condition = subjectCondition(subject);
  const own = `SELECT request_id FROM requests WHERE ${condition}`;
  const ownText = `SELECT toString(request_id) FROM requests WHERE ${condition}`;
  const replays = `SELECT request_id FROM requests WHERE run_id != '' AND replay_of IN (${ownText})`;
  const all = `(request_id IN (${own}) OR request_id IN (${replays}))`;
  return [
    ...['payloads', 'attempts', 'scores', 'repriced'].map(table => ({ table, where: all })),
    { table: 'replay_results', where: `(request_id IN (${ownText}) OR replay_id IN (${ownText}))` },
    { table: 'requests', where: `run_id != '' AND replay_of IN (${ownText}) AND NOT (${condition})` },
    { table: 'requests', where: condition },
  ];
}

const subjectCondition = ({ tenant, user, exchange }: Subject): string =>
  [
    'ts <= {at: DateTime64(3)}',
    ...(tenant === undefined ? [] : ['tenant_id = {tenant: String}']),
    ...(user === undefined ? [] : ['end_user = {user: String}']),
    ...(exchange === undefined ? [] : ['request_id = {exchange: UUID}']),
  ].join(' AND ');

/** Query parameters of the conditions on a subject; `at` in seconds. */
export const subjectParams = ({ tenant, user, exchange }: Subject, at: Instant): Record<string, unknown> => ({
  at: at / 1000,
  ...(tenant === undefined ? {} : { tenant }),
  ...(user === undefined ? {} : { user }),
  ...(exchange === undefined ? {} : { exchange }),
});

/** How many rows would be erased, by table. */
export async function countRows(store: Pick<Store, 'select'>, subject: Subject, at: Instant): Promise<RowCounts> {
  const counts: Record<string, number> = {};
  for (const { table, where } of tableConditions(subject)) {
    const [row] = await store.select<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE ${where}`, subjectParams(subject, at));
    counts[table] = (counts[table] ?? 0) + Number(row?.n ?? 0);
  }
  return counts;
}

const idsPerQuery = 5_000;

/** Which of these requests are the subject's, and those that replayed them. */
export async function requestIdsOf(
  store: Pick<Store, 'select'>,
  subject: Subject,
  ids: readonly string[],
  at: Instant,
): Promise<ReadonlySet<string>> {
  // By its id a request is known also when its row is gone.
  const found = new Set(ids.filter(id => id === subject.exchange && subject.tenant === undefined && subject.user === undefined));
  const condition = subjectCondition(subject);
  for (let i = 0; i < ids.length; i += idsPerQuery) {
    const rows = await store.select<{ id: string }>(
      `SELECT DISTINCT toString(request_id) AS id FROM requests WHERE request_id IN {ids: Array(UUID)}
AND ((${condition}) OR replay_of IN (SELECT toString(request_id) FROM requests WHERE ${condition}))`,
      { ...subjectParams(subject, at), ids: ids.slice(i, i + idsPerQuery) },
    );
    for (const { id } of rows) found.add(id);
  }
  return found;
}

/** Rewrites the parts: the bytes are off the disk when this resolves. Skips tables whose count is 0. */
export async function eraseRows(
  store: Pick<Store, 'command'>,
  subject: Subject,
  at: Instant,
  counts: RowCounts,
  target: DdlTarget,
): Promise<void> {
  const params = subjectParams(subject, at);
  for (const { table, where } of tableConditions(subject)) {
    if (counts[table] === 0) continue;
    await store.command(
      `ALTER TABLE ${table}${target.suffix}${target.onCluster} DELETE WHERE ${where} SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1`,
      params,
    );
  }
}
