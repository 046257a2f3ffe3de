/** Scores of a response that arrive later, attached to its request id. */
import type { Instant } from '../shared/time.ts';

/** Scores that a caller sends for an earlier response. */
export interface Feedback {
  /** The request id of the exchange. */
  readonly request: string;
  readonly tenant: string;
  readonly scores: readonly Score[];
}

/** As in the store. */
export const scoreSources = ['rule', 'judge', 'human', 'client', 'eval'] as const;
export type ScoreSource = (typeof scoreSources)[number];

/** One score of a response. */
export interface Score {
  /** Sending the same id again replaces the score. */
  readonly id: string;
  readonly name: string;
  readonly source: ScoreSource;
  readonly value: number;
  readonly label: string;
  readonly explanation: string;
  /** The person or program that gave the score. */
  readonly evaluator: string;
  /** Time of the exchange, because a score is stored with its exchange. */
  readonly at: Instant;
}
