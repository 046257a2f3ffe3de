/** A run beside the record, in the shapes of the admin API. */
import type { AnswerOf } from '../api/client.ts';
import type { Tone } from '../parts/outcome.tsx';

export type Comparison = NonNullable<AnswerOf<'compareRun'>['comparison']>;
export type Arm = Comparison['arms'][number];
export type Pair = Arm['pairs'][number];

/** What was decided of a pair: its colour. */
export const likenessTones: Readonly<Record<string, Tone>> = {
  same: 'good',
  equivalent: 'good',
  undecided: 'warn',
  different: 'bad',
  failed: 'bad',
};
