/** Which recorded requests are asked again, and what is known of them. */
import type { Instant } from '../gateway/core/time.ts';
import type { Store } from '../recorder/store.ts';
import { contentOf, readAnswer } from './answer.ts';
import { wireOf } from './dialects.ts';
import type { Answer } from './diff.ts';

/** Undefined selects all. Replays are never selected. */
export interface Selection {
  readonly since?: Instant;
  readonly until?: Instant;
  /** As the caller wrote it: a route, a target, a model. */
  readonly model?: string;
  readonly route?: string;
  readonly tenant?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The most recent so many. */
  readonly limit: number;
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
  readonly cost_nano: number;
  readonly price_id: string;
  readonly request_body: string;
  readonly response_body: string;
  readonly request_headers: Readonly<Record<string, string>>;
}

/** A row of `requests` and its caller's bytes, as an Answer needs them. */
const columns = `
  toString(r.request_id) AS request_id, toUnixTimestamp64Milli(r.ts) AS received_ms, r.tenant_id AS tenant_id, r.project_id AS project_id,
  r.end_user AS end_user, r.conversation_id AS conversation_id, r.tags AS tags, r.dialect AS dialect, r.stream AS stream, r.route AS route,
  concat(r.provider, '/', r.model) AS target, CAST(r.outcome, 'String') AS outcome, r.finish_reason AS finish_reason, r.latency_ms AS latency_ms,
  r.ttft_ms AS ttft_ms, r.input_tokens AS input_tokens, r.output_tokens AS output_tokens, toFloat64(r.cost_usd) * 1000000000 AS cost_nano,
  r.price_id AS price_id, p.request_body AS request_body, p.response_body AS response_body, p.request_headers AS request_headers`;

const joined = `
FROM requests AS r
INNER JOIN payloads AS p ON p.tenant_id = r.tenant_id AND p.request_id = r.request_id`;

/** In order of arrival. An exchange without a payload is not among them: nothing is left to ask. */
export async function* select(store: Store, selection: Selection): AsyncIterable<RecordedRequest> {
  const conditions = ["r.run_id = ''", "p.run_id = ''", 'p.attempt_no = 0'];
  const params: Record<string, unknown> = { limit: selection.limit };
  const equal = (column: string, name: string, value: unknown): void => {
    if (value === undefined) return;
    conditions.push(`${column} = {${name}: String}`);
    params[name] = value;
  };
  const bound = (operator: string, name: string, at: Instant | undefined): void => {
    if (at === undefined) return;
    for (const table of ['r', 'p']) conditions.push(`${table}.ts ${operator} fromUnixTimestamp64Milli({${name}: Int64})`);
    params[name] = Math.floor(at);
  };
  bound('>=', 'since', selection.since);
  bound('<', 'until', selection.until);
  equal('r.requested_model', 'model', selection.model);
  equal('r.route', 'route', selection.route);
  equal('r.tenant_id', 'tenant', selection.tenant);
  for (const [i, [tag, value]] of Object.entries(selection.tags).entries()) {
    conditions.push(`r.tags[{tag${i}: String}] = {tag${i}_value: String}`);
    Object.assign(params, { [`tag${i}`]: tag, [`tag${i}_value`]: value });
  }
  const query = `SELECT * FROM (
SELECT ${columns} ${joined}
WHERE ${conditions.join(' AND ')}
ORDER BY r.ts DESC LIMIT 1 BY r.request_id LIMIT {limit: UInt64}
) ORDER BY received_ms, request_id`;
  for await (const row of store.stream<Row>(query, params)) yield recordedRequest(row);
}

/** Both sides of a run: each replayed exchange and the one it asks again. */
export async function pairsOf(
  store: Store,
  run: string,
): Promise<{ readonly arm: string; readonly original: RecordedRequest; readonly again: RecordedRequest }[]> {
  const again = await store.select<Row & { readonly arm: string; readonly replay_of: string }>(
    `SELECT ${columns}, r.arm AS arm, r.replay_of AS replay_of ${joined}
WHERE r.run_id = {run: String} AND p.run_id = {run: String} AND p.attempt_no = 0 ORDER BY r.ts LIMIT 1 BY r.request_id`,
    { run },
  );
  const ids = [...new Set(again.map(row => row.replay_of))];
  const originals = new Map<string, RecordedRequest>();
  for (let i = 0; i < ids.length; i += idsPerQuery) {
    const rows = await store.select<Row>(
      `SELECT ${columns} ${joined} WHERE r.request_id IN {ids: Array(UUID)} AND p.request_id IN {ids: Array(UUID)} AND p.attempt_no = 0 LIMIT 1 BY r.request_id`,
      { ids: ids.slice(i, i + idsPerQuery) },
    );
    for (const row of rows) originals.set(row.request_id, recordedRequest(row));
  }
  return again.flatMap(row => {
    const original = originals.get(row.replay_of);
    return original ? [{ arm: row.arm, original, again: recordedRequest(row) }] : [];
  });
}

const idsPerQuery = 500;

function recordedRequest(row: Row): RecordedRequest {
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
    answer: answerOf(row),
  };
}

function answerOf(row: Row): Answer {
  const wire = wireOf(row.dialect);
  const response = wire ? readAnswer(wire, row.stream, Buffer.from(row.response_body)) : undefined;
  return {
    outcome: row.outcome,
    target: row.target,
    ...(response ? contentOf(response) : { text: '', toolCalls: [] }),
    finish: row.finish_reason,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    ...(row.price_id === '' ? {} : { costNanoUsd: Math.round(row.cost_nano) }),
    latencyMs: row.latency_ms,
    ...(row.ttft_ms === 0 ? {} : { firstTokenMs: row.ttft_ms }),
  };
}
