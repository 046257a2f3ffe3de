/** Writes scores to the store, each under an id that its evaluator, name and exchange determine. */
import { createHash } from 'node:crypto';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { ScoreSource } from '../../gateway/core/signals/feedback.ts';
import type { Store } from './store.ts';

export interface NewScore {
  readonly about: { readonly id: string; readonly tenant: string; readonly at: number | string };
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
