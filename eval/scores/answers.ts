import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Store } from '../../recorder/store/store.ts';

export interface AnswerRow {
  /** The exchange that a score is about. */
  readonly id: string;
  /** Id of the original request, shared by all its replays. */
  readonly item: string;
  readonly tenant: string;
  readonly at: number | string;
  readonly dialect: string;
  readonly target: string;
  readonly arm: string;
  readonly request_body: string;
  readonly response_body: string;
}

export interface AnswerQuery {
  readonly runs: readonly string[];
  /** Answers that callers got, as well. */
  readonly live: boolean;
  readonly targets: readonly string[];
  readonly since?: Instant;
  readonly limit: number;
}

/** Whole answers, newest first. Bodies that were cut or redacted cannot be judged. */
export const selectAnswers = (store: Store, { runs, live, targets, since, limit }: AnswerQuery): Promise<AnswerRow[]> =>
  store.select<AnswerRow>(
    `SELECT toString(r.request_id) AS id, if(r.replay_of = '', toString(r.request_id), r.replay_of) AS item, r.tenant_id AS tenant,
  toUnixTimestamp64Milli(r.ts) AS at, r.dialect AS dialect, concat(r.provider, '/', r.model) AS target, r.arm AS arm, p.request_body AS request_body, p.response_body AS response_body
FROM requests AS r INNER JOIN payloads AS p ON p.tenant_id = r.tenant_id AND p.request_id = r.request_id AND p.attempt_no = 0
WHERE r.outcome = 'ok' AND NOT p.truncated AND p.redactions = 0 AND (r.run_id IN {runs: Array(String)}${live ? " OR r.run_id = ''" : ''})
  AND (empty({targets: Array(String)}) OR target IN {targets: Array(String)} OR arm IN {targets: Array(String)})
  ${since === undefined ? '' : 'AND r.ts >= fromUnixTimestamp64Milli({since: Int64})'}
ORDER BY r.ts DESC, id LIMIT 1 BY id LIMIT {limit: UInt64}`,
    { runs, targets, since: Math.floor(since ?? 0), limit },
  );
