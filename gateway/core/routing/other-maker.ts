/** A refused request is tried once more, at a target of another maker, unless it would surely be refused there as well. */
import { isSurelyInvalid } from '../shared/failure.ts';
import { isTried } from './choose-step.ts';
import type { RouteState, RoutingInput } from './contract.ts';

/** Whether a target of another maker may be tried after this state's refusals. Needs `maker` on the steps. */
export function mayAskOtherMaker(state: RouteState): boolean {
  const refusals = state.attempts.filter(attempt => attempt.of === undefined && attempt.failure?.kind === 'invalid-request');
  const [refusal] = refusals;
  if (refusals.length !== 1 || isSurelyInvalid(refusal!.failure!)) return false;
  const { steps } = state.policy;
  const { maker } = steps[refusal!.step]!;
  return maker !== undefined && steps.some((step, i) => step.maker !== maker && !isTried(state, i));
}

/** After a refusal, targets of the same maker count as cooling down for good. */
export function excludeRefusedMakers<Seen extends RoutingInput>({ policy: { steps }, attempts }: RouteState, input: Seen): Seen {
  const refused = attempts.flatMap(({ failure, step }) => (failure?.kind === 'invalid-request' ? [steps[step]!.maker] : []));
  const excluded = steps.filter(({ maker }) => maker !== undefined && refused.includes(maker));
  if (excluded.length === 0) return input;
  return { ...input, closed: { ...input.closed, ...Object.fromEntries(excluded.map(({ target }) => [target, Number.POSITIVE_INFINITY])) } };
}
