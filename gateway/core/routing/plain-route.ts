/**
 * The way that nearly every request takes: its first target is there, and what it answers is taken as it is. The router's commands for it,
 * without the router's state, which follows from the same events when anything else happens.
 */
import type { Instant } from '../shared/time.ts';
import type { AttemptCommand, RouteCommand, RouteEvent, RouteOutcome, RoutePolicy, RouteStep, RoutingInput } from './contract.ts';

/** Whether the router would call the first step now, and take its answer without judging it. */
export function isPlainStart({ steps, onBreak }: RoutePolicy, now: RoutingInput, deadlineAt: Instant): boolean {
  const [first] = steps;
  if (first === undefined || onBreak !== undefined || isJudged(first) || now.waits !== undefined || deadlineAt <= now.at) return false;
  for (const _ in now.closed) return false;
  return true;
}

const isJudged = ({ accept, scorer, samples, judge }: RouteStep): boolean =>
  accept !== undefined || scorer !== undefined || samples !== undefined || judge !== undefined;

/** The command to call the first step's target. */
export const plainAttempt = ({ steps }: RoutePolicy): AttemptCommand => ({
  type: 'attempt',
  attempt: 0,
  target: steps[0]!.target,
  step: 0,
  kind: 'primary',
});

type TimerCommand = RouteCommand & { readonly type: 'timer' };

/** Of the deadline, of the attempt and of its hedge, in the order in which they are due. */
export function plainTimers({ steps }: RoutePolicy, at: Instant, deadlineAt: Instant): readonly TimerCommand[] {
  const { timeoutMs, hedgeAfterMs } = steps[0]!;
  const timers: TimerCommand[] = [
    { type: 'timer', timer: { type: 'deadline' }, at: deadlineAt },
    { type: 'timer', timer: { type: 'timeout', attempt: 0 }, at: at + timeoutMs },
  ];
  if (hedgeAfterMs !== undefined) timers.push({ type: 'timer', timer: { type: 'hedge', attempt: 0 }, at: at + hedgeAfterMs });
  return timers.sort((a, b) => a.at - b.at);
}

/** Whether an event belongs to the plain way: the attempt shows its first content, or has answered. */
export const isPlainEvent = (event: Pick<RouteEvent, 'type'>): event is { readonly type: 'attempt-opened' | 'attempt-answered' } =>
  event.type === 'attempt-opened' || event.type === 'attempt-answered';

/** The first attempt's answer. */
export const plainOutcome: RouteOutcome = { type: 'answered', attempt: 0 };
