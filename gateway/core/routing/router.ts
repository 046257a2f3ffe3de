/**
 * The router: a pure state machine that turns events into commands.
 *
 *   begin(policy, seed, now)  -> { state, commands }
 *   advance(state, event)     -> { state, commands }
 *
 * Rule 1: no clock, no randomness, no I/O. Time and cooldowns arrive in events; random choices are seeded by the request's id.
 *         So the recorded events are the state: folding them again gives the same decisions.
 * Rule 2: this file does not depend on who runs it. Gateway, replay and eval execute the same commands.
 */

import { type Failure, retryScopeOf } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Signals } from '../signals/names.ts';
import { withScorerSignal } from '../signals/scorer.ts';
import { accepts, confidenceOf } from '../signals/signal.ts';
import type { AttemptKind } from '../targets/attempt-kind.ts';
import {
  chooseStep,
  isAvailable,
  isWaitAcceptable,
  mostConfidentResponse,
  noTargetFailure,
  rateLimitWait,
  untriedAvailable,
  untriedEarliestAvailable,
} from './choose-step.ts';
import type { RouteCommand, RouteEvent, RouteOutcome, RoutePolicy, RouteState, RoutingInput, Timer, Transition } from './contract.ts';
import { excludeRefusedMakers, mayAskOtherMaker } from './other-maker.ts';
import { retryWaitMsMax, soonestRetry } from './retry.ts';
import { isBusy, isRunning, isSideCall, stepOf, updateAttempt } from './route-state.ts';
import { decideAcceptance, sideCallTargets, withSideCallSignals } from './side-calls.ts';
import { start, startWithOtherKey } from './start-attempt.ts';
import { excludeWithoutPrefill, holdTimer, isDelivering, isRecoverable } from './stream-recovery.ts';

export type * from './contract.ts';
export { routingInputFor } from './contract.ts';

/** `arrivedAt` when the request has already waited: its deadline counts from then. */
export function begin(policy: RoutePolicy, seed: string, now: RoutingInput, arrivedAt: Instant = now.at): Transition {
  const deadlineAt = arrivedAt + policy.deadlineMs;
  const state: RouteState = { policy, seed, deadlineAt, attempts: [] };
  if (deadlineAt <= now.at) return onTimer(state, { type: 'deadline' }, now);
  return prependCommands([{ type: 'timer', timer: { type: 'deadline' }, at: deadlineAt }], proceed(state, now, 'primary'));
}

/** The next state and commands after an event. An event of an ended attempt changes nothing. */
export function advance(state: RouteState, received: RouteEvent): Transition {
  if (state.outcome) return unchanged(state);
  const event = excludeRefusedMakers(state, excludeWithoutPrefill(state, received));
  switch (event.type) {
    case 'attempt-opened':
      return onOpened(state, event.attempt, event);
    case 'attempt-released':
      return onReleased(state, event.attempt);
    case 'attempt-answered':
      return onAnswered(state, event.attempt, event.signals, event);
    case 'attempt-failed':
      return onFailed(state, event.attempt, event.failure, event, event);
    case 'timer-fired':
      return onTimer(state, event.timer, event);
    case 'admitted':
      return onAdmitted(state, event.step, event);
    case 'caller-left':
      return finish(state, { type: 'failed', failure: { kind: 'cancelled', message: 'the caller left' } }, event.at);
  }
}

function onOpened(state: RouteState, attempt: number, now: RoutingInput): Transition {
  if (!isRunning(state, attempt)) return unchanged(state);
  const next = updateAttempt(state, attempt, { opened: true });
  if (state.policy.onBreak?.type === 'hold') return { state: next, commands: holdTimer(state, attempt, now) };
  return onReleased(next, attempt);
}

function onReleased(state: RouteState, attempt: number): Transition {
  const isLate = !isRunning(state, attempt) || isDelivering(state);
  return isLate || isSideCall(state, attempt) || stepOf(state, attempt).accept ? unchanged(state) : commit(state, attempt);
}

function onAnswered(state: RouteState, attempt: number, measured: Signals, now: RoutingInput): Transition {
  if (!isRunning(state, attempt)) return unchanged(state);
  if (isSideCall(state, attempt))
    return onSideCallEnded(updateAttempt(state, attempt, { status: 'accepted', signals: measured }), attempt, now);
  const step = stepOf(state, attempt);
  const signals = withScorerSignal(step.scorer, measured);
  const verdict = decideAcceptance(step, signals);
  return verdict === undefined ? startSideCalls(state, attempt, signals, now) : conclude(state, attempt, verdict, signals, now);
}

function conclude(state: RouteState, attempt: number, isTaken: boolean, signals: Signals, now: RoutingInput): Transition {
  const confidence = confidenceOf(signals);
  const { scorer, samples, judge } = stepOf(state, attempt);
  const isMore = scorer !== undefined || samples !== undefined || judge !== undefined;
  const observed = { ...(isMore ? { signals } : {}), ...(confidence === undefined ? {} : { confidence }) };
  if (isTaken) return commitAndFinish(updateAttempt(state, attempt, { status: 'accepted', ...observed }), attempt);
  return proceed(updateAttempt(state, attempt, { status: 'declined', ...observed }), now, 'escalation');
}

/** Starts side calls when the response's own signals do not decide acceptance. */
function startSideCalls(state: RouteState, of: number, signals: Signals, now: RoutingInput): Transition {
  const confidence = confidenceOf(signals);
  const buffered = updateAttempt(state, of, { status: 'buffered', signals, ...(confidence === undefined ? {} : { confidence }) });
  const { step } = state.attempts[of]!;
  const targets = sideCallTargets(stepOf(state, of), signals, now);
  if (targets.length === 0) return concludeBuffered(buffered, of, now);
  return targets.reduce<Transition>((so, target) => {
    const call = start(so.state, step, 'judge', now.at, { target, of });
    return prependCommands(so.commands, call);
  }, unchanged(buffered));
}

function onSideCallEnded(state: RouteState, attempt: number, now: RoutingInput): Transition {
  const of = state.attempts[attempt]!.of!;
  const isOver = state.attempts.every(a => a.of !== of || a.status !== 'running');
  return isOver && state.attempts[of]!.status === 'buffered' ? concludeBuffered(state, of, now) : unchanged(state);
}

/** Signals that the side calls did not give count as absent. */
function concludeBuffered(state: RouteState, attempt: number, now: RoutingInput): Transition {
  const step = stepOf(state, attempt);
  const sideCalls = state.attempts.filter(a => a.of === attempt);
  const signals = withSideCallSignals(step, state.attempts[attempt]!, sideCalls);
  return conclude(state, attempt, !step.accept || accepts(step.accept, signals), signals, now);
}

function onFailed(
  state: RouteState,
  attempt: number,
  failure: Failure,
  now: RoutingInput,
  { continuable = false, otherKey = false }: { readonly continuable?: boolean; readonly otherKey?: boolean } = {},
): Transition {
  if (!isRunning(state, attempt)) return unchanged(state);
  const next = updateAttempt(state, attempt, { status: 'failed', failure });
  if (isSideCall(state, attempt)) return onSideCallEnded(next, attempt, now);
  const isOver = state.committed === attempt && !isRecoverable(state, failure, continuable);
  if (isOver) return finish(next, { type: 'failed', failure });
  if (otherKey && state.committed === undefined && !isBusy(next)) return startWithOtherKey(next, state.attempts[attempt]!.step, now.at);
  if (retryScopeOf(failure) !== 'never' || isBusy(next)) return proceed(next, now, 'fallback');
  if (!mayAskOtherMaker(next)) return settle(next, now, failure);
  return proceed(next, excludeRefusedMakers(next, now), 'fallback');
}

function onTimer(state: RouteState, timer: Timer, now: RoutingInput): Transition {
  switch (timer.type) {
    case 'deadline':
      return settle(state, now, { kind: 'timeout', message: 'the deadline of the route passed' });
    case 'retry':
      return onRetry(state, timer.step, now);
    case 'queue':
      return onQueueTimeout(state, timer.step, now);
    case 'hedge':
      return onHedge(state, timer.attempt, now);
    case 'hold':
      return onReleased(state, timer.attempt);
    case 'timeout': {
      const failure = timeoutFailure(state, timer);
      if (!failure) return unchanged(state);
      return prependCommands([{ type: 'abort', attempt: timer.attempt, failure }], onFailed(state, timer.attempt, failure, now));
    }
  }
}

/** The failure of an attempt when this timer fires; undefined for other timers, and when the attempt is past it. */
export function timeoutFailure(state: RouteState, timer: Timer): Failure | undefined {
  if (timer.type !== 'timeout') return undefined;
  const attempt = state.attempts[timer.attempt];
  const isDue = attempt?.status === 'running' && (!attempt.opened || stepOf(state, timer.attempt).accept !== undefined);
  return isDue ? { kind: 'timeout', message: 'the attempt took too long' } : undefined;
}

/** During the wait, another target may have become available, or this one unavailable. */
function onRetry(state: RouteState, step: number, now: RoutingInput): Transition {
  if (state.retryWaiting !== step) return unchanged(state);
  const { retryWaiting: _, ...next } = state;
  const waitMs = rateLimitWait(next, step, now);
  const isStillBest = untriedAvailable(next, now) === undefined && isAvailable(next, step, now) && isWaitAcceptable(next, waitMs, now);
  return isStillBest && !now.spent?.includes('retry') ? startOrQueue(next, step, waitMs, 'retry', now) : proceed(next, now, 'fallback');
}

/** The queue admitted it, so its rate limit does; but the target may be cooling down by now, or the retry budget used up. */
function onAdmitted(state: RouteState, step: number, now: RoutingInput): Transition {
  if (state.queued?.step !== step) return unchanged(state);
  const { queued } = state;
  const next = leaveQueue(state, now.at);
  const isSpent = (queued.kind === 'fallback' || queued.kind === 'retry') && now.spent?.includes('retry');
  if (isSpent) return settle(next, now);
  return isAvailable(next, step, now) ? start(next, step, queued.kind, now.at) : proceed(next, now, kindForOtherTarget(queued.kind));
}

/** The wait was longer than estimated. */
function onQueueTimeout(state: RouteState, step: number, now: RoutingInput): Transition {
  if (state.queued?.step !== step) return unchanged(state);
  return prependCommands([{ type: 'unqueue', step }], proceed(leaveQueue(state, now.at), now, kindForOtherTarget(state.queued.kind)));
}

/** A call of another target is a fallback, not a retry. */
const kindForOtherTarget = (kind: AttemptKind): AttemptKind => (kind === 'retry' ? 'fallback' : kind);

function onHedge(state: RouteState, attempt: number, now: RoutingInput): Transition {
  const slow = isRunning(state, attempt) && !state.attempts[attempt]!.opened && state.committed === undefined;
  if (!slow || now.spent?.includes('hedge')) return unchanged(state);
  const { step } = state.attempts[attempt]!;
  const isLast = step === state.policy.steps.length - 1;
  const sameStep = isLast && isAvailable(state, step, now) && rateLimitWait(state, step, now) === 0 ? step : undefined;
  const hedgeStep = untriedAvailable(state, now) ?? sameStep;
  return hedgeStep === undefined ? unchanged(state) : start(state, hedgeStep, 'hedge', now.at);
}

/** No response is accepted. Waits for running attempts, or calls the next target, retries one, tries one in cooldown, or settles. */
function proceed(state: RouteState, now: RoutingInput, kind: AttemptKind): Transition {
  if (isBusy(state)) return unchanged(state);
  if (kind === 'fallback' && now.spent?.includes('retry')) return settle(state, now);
  const choice = chooseStep(state, now);
  if (choice) return startOrQueue(state, choice.step, choice.waitMs, kind, now);
  const retry = now.spent?.includes('retry') ? undefined : soonestRetry(state, now);
  if (retry) {
    const timer: RouteCommand = { type: 'timer', timer: { type: 'retry', step: retry.step }, at: retry.at };
    return { state: { ...state, retryWaiting: retry.step }, commands: [timer] };
  }
  // Every remaining target is cooling down: calling one beats failing without a call.
  const lastResort = state.attempts.some(a => a.status === 'declined') ? undefined : untriedEarliestAvailable(state, now);
  return lastResort === undefined ? settle(state, now) : start(state, lastResort, kind, now.at);
}

function startOrQueue(state: RouteState, step: number, waitMs: Milliseconds, kind: AttemptKind, now: RoutingInput): Transition {
  if (waitMs === 0) return start(state, step, kind, now.at);
  const latest = Math.min(state.deadlineAt, now.at + retryWaitMsMax);
  return {
    state: { ...state, queued: { step, kind, since: now.at } },
    commands: [
      { type: 'queue', step, target: state.policy.steps[step]!.target },
      { type: 'timer', timer: { type: 'queue', step }, at: latest },
    ],
  };
}

function commit(state: RouteState, attempt: number): Transition {
  const [others, aborts] = abortOthers(state, attempt);
  return { state: { ...others, committed: attempt }, commands: [{ type: 'commit', attempt }, ...aborts] };
}

function commitAndFinish(state: RouteState, attempt: number): Transition {
  const committed = state.committed === attempt ? unchanged(state) : commit(state, attempt);
  return prependCommands(committed.commands, finish(committed.state, { type: 'answered', attempt }));
}

/** No further attempts: finishes with the most confident response, or with the failure. A committed stream cannot be replaced. */
function settle(state: RouteState, now: RoutingInput, reason?: Failure): Transition {
  const response = mostConfidentResponse(state);
  if (response !== undefined) return commitAndFinish(updateAttempt(state, response, { status: 'accepted' }), response);
  const failure = reason ?? state.attempts.findLast(a => a.failure && a.of === undefined)?.failure ?? noTargetFailure(state, now);
  return finish(state, { type: 'failed', failure }, now.at);
}

/** `at` matters only where a request may still be queued. */
function finish(state: RouteState, outcome: RouteOutcome, at = 0): Transition {
  const leave: RouteCommand[] = state.queued ? [{ type: 'unqueue', step: state.queued.step }] : [];
  const [next, aborts] = abortOthers(leaveQueue(state, at), undefined);
  return { state: { ...next, outcome }, commands: [...leave, ...aborts, { type: 'finish', outcome }] };
}

function abortOthers(state: RouteState, keep: number | undefined): [RouteState, RouteCommand[]] {
  const aborts: RouteCommand[] = [];
  const attempts = state.attempts.map((a, attempt) => {
    if (a.status === 'buffered' && attempt !== keep) return { ...a, status: 'declined' as const };
    if (a.status !== 'running' || attempt === keep) return a;
    aborts.push({ type: 'abort', attempt });
    return { ...a, status: 'aborted' as const };
  });
  return [{ ...state, attempts }, aborts];
}

function leaveQueue(state: RouteState, at: Instant): RouteState {
  if (!state.queued) return state;
  const { queued, ...rest } = state;
  return { ...rest, queuedMs: (rest.queuedMs ?? 0) + Math.max(0, at - queued.since) };
}

const unchanged = (state: RouteState): Transition => ({ state, commands: [] });
const prependCommands = (first: readonly RouteCommand[], t: Transition): Transition => ({
  state: t.state,
  commands: [...first, ...t.commands],
});
