/** Chooses the next step: the first untried, available one that its rate limit admits soon enough, else the one that is admitted first. */
import type { Failure } from '../shared/failure.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { RouteAttempt, RouteState, RoutingInput } from './contract.ts';
import { cooldownUntil, rateLimitedUntil, retryWaitMsMax } from './retry.ts';

/** A step and the wait until its rate limit admits a call. */
export interface StepChoice {
  readonly step: number;
  readonly waitMs: Milliseconds;
}

/** Undefined when every step was tried, is cooling down or would wait longer than acceptable. */
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

/** Whether a wait ends before the deadline and within the maximum wait. */
export const isWaitAcceptable = (state: RouteState, waitMs: Milliseconds, now: RoutingInput): boolean =>
  waitMs <= retryWaitMsMax && now.at + waitMs < state.deadlineAt;

/** The wait until the target's rate limit admits this request; 0 for now. */
export const rateLimitWait = (state: RouteState, step: number, now: RoutingInput): Milliseconds =>
  Math.max(0, rateLimitedUntil(now, state.policy.steps[step]!.target) - now.at);

/** Whether the step's target is not cooling down; its rate limit is checked apart. */
export const isAvailable = (state: RouteState, step: number, now: RoutingInput): boolean =>
  cooldownUntil(now, state.policy.steps[step]!.target) <= now.at;

/** Whether any attempt was made at this step. */
export const isTried = (state: RouteState, step: number): boolean => state.attempts.some(a => a.step === step);

/** An untried step that admits a call now. */
export function untriedAvailable(state: RouteState, now: RoutingInput): number | undefined {
  const step = state.policy.steps.findIndex(
    (_, i) => !isTried(state, i) && isAvailable(state, i, now) && rateLimitWait(state, i, now) === 0,
  );
  return step < 0 ? undefined : step;
}

/** The untried step whose cooldown ends first, rate limits aside. */
export function untriedEarliestAvailable(state: RouteState, now: RoutingInput): number | undefined {
  let first: number | undefined;
  let firstAt = Number.POSITIVE_INFINITY;
  for (const [step, { target }] of state.policy.steps.entries()) {
    const opensAt = cooldownUntil(now, target);
    if (!isTried(state, step) && rateLimitWait(state, step, now) === 0 && opensAt < firstAt) [first, firstAt] = [step, opensAt];
  }
  return first;
}

/** Why no target was called: all rate limits are used up, for this long, or no target is available. */
export function noTargetFailure(state: RouteState, now: RoutingInput | undefined): Failure {
  const waits = now ? state.policy.steps.map((_, step) => rateLimitWait(state, step, now)).filter(waitMs => waitMs > 0) : [];
  if (waits.length === 0) return { kind: 'overloaded', message: 'no target is available' };
  return { kind: 'rate-limited', message: 'the rate limits of all targets are used up', retryAfterMs: Math.min(...waits) };
}

/** The most confident response among those declined or still being judged; the later one of equals. */
export function mostConfidentResponse({ attempts, committed }: RouteState): number | undefined {
  if (committed !== undefined) return undefined;
  let best: number | undefined;
  for (const [i, a] of attempts.entries()) {
    const isCandidate = a.status === 'declined' || a.status === 'buffered';
    if (isCandidate && (best === undefined || confidenceOrNone(a) >= confidenceOrNone(attempts[best]!))) best = i;
  }
  return best;
}

const confidenceOrNone = (attempt: RouteAttempt): number => attempt.confidence ?? -1;
