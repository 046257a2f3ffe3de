/** Sums over time, runs, pairs and the audit out of the store, in the shapes of the admin API. */
import type { AuditQuery, AuditRow } from '../../gateway/admin/api/access.ts';
import type { QueryOf } from '../../gateway/admin/api/table.ts';
import type { Pair, Run, UsageQuery, UsageRow } from '../../gateway/admin/api/usage.ts';
import type { ReadScope, RowPage } from '../../gateway/admin/records.ts';
import { timeOfExchangeId } from '../../gateway/settings/ids.ts';
import { all, condition, cursorOf, equals, inTenants, olderThan, pageOf, parseCursor, parseTime, since, until } from './conditions.ts';
import type { Reader } from './reader.ts';

const dayMs = 86_400_000;

const columnOf: Readonly<Record<string, string>> = {
  ...{ tenant: 'tenant_id', project: 'project_id', key: 'api_key_id' },
  ...{ route: 'route', provider: 'provider', model: 'model', outcome: 'outcome' },
};

interface UsageSource {
  readonly table: string;
  readonly time: string;
  readonly bucket: string;
}

/** Minutes are kept for 35 days and know no projects and keys. */
function sourceOf({ bucket, by = '' }: UsageQuery, span: number): UsageSource {
  const needsHours = /\b(?:project|key)\b/.test(by) || span > 2 * dayMs;
  if (bucket === 'minute' || (bucket === 'all' && !needsHours)) {
    return { table: 'usage_1m', time: 'minute', bucket: bucket === 'all' ? '{since: Int64}' : 'toUnixTimestamp(minute) * 1000' };
  }
  const start = { hour: 'toUnixTimestamp(hour) * 1000', day: 'toUnixTimestamp(toStartOfDay(hour)) * 1000', all: '{since: Int64}' }[
    bucket as 'hour'
  ];
  return { table: 'usage_1h', time: 'hour', bucket: start };
}

type Quantiles = readonly (number | null)[];
type UsageSums = Omit<UsageRow, 'at' | 'by' | 'latency_ms' | 'ttft_ms'> & {
  readonly at: number;
  readonly latency: Quantiles;
  readonly ttft: Quantiles;
} & Record<`by_${string}`, string>;

/** Requests, tokens, cost and latency quantiles per time bucket and group, newest bucket first; the last day by default. */
export async function usage(reader: Reader, query: UsageQuery, scope: ReadScope): Promise<RowPage<UsageRow>> {
  const now = Date.now();
  const from = query.since === undefined ? now - dayMs : parseTime(query.since, now);
  const to = query.until === undefined ? now + 60_000 : parseTime(query.until, now);
  const { table, time, bucket } = sourceOf(query, to - from);
  const names = query.by?.split(',') ?? [];
  const by = names.map(name => `${columnOf[name]} AS by_${name}`);
  const where = all(
    condition(`${time} >= toStartOf${time === 'minute' ? 'Minute' : 'Hour'}(toDateTime(intDiv({since: Int64}, 1000), 'UTC'))`, {
      since: from,
    }),
    condition(`${time} < toDateTime(intDiv({until: Int64}, 1000), 'UTC')`, { until: to }),
    inTenants(scope.tenants),
    equals('tenant_id', 'tenant', query.tenant),
    equals('route', 'route', query.route),
  );
  const offset = Number(parseCursor(query.after, ['number'])?.[0] ?? 0);
  const rows = await reader.select<UsageSums>(
    `SELECT ${[`${bucket} AS at`, ...by].join(', ')}, sum(u.requests) AS requests, sumIf(u.requests, u.outcome != 'ok') AS errors,
sum(u.input_tokens) AS input_tokens, sum(u.cached_tokens) AS cached_tokens, sum(u.output_tokens) AS output_tokens,
sum(u.cost_usd) AS cost_usd, sum(u.saved_usd) AS saved_usd, sum(u.cache_hits) AS cache_hits, sum(u.escalations) AS escalations,
quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(u.latency) AS latency, quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(u.ttft) AS ttft
FROM ${table} AS u WHERE ${where.sql} GROUP BY ${['at', ...names.map(name => `by_${name}`)].join(', ')}
HAVING requests > 0 ORDER BY ${['at DESC', ...names.map(name => `by_${name}`)].join(', ')} LIMIT {rows: UInt32} OFFSET {offset: UInt64}`,
    { ...where.params, rows: query.limit + 1, offset },
    scope,
  );
  const data = rows.slice(0, query.limit).map(row => usageRow(row, names));
  return { data, next: rows.length > query.limit ? cursorOf([offset + query.limit]) : null };
}

function usageRow({ at, latency, ttft, ...row }: UsageSums, names: readonly string[]): UsageRow {
  const sums = Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('by_'))) as Omit<
    UsageRow,
    'at' | 'by' | 'latency_ms' | 'ttft_ms'
  >;
  return {
    at: new Date(Number(at)).toISOString(),
    by: Object.fromEntries(names.map(name => [name, row[`by_${name}`]!])),
    ...sums,
    latency_ms: quantiles(latency),
    ttft_ms: quantiles(ttft),
  };
}

const quantiles = ([p50, , p95, p99]: Quantiles) => ({ p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) });
const rounded = (value: number | null | undefined): number | null => (typeof value === 'number' ? Math.round(value) : null);

const runColumns = `run_id AS id, kind, state, arms, created_at, finished_at, config_hash, selected, done, failed, cost_usd`;

/** A page of replay and evaluation runs, newest first. */
export async function runs(reader: Reader, query: QueryOf<'listRuns'>, scope: ReadScope): Promise<RowPage<Run>> {
  const where = all(olderThan(query.after, 'created_at', 'run_id', 'String'));
  const rows = await reader.select<Run>(
    `SELECT ${runColumns} FROM runs FINAL WHERE ${where.sql} ORDER BY created_at DESC, run_id DESC LIMIT {rows: UInt32}`,
    { ...where.params, rows: query.limit + 1 },
    scope,
  );
  return pageOf(
    rows,
    query.limit,
    row => [Date.parse(row.created_at), row.id],
    row => ({ ...row, manifest: null }),
  );
}

/** One run with its manifest; undefined when there is none. */
export async function run(reader: Reader, id: string, scope: ReadScope): Promise<Run | undefined> {
  const [found] = await reader.select<Run & { readonly manifest: string }>(
    `SELECT ${runColumns}, manifest FROM runs FINAL WHERE run_id = {id: String} LIMIT 1`,
    { id },
    scope,
  );
  return found && { ...found, manifest: found.manifest === '' ? null : JSON.parse(found.manifest) };
}

const sideColumns = `toString(request_id) AS id, provider, model, toString(outcome) AS outcome, finish_reason, latency_ms, nullIf(ttft_ms, 0) AS ttft_ms,
input_tokens, output_tokens, if(price_id = '' AND usage_source != 'none', NULL, cost_usd) AS cost_usd, confidence`;

type Side = Pair['replayed'];
type ReplayRow = Side & {
  readonly at: string;
  readonly arm: string;
  readonly repeat: number;
  readonly tenant: string;
  readonly route: string;
  readonly replay_of: string;
};

/** A page of recorded requests beside their replays in a run, with scores. */
export async function pairs(reader: Reader, id: string, query: QueryOf<'listPairs'>, scope: ReadScope): Promise<RowPage<Pair>> {
  const where = all(
    condition('run_id = {run: String}', { run: id }),
    inTenants(scope.tenants),
    equals('arm', 'arm', query.arm),
    olderThan(query.after, 'ts', 'request_id', 'UUID'),
  );
  const rows = await reader.select<ReplayRow>(
    `SELECT ${sideColumns}, ts AS at, arm, repeat_no AS repeat, tenant_id AS tenant, route, replay_of FROM requests
WHERE ${where.sql} ORDER BY ts DESC, request_id DESC LIMIT 1 BY request_id LIMIT {rows: UInt32}`,
    { ...where.params, rows: query.limit + 1 },
    scope,
  );
  const [originals, verdicts] = await Promise.all([originalsOf(reader, rows, scope), verdictsOf(reader, rows, scope)]);
  return pageOf(
    rows,
    query.limit,
    row => [Date.parse(row.at), row.id],
    ({ at: _, arm, repeat, tenant, route, replay_of, ...replayed }) => ({
      ...{ arm, repeat, tenant, route, replayed },
      recorded: originals.get(replay_of) ?? null,
      verdict: verdicts.get(replayed.id) ?? null,
    }),
  );
}

async function originalsOf(reader: Reader, rows: readonly ReplayRow[], scope: ReadScope): Promise<ReadonlyMap<string, Side>> {
  const ids = [...new Set(rows.map(({ replay_of }) => replay_of))].filter(id => timeOfExchangeId(id) !== undefined);
  if (ids.length === 0) return new Map();
  const times = ids.map(id => timeOfExchangeId(id)!);
  const where = all(
    condition('request_id IN {ids: Array(UUID)}', { ids }),
    inTenants(scope.tenants),
    condition('ts BETWEEN fromUnixTimestamp64Milli({first: Int64}) AND fromUnixTimestamp64Milli({last: Int64})', {
      first: Math.min(...times) - 1_000,
      last: Math.max(...times) + 1_000,
    }),
  );
  const found = await reader.select<Side>(
    `SELECT ${sideColumns} FROM requests WHERE ${where.sql} LIMIT 1 BY request_id LIMIT 1001`,
    where.params,
    scope,
  );
  return new Map(found.map(row => [row.id, row]));
}

/** One half is what a judge says who changes its mind with the order of the answers. */
async function verdictsOf(reader: Reader, rows: readonly ReplayRow[], scope: ReadScope): Promise<ReadonlyMap<string, Pair['verdict']>> {
  if (rows.length === 0) return new Map();
  const found = await reader.select<{ id: string; score: number }>(
    `SELECT toString(request_id) AS id, avg(value) AS score FROM scores FINAL WHERE name = 'equivalent' AND request_id IN {ids: Array(UUID)} GROUP BY id`,
    { ids: rows.map(({ id }) => id) },
    scope,
  );
  return new Map(found.map(({ id, score }) => [id, score > 0.5 ? 'equivalent' : score < 0.5 ? 'different' : 'undecided']));
}

/** A page of audit entries, newest first. */
export async function audit(reader: Reader, query: AuditQuery, scope: ReadScope): Promise<RowPage<AuditRow>> {
  const now = Date.now();
  const where = all(
    inTenants(scope.tenants),
    since('ts', query.since, now),
    until('ts', query.until, now),
    equals('actor', 'actor', query.actor),
    equals('action', 'action', query.action),
    olderThan(query.after, 'ts', 'seq', 'UInt64'),
  );
  const rows = await reader.select<AuditRow & { readonly detail: string }>(
    `SELECT ts AS at, actor, action, tenant_id AS tenant, subject, detail, chain, seq, hash FROM audit
WHERE ${where.sql} ORDER BY ts DESC, seq DESC LIMIT 1 BY chain, seq, ts, actor, subject LIMIT {rows: UInt32}`,
    { ...where.params, rows: query.limit + 1 },
    scope,
  );
  return pageOf(
    rows,
    query.limit,
    row => [Date.parse(row.at), row.seq],
    row => ({ ...row, detail: row.detail === '' ? null : JSON.parse(row.detail) }),
  );
}
