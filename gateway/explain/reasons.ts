/** Why a candidate of a route is asked, and when: what the policy says of it, in words. */
import type { Question } from '../question.ts';

export interface Reasons {
  /** Its place in the route, from 1. */
  readonly place: number;
  readonly why: string;
}

export function reasonsOf({ policy }: Question, index: number): Reasons {
  const before = policy.steps[index - 1];
  const why =
    before === undefined
      ? 'asked first'
      : before.accept
        ? `asked when ${before.target} fails or its answer does not show what \`accept\` wants`
        : `asked when ${before.target} fails`;
  return { place: index + 1, why };
}
