/** The queries of eval, and their rows. */
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Store } from '../../recorder/store/store.ts';

export interface OriginalRow {
  readonly id: string;
  readonly conversation_id: string;
  /** Unix milliseconds. */
  readonly at: number | string;
  readonly config_hash: string;
  readonly dialect: string;
  readonly stream: boolean;
  readonly outcome: string;
  readonly error_type: string;
  readonly latency_ms: number;
  readonly ttft_ms: number;
  readonly cost_nano: number | string;
  readonly price_id: string;
  readonly confidence: number | null;
  readonly tenant_id: string;
  readonly route: string;
  readonly project_id: string;
  readonly end_user: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AttemptRow {
  /** The original request. */
  readonly item: string;
  /** The exchange that the attempt belongs to: the original, or its replay. */
  readonly exchange: string;
  readonly run_id: string;
  readonly repeat_no: number;
  readonly attempt_no: number;
  readonly target: string;
  readonly provider: string;
  readonly duration_ms: number;
  readonly ttft_ms: number;
  readonly outcome: string;
  readonly error_type: string;
  readonly accepted: boolean;
  readonly cost_nano: number | string;
  readonly price_id: string;
  readonly signals: Readonly<Record<string, number>>;
  readonly served_model: string;
  readonly audit_probability: number;
}

/** A row of `replay_results`: a replay's outcome as a whole, or an imported one. */
export interface ResultRow {
  readonly item: string;
  readonly run_id: string;
  readonly arm: string;
  readonly exchange: string;
  readonly cluster: string;
  readonly outcome: string;
  readonly error_type: string;
  readonly latency_ms: number;
  readonly ttft_ms: number;
  readonly cost_nano: number | string;
  readonly price_id: string;
  readonly signals: Readonly<Record<string, number>>;
  readonly scores: Readonly<Record<string, number>>;
}

export interface RunRow {
  readonly run_id: string;
  readonly kind: string;
  readonly name: string;
  readonly arms: readonly string[];
  readonly state: string;
  readonly cost_usd: number | string;
  readonly seconds: number | string;
  readonly done: number | string;
  readonly failed: number | string;
}

/** Whole nano-dollars. In the column's own type the product would overflow at a tenth of a cent. */
const nano = (column: string): string => `toInt64(toDecimal128(${column}, 12) * 1000000000)`;

/** Ids in one query. */
export const idsPerQuery = 500;

/** The things in slices of at most `size`. */
export function* chunks<Thing>(things: readonly Thing[], size = idsPerQuery): Iterable<readonly Thing[]> {
  for (let i = 0; i < things.length; i += size) yield things.slice(i, i + size);
}

/** The gateway's own sampled runs: audits of early responses by the last target, and shadows of a route. */
export const samplingRuns: readonly string[] = ['audit', 'shadow'];

/** Newest first. */
export const selectRuns = (store: Store): Promise<RunRow[]> =>
  store.select<RunRow>(
    "SELECT run_id, kind, name, arms, state, toFloat64(cost_usd) AS cost_usd, dateDiff('second', created_at, ifNull(finished_at, created_at)) AS seconds, done, failed FROM runs FINAL WHERE kind IN ('replay', 'import') ORDER BY created_at DESC, run_id DESC LIMIT 1000",
  );

const sampledConfigurations = `SELECT route, config_hash FROM requests
WHERE run_id = '' AND toString(request_id) IN (SELECT replay_of FROM requests WHERE run_id IN {copies: Array(String)})`;

/** The most recent originals that some target answered, live or in one of the runs; only those in a run when `onlyRuns`. */
export function selectOriginals(
  store: Store,
  query: {
    readonly targets: readonly string[];
    readonly runs: readonly string[];
    readonly onlyRuns: boolean;
    /** Runs of copies: only requests of routes and configurations that some of them were drawn from. */
    readonly drawnFrom?: readonly string[];
    readonly since?: Instant;
    readonly item?: string;
    /** Requests of this route alone. */
    readonly route?: string;
    readonly limit: number;
  },
): Promise<OriginalRow[]> {
  const live = "SELECT toString(request_id) FROM attempts WHERE run_id = '' AND target IN {targets: Array(String)}";
  const replayed = "SELECT replay_of FROM requests WHERE run_id IN {runs: Array(String)} AND replay_of != ''";
  const since = query.since === undefined ? '' : 'AND ts >= fromUnixTimestamp64Milli({since: Int64})';
  const item = query.item === undefined ? '' : 'AND toString(request_id) = {item: String}';
  const route = query.route === undefined ? '' : 'AND route = {route: String}';
  const drawn = query.drawnFrom === undefined ? '' : `AND (route, config_hash) IN (${sampledConfigurations})`;
  return store.select<OriginalRow>(
    `SELECT toString(request_id) AS id, toUnixTimestamp64Milli(ts) AS at, config_hash, conversation_id, dialect, stream, CAST(outcome, 'String') AS outcome, error_type, latency_ms, ttft_ms,
  ${nano('cost_usd')} AS cost_nano, price_id, confidence,
  tenant_id, route, project_id, end_user, tags
FROM requests
WHERE run_id = '' ${since} ${item} ${route} ${drawn} AND toString(request_id) IN (${query.onlyRuns ? replayed : `${live} UNION DISTINCT ${replayed}`})
ORDER BY ts DESC LIMIT 1 BY request_id LIMIT {limit: UInt64}`,
    {
      ...{ targets: query.targets, runs: query.runs, copies: query.drawnFrom ?? [] },
      ...{ since: Math.floor(query.since ?? 0), item: query.item ?? '', route: query.route ?? '', limit: query.limit },
    },
  );
}

export interface LiveRow {
  readonly id: string;
  /** '' for a request that stands alone. */
  readonly conversation: string;
  /** Milliseconds since 1970. */
  readonly at: number | string;
}

/** The route's live requests for which some target was called, in the order of their time, of conversations that started at `from` or later. */
export const selectLive = (
  store: Store,
  query: { readonly route: string; readonly targets: readonly string[]; readonly from: Instant },
): Promise<LiveRow[]> =>
  store.select<LiveRow>(
    `SELECT toString(request_id) AS id, conversation_id AS conversation, toUnixTimestamp64Milli(ts) AS at
FROM requests
WHERE run_id = '' AND route = {route: String} AND ts >= fromUnixTimestamp64Milli({from: Int64})
  AND request_id IN (SELECT request_id FROM attempts WHERE run_id = '' AND target IN {targets: Array(String)} AND ts >= fromUnixTimestamp64Milli({from: Int64}))
  AND (conversation_id = '' OR conversation_id NOT IN (
    SELECT conversation_id FROM requests WHERE run_id = '' AND route = {route: String} AND conversation_id != '' AND ts < fromUnixTimestamp64Milli({from: Int64})))
ORDER BY ts, request_id LIMIT 1 BY request_id`,
    { route: query.route, targets: query.targets, from: Math.floor(query.from) },
  );

const attemptColumns = `toString(a.request_id) AS exchange, a.attempt_no AS attempt_no, a.target AS target, a.provider AS provider,
  a.duration_ms AS duration_ms, a.ttft_ms AS ttft_ms, a.outcome AS outcome, a.error_type AS error_type, a.accepted AS accepted,
  ${nano('a.cost_usd')} AS cost_nano, a.price_id AS price_id, a.signals AS signals, a.served_model AS served_model, a.audit_probability AS audit_probability`;

/**
 * Of all configurations that were audited, so that the coin below it gives every request the same chance: audits fall by one coin, a
 * greater share upon all that a lesser one falls upon.
 */
export async function minAuditProbability(store: Store, targets: readonly string[]): Promise<number> {
  const [row] = await store.select<{ readonly chance: number }>(
    "SELECT min(audit_probability) AS chance FROM attempts WHERE run_id = 'audit' AND audit_probability > 0 AND target IN {targets: Array(String)}",
    { targets },
  );
  return row && row.chance > 0 ? row.chance : 1;
}

/**
 * Every attempt at one of the targets, in the originals and in their replays of these runs. Weighted ones are called once
 * their copy was drawn, as first steps are; whether a copy escalated is another chance.
 */
export async function selectAttempts(
  store: Store,
  ids: readonly string[],
  targets: readonly string[],
  { runs, weighs }: { readonly runs: readonly string[]; readonly weighs: boolean },
): Promise<AttemptRow[]> {
  const live = await store.select<AttemptRow>(
    `SELECT toString(a.request_id) AS item, '' AS run_id, 0 AS repeat_no, ${attemptColumns}
FROM attempts AS a
WHERE a.run_id = '' AND a.kind != 'judge' AND a.target IN {targets: Array(String)} AND a.request_id IN {ids: Array(UUID)}
LIMIT 1 BY exchange, attempt_no`,
    { ids, targets },
  );
  if (runs.length === 0) return live;
  const replayed = await store.select<AttemptRow>(
    `SELECT r.replay_of AS item, r.run_id AS run_id, r.repeat_no AS repeat_no, ${attemptColumns}
FROM attempts AS a INNER JOIN requests AS r ON r.tenant_id = a.tenant_id AND r.request_id = a.request_id
WHERE a.run_id IN {runs: Array(String)} AND r.run_id IN {runs: Array(String)} AND a.kind != 'judge' AND a.target IN {targets: Array(String)}
  AND r.replay_of IN {ids: Array(String)} ${weighs ? "AND (a.step = 0 OR a.run_id NOT IN ('audit', 'shadow'))" : ''}
LIMIT 1 BY exchange, attempt_no`,
    { ids, targets, runs },
  );
  return [...live, ...replayed];
}

/** What came of whole arms. `ids` undefined takes all items of the runs. */
export const selectResults = (
  store: Store,
  runs: readonly string[],
  arms: readonly string[],
  ids?: readonly string[],
): Promise<ResultRow[]> =>
  store.select<ResultRow>(
    `SELECT request_id AS item, run_id, arm, replay_id AS exchange, cluster, outcome, error_type, latency_ms, ttft_ms,
  ${nano('cost_usd')} AS cost_nano, price_id, signals, scores
FROM replay_results FINAL
WHERE run_id IN {runs: Array(String)} AND arm IN {arms: Array(String)} AND repeat_no = 0 ${ids ? 'AND request_id IN {ids: Array(String)}' : ''}`,
    { runs, arms, ids: ids ?? [] },
  );

export interface ScoreRow {
  readonly exchange: string;
  readonly source: string;
  readonly score: number;
}

/** A caller may give feedback for its own tenant's requests only. */
export const selectScores = (store: Store, exchanges: readonly string[], name: string): Promise<ScoreRow[]> =>
  store.select<ScoreRow>(
    `SELECT toString(request_id) AS exchange, CAST(source, 'String') AS source, avg(value) AS score
FROM scores FINAL
WHERE name = {name: String} AND request_id IN {ids: Array(UUID)}
  AND (source != 'client' OR (tenant_id, request_id) IN (SELECT tenant_id, request_id FROM requests WHERE request_id IN {ids: Array(UUID)}))
GROUP BY exchange, source`,
    { ids: exchanges, name },
  );

export interface BodyRow {
  readonly exchange: string;
  readonly attempt_no: number;
  readonly response_body: string;
}

/** What providers sent (from attempt 1) or callers were sent (0); bodies that were cut or redacted are not among them. */
export const selectBodies = (store: Store, exchanges: readonly string[]): Promise<BodyRow[]> =>
  store.select<BodyRow>(
    `SELECT toString(request_id) AS exchange, attempt_no, response_body FROM payloads
WHERE request_id IN {ids: Array(UUID)} AND NOT truncated AND redactions = 0 LIMIT 1 BY exchange, attempt_no`,
    { ids: exchanges },
  );
