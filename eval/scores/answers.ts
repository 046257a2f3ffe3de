/** The recorded answers that can be scored, and the scores that are kept of them. */
import { createHash } from 'node:crypto';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { ScoreSource } from '../../gateway/core/signals/feedback.ts';
import type { Store } from '../../recorder/store/store.ts';

export interface AnswerRow {
  /** The exchange that a score is about. */
  readonly id: string;
  /** The request as it was asked first: the same for all its replays. */
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

export interface NewScore {
  readonly about: Pick<AnswerRow, 'id' | 'tenant' | 'at'>;
  readonly name: string;
  readonly value: number;
  readonly source: ScoreSource;
  readonly evaluator: string;
  readonly explanation?: string;
}

const rowsPerInsert = 2_000;

/** The same evaluator's score of the same name takes the place of its earlier one. */
export async function insertScores(store: Store, scores: readonly NewScore[]): Promise<void> {
  const rows = scores.map(({ about, name, value, source, evaluator, explanation = '' }) => ({
    ...{ tenant_id: about.tenant, request_id: about.id, ts: dateTime(Number(about.at)), name, source, value, evaluator, explanation },
    score_id: idOf([about.tenant, about.id, name, source, evaluator]),
  }));
  for (let i = 0; i < rows.length; i += rowsPerInsert) await store.insert('scores', rows.slice(i, i + rowsPerInsert));
}

const dateTime = (at: Instant): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '');

function idOf(parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\u0000')).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
