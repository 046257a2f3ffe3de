/** Exchanges, attempts, payloads and labels out of the store, in the shapes of the admin API. */
import type { Attempt, ExchangeDetail, ExchangeSummary, ExchangesQuery, Payload } from '../../gateway/admin/api/exchanges.ts';
import type { AnswerOf, QueryOf } from '../../gateway/admin/api/table.ts';
import type { ReadScope, RowPage } from '../../gateway/admin/records.ts';
import { timeOfExchangeId } from '../../gateway/settings/ids.ts';
import { all, type Condition, condition, equals, hasTag, hasText, inTenants, olderThan, pageOf, since, until } from './conditions.ts';
import type { Reader } from './reader.ts';

const cost = "if(price_id = '' AND usage_source != 'none', NULL, cost_usd)";

const summaryColumns = `toString(request_id) AS id, ts AS received_at, tenant_id AS tenant, project_id AS project, api_key_id AS key,
end_user AS user, conversation_id AS conversation, route, variant, operation, dialect, requested_model, provider, model, stream,
status_code AS status, toString(outcome) AS outcome, error_type, finish_reason, attempts, fallbacks, escalations, hedged, confidence,
latency_ms, nullIf(ttft_ms, 0) AS ttft_ms, input_tokens, cached_tokens, output_tokens, reasoning_tokens, ${cost} AS cost_usd,
toString(cache_status) AS cache, tags`;

const detailColumns = `${summaryColumns}, trace_id, caller_request_id, config_hash, response_model, error_message, upstream_ms, overhead_us,
queued_ms, held_ms, saved_usd, price_id, toString(usage_source) AS usage_source, request_bytes, response_bytes, delivered_sha256, delivered_events,
toString(payload_state) AS payload_state, run_id AS run, arm, replay_of, warnings, flags, policy, events`;

const attemptColumns = `attempt_no AS number, toString(kind) AS kind, step, reason, target, provider, model, served_model, credential,
status_code AS status, outcome, error_type, error_message, finish_reason, provider_request_id, accepted, confidence, signals, started_ms,
nullIf(ttfb_ms, 0) AS ttfb_ms, nullIf(ttft_ms, 0) AS ttft_ms, duration_ms, chunks, request_bytes, response_bytes, input_tokens, cached_tokens,
output_tokens, reasoning_tokens, ${cost} AS cost_usd, price_id, warnings, flags`;

/** A page of exchanges, newest first. `next` continues it. */
export async function exchanges(reader: Reader, query: ExchangesQuery, scope: ReadScope): Promise<RowPage<ExchangeSummary>> {
  const now = Date.now();
  const window = all(inTenants(scope.tenants), since('ts', query.since, now), until('ts', query.until, now));
  const where = all(window, olderThan(query.after, 'ts', 'request_id', 'UUID'), ...filters(query), hasText(query.text, window));
  const rows = await reader.select<ExchangeSummary>(
    `SELECT ${summaryColumns} FROM requests WHERE ${where.sql} ORDER BY ${orders[query.sort]} LIMIT 1 BY request_id LIMIT {rows: UInt32}`,
    { ...where.params, rows: query.limit + 1 },
    scope,
  );
  if (query.sort !== 'time') return { data: rows.slice(0, query.limit), next: null };
  return pageOf(
    rows,
    query.limit,
    row => [Date.parse(row.received_at), row.id],
    row => row,
  );
}

const orders: Readonly<Record<ExchangesQuery['sort'], string>> = {
  time: 'ts DESC, request_id DESC',
  cost: 'requests.cost_usd DESC, ts DESC',
  latency: 'latency_ms DESC, ts DESC',
};

const filters = (query: ExchangesQuery): readonly (Condition | undefined)[] => [
  condition('run_id = {run: String}', { run: query.run ?? '' }),
  equals('route', 'route', query.route),
  query.model === undefined ? undefined : condition('model = {model: String} OR requested_model = {model: String}', { model: query.model }),
  equals('provider', 'provider', query.provider),
  equals('tenant_id', 'tenant', query.tenant),
  equals('project_id', 'project', query.project),
  equals('api_key_id', 'key', query.key),
  equals('end_user', 'user', query.user),
  equals('conversation_id', 'conversation', query.conversation),
  equals('toString(outcome)', 'outcome', query.outcome),
  equals('error_type', 'error_type', query.error_type),
  hasTag(query.tag),
  query.min_cost_usd === undefined
    ? undefined
    : condition("toFloat64(cost_usd) >= {min_cost: Float64} AND (price_id != '' OR usage_source = 'none' OR {min_cost: Float64} = 0)", {
        min_cost: query.min_cost_usd,
      }),
  query.min_latency_ms === undefined ? undefined : condition('latency_ms >= {min_latency: Float64}', { min_latency: query.min_latency_ms }),
];

/** A UUIDv7 tells when its exchange arrived, and so which part of a table has it. */
function ofExchange(id: string, tenants: readonly string[] | undefined): Condition {
  const at = timeOfExchangeId(id);
  const near = 'ts BETWEEN fromUnixTimestamp64Milli({near: Int64} - 1000) AND fromUnixTimestamp64Milli({near: Int64} + 1000)';
  return all(
    condition('request_id = {id: UUID}', { id }),
    inTenants(tenants),
    at === undefined ? undefined : condition(near, { near: at }),
  );
}

/** The exchange's tenant; undefined when there is no such exchange or the scope may not see it. */
export async function tenantOf(reader: Reader, id: string, scope: ReadScope): Promise<string | undefined> {
  const where = ofExchange(id, scope.tenants);
  const rows = await reader.select<{ tenant_id: string }>(`SELECT tenant_id FROM requests WHERE ${where.sql} LIMIT 1`, where.params, scope);
  return rows[0]?.tenant_id;
}

/** One exchange with its attempts and scores; undefined when there is none or the scope may not see it. */
export async function exchange(reader: Reader, id: string, scope: ReadScope): Promise<ExchangeDetail | undefined> {
  const where = ofExchange(id, scope.tenants);
  type Row = Omit<ExchangeDetail, 'attempt_list' | 'scores'> & { readonly policy: string; readonly events: string };
  const [[found], attempts, scores] = await Promise.all([
    reader.select<Row>(`SELECT ${detailColumns} FROM requests WHERE ${where.sql} LIMIT 1`, where.params, scope),
    reader.select<Attempt>(
      `SELECT ${attemptColumns} FROM attempts WHERE ${where.sql} ORDER BY number LIMIT 1 BY number LIMIT 255`,
      where.params,
      scope,
    ),
    reader.select<ExchangeDetail['scores'][number]>(
      `SELECT name, toString(source) AS source, value, label, explanation, evaluator FROM scores FINAL WHERE ${where.sql} ORDER BY name, evaluator LIMIT 1000`,
      where.params,
      scope,
    ),
  ]);
  return found && { ...found, policy: parsed(found.policy), events: parsed(found.events), attempt_list: attempts, scores };
}

const parsed = (text: string): unknown => (text === '' ? null : JSON.parse(text));

interface PayloadRow {
  readonly request: string;
  readonly response: string;
  readonly request_headers: Record<string, string>;
  readonly stream_timing: string;
  readonly redactions: number;
  readonly truncated: boolean;
}

/** Request and response of an attempt, 0 for the caller's own: as text, or base64 where a body is no UTF-8. Undefined when not kept. */
export async function payload(reader: Reader, id: string, attempt: number, scope: ReadScope): Promise<Payload | undefined> {
  const where = all(ofExchange(id, scope.tenants), condition('attempt_no = {attempt: UInt8}', { attempt }));
  const [row] = await reader.select<PayloadRow>(
    `SELECT base64Encode(request_body) AS request, base64Encode(response_body) AS response, request_headers, stream_timing, redactions, truncated
FROM payloads WHERE ${where.sql} LIMIT 1`,
    where.params,
    scope,
  );
  if (!row) return undefined;
  const { request, response, stream_timing, ...rest } = row;
  const texts = [request, response].map(asText);
  const isText = texts.every(text => text !== undefined);
  return {
    ...{ id, attempt, ...rest, encoding: isText ? 'utf8' : 'base64' },
    request: isText ? texts[0]! : request,
    response: isText ? texts[1]! : response,
    chunks: (stream_timing === '' ? [] : JSON.parse(stream_timing)) as [number, number][],
  };
}

/** Undefined for bytes that are no UTF-8. */
function asText(base64: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

type LabelRow = AnswerOf<'listLabels'>['data'][number];

/** A page of labels by people, newest first. */
export async function labels(reader: Reader, query: QueryOf<'listLabels'>, scope: ReadScope): Promise<RowPage<LabelRow>> {
  const where = all(
    condition("source = 'human'"),
    inTenants(scope.tenants),
    equals('name', 'name', query.name),
    query.exchange === undefined ? undefined : condition('request_id = {exchange: UUID}', { exchange: query.exchange }),
    olderThan(query.after, 'ts', 'score_id', 'UUID'),
  );
  const rows = await reader.select<LabelRow & { readonly score_id?: string }>(
    `SELECT toString(request_id) AS exchange, ts AS received_at, tenant_id AS tenant, name, value, evaluator, explanation, toString(score_id) AS score_id
FROM scores FINAL WHERE ${where.sql} ORDER BY ts DESC, scores.score_id DESC LIMIT {rows: UInt32}`,
    { ...where.params, rows: query.limit + 1 },
    scope,
  );
  return pageOf(
    rows,
    query.limit,
    row => [Date.parse(row.received_at), row.score_id!],
    ({ score_id: _, ...row }) => row,
  );
}
