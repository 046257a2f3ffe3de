/** What somebody says of an answer that was given: scores attached to its request's id. */
import type { Instant } from '../shared/time.ts';

export interface Feedback {
  /** The exchange it is about. */
  readonly request: string;
  readonly tenant: string;
  readonly scores: readonly Score[];
}

/** As in the store. */
export const scoreSources = ['rule', 'judge', 'human', 'client', 'eval'] as const;
export type ScoreSource = (typeof scoreSources)[number];

export interface Score {
  /** The same for the same thing said again, which takes the place of what was said before. */
  readonly id: string;
  readonly name: string;
  readonly source: ScoreSource;
  readonly value: number;
  readonly label: string;
  readonly explanation: string;
  /** Who or what says so. */
  readonly evaluator: string;
  /** Of the exchange: a score lies with what it is about. */
  readonly at: Instant;
}
