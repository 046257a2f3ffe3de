/** Selects recorded requests in the store, and loads them with their responses and replays. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { oneCondition } from '../../recorder/store/condition.ts';
import type { Store } from '../../recorder/store/store.ts';
import { type Answer, contentOf, readAnswer } from './answer.ts';
import { loadAttempts, type RecordedAttempt } from './attempts.ts';
import { wireProviderOf } from './dialects.ts';

/** Conditions on recorded requests; undefined ones select all. Replays are never selected. */
export interface Selection {
  readonly since?: Instant;
  readonly until?: Instant;
  /** The caller's `model`: a route, a target or a model. */
  readonly model?: string;
  readonly route?: string;
  readonly tenant?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** A condition on the table `requests`, in SQL. */
  readonly where?: string;
  /** The columns or tags that form the strata of the sample. */
  readonly stratify: readonly string[];
  readonly excludeRedacted: boolean;
  /** The maximum number, most recent first. */
  readonly limit: number;
}

/** A request without its bytes: enough to draw a sample. */
export interface Candidate {
  readonly id: string;
  readonly receivedAt: Instant;
  readonly conversation: string;
  /** Equal for requests with equal bodies on the same route. */
  readonly prompt: string;
  readonly stratum: string;
  /** The recorded cost; absent when unknown. */
  readonly costNanoUsd?: NanoUsd;
}

export interface RecordedRequest {
  readonly id: string;
  readonly receivedAt: Instant;
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly conversation: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly dialect: string;
  readonly stream: boolean;
  readonly route: string;
  /** The caller's JSON. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: Answer;
  /** The parent span of its replay; absent without one, as for files. */
  readonly trace?: { readonly traceId: string; readonly spanId: string };
  /** How many requests of the selection this one stands for; 1 when absent. */
  readonly weight?: number;
  /** Its bytes were redacted or cut, so they are not the caller's request. */
  readonly redacted?: boolean;
  /** Its attempts in order; absent when they were not loaded. */
  readonly attempts?: readonly RecordedAttempt[];
}

interface Row {
  readonly request_id: string;
  readonly received_ms: number;
  readonly tenant_id: string;
  readonly project_id: string;
  readonly end_user: string;
  readonly conversation_id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly dialect: string;
  readonly stream: boolean;
  readonly route: string;
  readonly target: string;
  readonly outcome: string;
  readonly finish_reason: string;
  readonly latency_ms: number;
  readonly ttft_ms: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  readonly escalations: number;
  readonly cost_nano: number;
  readonly price_id: string;
  readonly request_body: string;
  readonly response_body: string;
  readonly request_headers: Readonly<Record<string, string>>;
  readonly redacted: boolean;
  readonly trace_id: string;
  readonly span_id: string;
}

/** The columns of a RecordedRequest. */
const columns = `
  toString(r.request_id) AS request_id, toUnixTimestamp64Milli(r.ts) AS received_ms, r.tenant_id AS tenant_id, r.project_id AS project_id,
  r.end_user AS end_user, r.conversation_id AS conversation_id, r.tags AS tags, r.dialect AS dialect, r.stream AS stream, r.route AS route,
  concat(r.provider, '/', r.model) AS target, CAST(r.outcome, 'String') AS outcome, r.finish_reason AS finish_reason, r.latency_ms AS latency_ms,
  r.ttft_ms AS ttft_ms, r.input_tokens AS input_tokens, r.output_tokens AS output_tokens, toFloat64(r.cost_usd) * 1000000000 AS cost_nano,
  r.price_id AS price_id, p.request_body AS request_body, p.response_body AS response_body, p.request_headers AS request_headers,
  r.cached_tokens AS cached_tokens, r.reasoning_tokens AS reasoning_tokens, r.escalations AS escalations, (p.redactions > 0 OR p.truncated) AS redacted,
  r.trace_id AS trace_id, r.span_id AS span_id`;

const fromClause = `
FROM requests AS r
INNER JOIN payloads AS p ON p.tenant_id = r.tenant_id AND p.request_id = r.request_id`;

/** The selected requests in order of arrival. Passed-through requests are left out: replay cannot re-send them. */
export async function selectCandidates(store: Store, selection: Selection): Promise<readonly Candidate[]> {
  const conditions = ["run_id = ''", "dialect != 'passthrough'"];
  const params: Record<string, unknown> = { limit: selection.limit };
  const equal = (column: string, name: string, value: unknown): void => {
    if (value === undefined) return;
    conditions.push(`${column} = {${name}: String}`);
    params[name] = value;
  };
  const bound = (operator: string, name: string, at: Instant | undefined): void => {
    if (at === undefined) return;
    conditions.push(`ts ${operator} fromUnixTimestamp64Milli({${name}: Int64})`);
    params[name] = Math.floor(at);
  };
  bound('>=', 'since', selection.since);
  bound('<', 'until', selection.until);
  equal('requested_model', 'model', selection.model);
  equal('route', 'route', selection.route);
  equal('tenant_id', 'tenant', selection.tenant);
  for (const [i, [tag, value]] of Object.entries(selection.tags).entries()) {
    conditions.push(`tags[{tag${i}: String}] = {tag${i}_value: String}`);
    Object.assign(params, { [`tag${i}`]: tag, [`tag${i}_value`]: value });
  }
  if (selection.where !== undefined) conditions.push(oneCondition(selection.where));
  const strata = selection.stratify.map((name, i) => {
    const column = Object.hasOwn(strataColumns, name) ? strataColumns[name]! : `tags[{stratum${i}: String}]`;
    params[`stratum${i}`] = name;
    return `toString(${column})`;
  });
  // A request without its bytes cannot be re-sent.
  const redacted = selection.excludeRedacted ? ' AND redactions = 0 AND NOT truncated' : '';
  const rows = await store.select<{
    id: string;
    received_ms: number;
    conversation: string;
    prompt: string;
    stratum: readonly string[];
    cost: number;
  }>(
    `SELECT toString(request_id) AS id, toUnixTimestamp64Milli(ts) AS received_ms, conversation_id AS conversation,
  concat(toString(body_hash), ' ', route) AS prompt, [${strata.join(', ')}]::Array(String) AS stratum, toFloat64(cost_usd) * 1000000000 AS cost
FROM requests INNER JOIN (
  SELECT toString(request_id) AS kept_id, cityHash64(request_body) AS body_hash FROM payloads WHERE run_id = '' AND attempt_no = 0${redacted} LIMIT 1 BY kept_id
) AS kept ON toString(requests.request_id) = kept_id
WHERE ${conditions.join(' AND ')}
ORDER BY ts DESC LIMIT 1 BY request_id LIMIT {limit: UInt64}`,
    params,
  );
  return rows
    .map(row => ({ ...row, receivedAt: Number(row.received_ms), stratum: row.stratum.join(' · '), costNanoUsd: row.cost }))
    .sort((x, y) => x.receivedAt - y.receivedAt || (x.id < y.id ? -1 : 1));
}

/** The columns that `--stratify` accepts beside tags. */
const strataColumns: Readonly<Record<string, string>> = {
  tenant: 'tenant_id',
  project: 'project_id',
  user: 'end_user',
  model: 'requested_model',
  route: 'route',
  target: "concat(provider, '/', model)",
  tier: 'escalations',
  dialect: 'dialect',
  stream: 'stream',
  outcome: 'outcome',
  conversation: 'conversation_id',
};

/** The requests of these ids with their attempts, in order of arrival. Deleted ones are left out. */
export async function loadRequests(store: Store, ids: readonly string[]): Promise<readonly RecordedRequest[]> {
  const found: RecordedRequest[] = [];
  for (let i = 0; i < ids.length; i += idsPerQuery) {
    const part = ids.slice(i, i + idsPerQuery);
    const rows = await store.select<Row>(
      `SELECT ${columns} ${fromClause} WHERE r.run_id = '' AND r.request_id IN {ids: Array(UUID)} AND p.request_id IN {ids: Array(UUID)} AND p.attempt_no = 0 LIMIT 1 BY r.request_id`,
      { ids: part },
    );
    const attempts = await loadAttempts(store, part);
    for (const row of rows) found.push(recordedRequest(row, attempts.get(row.request_id) ?? []));
  }
  return found.sort((x, y) => x.receivedAt - y.receivedAt || (x.id < y.id ? -1 : 1));
}

/** All requests in the conversations of these requests. */
export async function loadConversations(store: Store, requests: readonly RecordedRequest[]): Promise<readonly RecordedRequest[]> {
  const conversations = [...new Set(requests.map(({ conversation }) => conversation).filter(id => id !== ''))];
  const ids: string[] = [];
  for (let i = 0; i < conversations.length; i += idsPerQuery) {
    const rows = await store.select<{ id: string }>(
      "SELECT DISTINCT toString(request_id) AS id FROM requests WHERE run_id = '' AND conversation_id IN {conversations: Array(String)}",
      { conversations: conversations.slice(i, i + idsPerQuery) },
    );
    for (const { id } of rows) ids.push(id);
  }
  return loadRequests(store, ids);
}

/** A request and its replay: one per arm and repeat, the last one where it was re-sent. */
export interface ReplayedRequest {
  readonly arm: string;
  readonly repeat: number;
  readonly original: RecordedRequest;
  readonly replay: RecordedRequest;
}

export interface PairQuery {
  /** Requests that the store does not hold, by id. */
  readonly originals?: ReadonlyMap<string, RecordedRequest>;
  readonly since?: Instant;
}

/** The pairs of a run: each replayed request with its original. */
export async function loadPairs(
  store: Store,
  run: string,
  { originals = new Map(), since = 0 }: PairQuery = {},
): Promise<readonly ReplayedRequest[]> {
  const rows = await store.select<Row & { readonly arm: string; readonly replay_of: string; readonly repeat_no: number }>(
    `SELECT ${columns}, r.arm AS arm, r.replay_of AS replay_of, r.repeat_no AS repeat_no ${fromClause}
WHERE r.run_id = {run: String} AND p.run_id = {run: String} AND p.attempt_no = 0 AND r.ts >= fromUnixTimestamp64Milli({since: Int64})
ORDER BY r.ts DESC LIMIT 1 BY r.arm, r.replay_of, r.repeat_no`,
    { run, since: Math.floor(since) },
  );
  const ids = [...new Set(rows.map(row => row.replay_of))].filter(id => isUuid(id) && !originals.has(id));
  const known = new Map([...originals, ...(await loadRequests(store, ids)).map(one => [one.id, one] as const)]);
  const attempts = await loadAttempts(
    store,
    rows.map(row => row.request_id),
  );
  return rows.flatMap(row => {
    const original = known.get(row.replay_of);
    const replay = recordedRequest(row, attempts.get(row.request_id) ?? []);
    return original ? [{ arm: row.arm, repeat: row.repeat_no, original, replay }] : [];
  });
}

const isUuid = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);

const idsPerQuery = 500;

function recordedRequest(row: Row, attempts: readonly RecordedAttempt[]): RecordedRequest {
  return {
    id: row.request_id,
    receivedAt: Number(row.received_ms),
    tenant: row.tenant_id,
    project: row.project_id,
    user: row.end_user,
    conversation: row.conversation_id,
    tags: row.tags,
    dialect: row.dialect,
    stream: row.stream,
    route: row.route,
    body: row.request_body,
    headers: row.request_headers,
    answer: answerOf(row, attempts),
    attempts,
    ...(row.redacted ? { redacted: true } : {}),
    ...(row.trace_id === '' ? {} : { trace: { traceId: row.trace_id, spanId: row.span_id } }),
  };
}

type AnswerUsage = Pick<RecordedAttempt, 'inputTokens' | 'outputTokens' | 'cachedTokens' | 'reasoningTokens' | 'signals'>;

/** Tokens are those of the accepted response. Tokens of declined and failed attempts count only in the cost. */
function answerOf(row: Row, attempts: readonly RecordedAttempt[]): Answer {
  const wire = wireProviderOf(row.dialect);
  const response = wire ? readAnswer(wire, row.stream, Buffer.from(row.response_body)) : undefined;
  const usage: AnswerUsage = attempts.findLast(attempt => attempt.accepted) ?? {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cachedTokens: row.cached_tokens,
    reasoningTokens: row.reasoning_tokens,
    signals: {},
  };
  return {
    outcome: row.outcome,
    target: row.target,
    ...(response ? contentOf(response) : { text: '', toolCalls: [] }),
    finish: row.finish_reason,
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cachedTokens: usage.cachedTokens,
    reasoningTokens: usage.reasoningTokens,
    escalations: row.escalations,
    ...(row.price_id === '' ? {} : { costNanoUsd: Math.round(row.cost_nano) }),
    latencyMs: row.latency_ms,
    ...(row.ttft_ms === 0 ? {} : { firstTokenMs: row.ttft_ms }),
    ...(usage.signals.schema_valid === undefined ? {} : { schemaValid: usage.signals.schema_valid === 1 }),
  };
}
