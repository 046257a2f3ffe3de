/** What the router does about streams that break after their first content: holds them back, or lets another attempt go on in their place. */
import { type Failure, retryScopeOf } from '../shared/failure.ts';
import type { RouteCommand, RouteState, RoutingInput } from './contract.ts';

/** The timer that releases a stream which the route holds back by time. */
export function holdTimer({ policy: { onBreak } }: RouteState, attempt: number, { at }: RoutingInput): readonly RouteCommand[] {
  if (onBreak?.type !== 'hold' || onBreak.ms === undefined) return [];
  return [{ type: 'timer', timer: { type: 'hold', attempt }, at: at + onBreak.ms }];
}

/** Whether another attempt may take the place of the one that the caller was reading. */
export function isRecoverable({ policy: { onBreak } }: RouteState, failure: Failure, isContinuable: boolean): boolean {
  if (retryScopeOf(failure) === 'never') return false;
  return onBreak?.type === 'restart' || (onBreak?.type === 'continue' && isContinuable);
}

/** Once its caller has begun to read, an answer is continued by targets that can, and by no other: to it they are closed for good. */
export function excludeWithoutPrefill<Seen extends RoutingInput>({ policy, committed }: RouteState, seen: Seen): Seen {
  if (policy.onBreak?.type !== 'continue' || committed === undefined) return seen;
  const unable = policy.steps.filter(step => !step.prefills).map(step => [step.target, Number.POSITIVE_INFINITY]);
  return { ...seen, closed: { ...seen.closed, ...Object.fromEntries(unable) } };
}

/** The caller reads an attempt that has not failed. */
export const isDelivering = ({ attempts, committed }: RouteState): boolean =>
  committed !== undefined && attempts[committed]!.status !== 'failed';
