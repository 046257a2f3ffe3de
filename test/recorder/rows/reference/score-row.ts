/** The rows that feedback leaves in the store. */
import { type Feedback, type Score, scoreSources } from '../../../../gateway/core/signals/feedback.ts';
import * as type from './rowbinary.ts';

export interface ScoreRow extends Score {
  readonly request: string;
  readonly tenant: string;
}

export const scoreRows = ({ request, tenant, scores }: Feedback): readonly ScoreRow[] =>
  scores.map(score => ({ ...score, request, tenant }));

export const scoreColumns: readonly type.Column<ScoreRow>[] = [
  type.lowCardinalityText('tenant_id', s => s.tenant),
  type.uuid('request_id', s => s.request),
  type.dateTime('ts', s => s.at),
  type.lowCardinalityText('name', s => s.name),
  type.uuid('score_id', s => s.id),
  type.enum8(scoreSources)('source', s => s.source),
  type.float('value', s => s.value),
  type.lowCardinalityText('label', s => s.label),
  type.text('explanation', s => s.explanation),
  type.lowCardinalityText('evaluator', s => s.evaluator),
];
