/** Reads the requests of callers with the answers that they got, in order of arrival. */
import { createHash } from 'node:crypto';
import { type CacheScope, exactKeyText, scopeParts } from '../../gateway/core/cache/exact-key.ts';
import type { FinishReason } from '../../gateway/core/chat/chat.ts';
import { isObject, type Json } from '../../gateway/core/chat/json.ts';
import type { Store } from '../../recorder/store/store.ts';
import { contentOf, readAnswer } from '../../replay/recorded/answer.ts';
import { wireProviderOf } from '../../replay/recorded/dialects.ts';
import type { CachedRequest } from './replay-cache.ts';

export interface RecordedSelection {
  readonly route: string | undefined;
  /** Unix milliseconds. */
  readonly since: number;
  readonly scope: CacheScope;
  /** The most recent so many. */
  readonly limit: number;
}

export interface RecordedRequests {
  readonly requests: readonly CachedRequest[];
  readonly routes: readonly string[];
  readonly configurations: number;
  /** Requests without a body that can be read: redacted, cut, or recorded without payloads. They could not be looked up. */
  readonly unreadable: number;
}

interface Row {
  readonly at: number | string;
  readonly latency_ms: number;
  readonly tenant: string;
  readonly project: string;
  readonly user: string;
  readonly route: string;
  readonly dialect: string;
  readonly outcome: string;
  readonly finish: string;
  readonly config: string;
  readonly stream: boolean;
  readonly cost: number | null;
  readonly request_body: string;
  readonly response_body: string;
}

/** Finish reasons of whole answers, as records have them. */
const wholeFinishes: ReadonlySet<string> = new Set(['stop', 'tool-calls'] satisfies FinishReason[]);

/** The selected requests in order of arrival, with keys of the scope and hashes of the answers. */
export async function readRecordedRequests(store: Store, { route, since, scope, limit }: RecordedSelection): Promise<RecordedRequests> {
  const requests: CachedRequest[] = [];
  const [routes, configurations] = [new Set<string>(), new Set<string>()];
  let unreadable = 0;
  for await (const row of store.stream<Row>(query, { route: route ?? '', since: Math.floor(since), limit })) {
    routes.add(row.route);
    configurations.add(row.config);
    const body = parsed(row.request_body);
    if (body === undefined || !isObject(body)) {
      unreadable++;
      continue;
    }
    const at = Number(row.at);
    requests.push({
      ...{ at, endedAt: at + row.latency_ms },
      key: hash(exactKeyText({ route: row.route, format: row.dialect, body }, scopeParts(scope, row))),
      answer: answerOf(row),
      isCacheable: row.outcome === 'ok' && wholeFinishes.has(row.finish),
      costNanoUsd: row.cost === null ? undefined : Math.round(Number(row.cost) * 1e9),
    });
  }
  return { requests, routes: [...routes].toSorted(), configurations: configurations.size, unreadable };
}

const query = `SELECT toUnixTimestamp64Milli(r.ts) AS at, r.latency_ms AS latency_ms, r.tenant_id AS tenant, r.project_id AS project, r.end_user AS user,
  r.route AS route, r.dialect AS dialect, CAST(r.outcome, 'String') AS outcome, r.finish_reason AS finish, r.config_hash AS config, r.stream AS stream,
  r.known_cost_usd AS cost, p.request_body AS request_body, p.response_body AS response_body
FROM (
  SELECT * FROM live_requests
  WHERE ts >= fromUnixTimestamp64Milli({since: Int64}) AND ({route: String} = '' OR route = {route: String})
  ORDER BY ts DESC LIMIT {limit: UInt64}
) AS r LEFT JOIN (
  SELECT tenant_id, request_id, request_body, response_body FROM payloads
  WHERE attempt_no = 0 AND run_id = '' AND NOT truncated AND redactions = 0 AND ts >= fromUnixTimestamp64Milli({since: Int64})
  LIMIT 1 BY request_id
) AS p ON p.tenant_id = r.tenant_id AND p.request_id = r.request_id
ORDER BY at, r.request_id`;

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

function parsed(text: string): Json | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

function answerOf({ dialect, outcome, stream, response_body: body }: Row): string | undefined {
  const wire = outcome === 'ok' && body !== '' ? wireProviderOf(dialect) : undefined;
  if (!wire) return undefined;
  const answer = readAnswer(wire, stream, Buffer.from(body));
  return 'kind' in answer ? undefined : hash(JSON.stringify(contentOf(answer)));
}
