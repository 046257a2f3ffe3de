/**
 * The way that nearly every request takes: its first target is there, and what it answers is taken as it is. The router's commands for it,
 * without the router's state, which follows from the same events when anything else happens.
 */
import type { Instant } from '../shared/time.ts';
import type { AttemptCommand, RouteEvent, RouteOutcome, RoutePolicy, RouteStep, RoutingInput, Timer } from './contract.ts';

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

/** A timer of the router and when it is due. */
export interface DueTimer {
  readonly timer: Timer;
  readonly at: Instant;
}

const deadline: Timer = { type: 'deadline' };
const timeout: Timer = { type: 'timeout', attempt: 0 };
const hedge: Timer = { type: 'hedge', attempt: 0 };

/** Of the deadline, of the attempt and of its hedge, the one that is due first. */
export function firstPlainTimer({ steps }: RoutePolicy, at: Instant, deadlineAt: Instant): DueTimer {
  const { timeoutMs, hedgeAfterMs = timeoutMs } = steps[0]!;
  const first = at + Math.min(timeoutMs, hedgeAfterMs);
  if (deadlineAt <= first) return { timer: deadline, at: deadlineAt };
  return { timer: hedgeAfterMs < timeoutMs ? hedge : timeout, at: first };
}

/** The others, in the order in which the router sets them. */
export function laterPlainTimers(policy: RoutePolicy, at: Instant, deadlineAt: Instant): readonly DueTimer[] {
  const { timeoutMs, hedgeAfterMs } = policy.steps[0]!;
  const first = firstPlainTimer(policy, at, deadlineAt).timer;
  const all: DueTimer[] = [
    { timer: deadline, at: deadlineAt },
    { timer: timeout, at: at + timeoutMs },
  ];
  if (hedgeAfterMs !== undefined) all.push({ timer: hedge, at: at + hedgeAfterMs });
  return all.filter(({ timer }) => timer !== first);
}

/** Whether an event belongs to the plain way: the attempt shows its first content, or has answered. */
export const isPlainEvent = (event: Pick<RouteEvent, 'type'>): event is { readonly type: 'attempt-opened' | 'attempt-answered' } =>
  event.type === 'attempt-opened' || event.type === 'attempt-answered';

/** The first attempt's answer. */
export const plainOutcome: RouteOutcome = { type: 'answered', attempt: 0 };
