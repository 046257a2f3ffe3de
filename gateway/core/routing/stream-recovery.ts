/** Recovery of streams that break after their first content: buffering before it, or another attempt in their place. */
import { type Failure, retryScopeOf } from '../shared/failure.ts';
import type { RouteCommand, RouteState, RoutingInput } from './contract.ts';

/** The timer that releases a stream that the route buffers by time. */
export function holdTimer({ policy: { onBreak } }: RouteState, attempt: number, { at }: RoutingInput): readonly RouteCommand[] {
  if (onBreak?.type !== 'hold' || onBreak.ms === undefined) return [];
  return [{ type: 'timer', timer: { type: 'hold', attempt }, at: at + onBreak.ms }];
}

/** Whether another attempt may replace the broken stream that the caller was reading. */
export function isRecoverable({ policy: { onBreak } }: RouteState, failure: Failure, isContinuable: boolean): boolean {
  if (retryScopeOf(failure) === 'never') return false;
  return onBreak?.type === 'restart' || (onBreak?.type === 'continue' && isContinuable);
}

/** After commit, only targets with prefill can continue a response; the others count as cooling down for good. */
export function excludeWithoutPrefill<Seen extends RoutingInput>({ policy, committed }: RouteState, input: Seen): Seen {
  if (policy.onBreak?.type !== 'continue' || committed === undefined) return input;
  const unable = policy.steps.filter(step => !step.prefills).map(step => [step.target, Number.POSITIVE_INFINITY]);
  return { ...input, closed: { ...input.closed, ...Object.fromEntries(unable) } };
}

/** The caller is reading an attempt that has not failed. */
export const isDelivering = ({ attempts, committed }: RouteState): boolean =>
  committed !== undefined && attempts[committed]!.status !== 'failed';
