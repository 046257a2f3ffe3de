import { usd } from '../core/money/price.ts';
import type { RoutedRequest } from '../exchange/contract.ts';

export interface Reasons {
  /** Its place in the route, from 1. */
  readonly place: number;
  readonly why: string;
  /** Why it has this place, where the route left a choice. */
  readonly chosen?: string;
  /** What it is likely to cost, where its price is known and was looked at. */
  readonly cost_usd?: number;
}

/** The place of the step at `index`, when it is tried, and why it has this place, for `explain`. */
export function reasonsOf({ policy }: RoutedRequest, index: number): Reasons {
  const before = policy.steps[index - 1];
  const why =
    before === undefined
      ? 'tried first'
      : before.accept
        ? `tried when ${before.target} fails or its response does not meet \`accept\``
        : `tried when ${before.target} fails`;
  const { target } = policy.steps[index]!;
  const considered = policy.considered?.find(candidate => candidate.taken && candidate.target === target);
  return {
    place: index + 1,
    why,
    ...(considered ? { chosen: considered.why } : {}),
    ...(considered?.costNanoUsd === undefined ? {} : { cost_usd: usd(considered.costNanoUsd) }),
  };
}
