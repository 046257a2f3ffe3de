/** Which step is asked next: of the untried ones that take calls the first that is let in soon enough, else the one that is let in first. */
import type { Failure } from '../shared/failure.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { RouteAttempt, RouteState, RoutingInput } from './contract.ts';
import { cooldownUntil, rateLimitedUntil, retryWaitMsMax } from './retry.ts';

/** A step, and how long it will be before it lets a call in. */
export interface StepChoice {
  readonly step: number;
  readonly waitMs: Milliseconds;
}

/** Undefined when every step was tried, or is closed, or lets nobody in for longer than anybody should wait. */
export function chooseStep(state: RouteState, now: RoutingInput): StepChoice | undefined {
  const { steps, queueForMs = 0 } = state.policy;
  let best: StepChoice | undefined;
  for (const step of steps.keys()) {
    if (isTried(state, step) || !isAvailable(state, step, now)) continue;
    const waitMs = rateLimitWait(state, step, now);
    if (waitMs <= queueForMs && isWaitAcceptable(state, waitMs, now)) return { step, waitMs };
    if (isWaitAcceptable(state, waitMs, now) && (best === undefined || waitMs < best.waitMs)) best = { step, waitMs };
  }
  return best;
}

export const isWaitAcceptable = (state: RouteState, waitMs: Milliseconds, now: RoutingInput): boolean =>
  waitMs <= retryWaitMsMax && now.at + waitMs < state.deadlineAt;

/** Until a call of this request is let in by the target's rate limit; 0 for at once. */
export const rateLimitWait = (state: RouteState, step: number, now: RoutingInput): Milliseconds =>
  Math.max(0, rateLimitedUntil(now, state.policy.steps[step]!.target) - now.at);

export const isAvailable = (state: RouteState, step: number, now: RoutingInput): boolean =>
  cooldownUntil(now, state.policy.steps[step]!.target) <= now.at;

export const isTried = (state: RouteState, step: number): boolean => state.attempts.some(a => a.step === step);

/** An untried step that lets a call in at once. */
export function untriedAvailable(state: RouteState, now: RoutingInput): number | undefined {
  const step = state.policy.steps.findIndex(
    (_, i) => !isTried(state, i) && isAvailable(state, i, now) && rateLimitWait(state, i, now) === 0,
  );
  return step < 0 ? undefined : step;
}

/** Of the untried steps that are closed, though not for their rate, the one that opens first. */
export function untriedEarliestAvailable(state: RouteState, now: RoutingInput): number | undefined {
  let first: number | undefined;
  let firstAt = Number.POSITIVE_INFINITY;
  for (const [step, { target }] of state.policy.steps.entries()) {
    const opensAt = cooldownUntil(now, target);
    if (!isTried(state, step) && rateLimitWait(state, step, now) === 0 && opensAt < firstAt) [first, firstAt] = [step, opensAt];
  }
  return first;
}

/** Why nobody was asked: the limits of all are used up, for so long; or there is nobody. */
export function noTargetFailure(state: RouteState, now: RoutingInput | undefined): Failure {
  const waits = now ? state.policy.steps.map((_, step) => rateLimitWait(state, step, now)).filter(waitMs => waitMs > 0) : [];
  if (waits.length === 0) return { kind: 'overloaded', message: 'no target is available' };
  return { kind: 'rate-limited', message: 'the rate limits of all targets are used up', retryAfterMs: Math.min(...waits) };
}

/** The surest of the answers that were declined or are still being judged; the later of two equals. */
export function mostConfidentResponse({ attempts, committed }: RouteState): number | undefined {
  if (committed !== undefined) return undefined;
  let best: number | undefined;
  for (const [i, a] of attempts.entries()) {
    const isCandidate = a.status === 'declined' || a.status === 'held';
    if (isCandidate && (best === undefined || confidenceOrNone(a) >= confidenceOrNone(attempts[best]!))) best = i;
  }
  return best;
}

const confidenceOrNone = (attempt: RouteAttempt): number => attempt.confidence ?? -1;
