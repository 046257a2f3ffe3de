/** The rows that feedback leaves in the store. */
import { type Feedback, type Score, scoreSources } from '../gateway/core/feedback.ts';
import * as type from './rowbinary.ts';

export interface ScoreRow extends Score {
  readonly request: string;
  readonly tenant: string;
}

export const scoreRows = ({ request, tenant, scores }: Feedback): readonly ScoreRow[] =>
  scores.map(score => ({ ...score, request, tenant }));

export const scoreColumns: readonly type.Column<ScoreRow>[] = [
  type.word('tenant_id', s => s.tenant),
  type.uuid('request_id', s => s.request),
  type.time('ts', s => s.at),
  type.word('name', s => s.name),
  type.uuid('score_id', s => s.id),
  type.choice(scoreSources)('source', s => s.source),
  type.float('value', s => s.value),
  type.word('label', s => s.label),
  type.text('explanation', s => s.explanation),
  type.word('evaluator', s => s.evaluator),
];
