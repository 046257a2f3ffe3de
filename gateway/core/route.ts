/**
 * The router: a state machine that decides, and does nothing.
 *
 *   begin(policy, seed, now)  -> { state, commands }
 *   advance(state, event)     -> { state, commands }
 *
 * Rule 1: no clock, no randomness, no I/O. Time and closed targets arrive in events, coins come from the request's id.
 *         So the recorded events are the state: fold them again and the same decisions fall out.
 * Rule 2: this file does not know who is driving. Gateway, replay and eval obey the same commands.
 */
import type { AttemptKind } from './exchange.ts';
import { type Failure, retryOf } from './failure.ts';
import { closedUntil, providerOf, soonestRetry } from './retry.ts';
import { type Accept, accepts, confidenceOf, type Signals } from './signal.ts';
import type { Instant, Milliseconds } from './time.ts';

export interface RoutePolicy {
  readonly name: string;
  /** From arrival to the last byte, over all attempts. */
  readonly deadlineMs: Milliseconds;
  /** The fallback chain, tried in order. */
  readonly steps: readonly RouteStep[];
}

export interface RouteStep {
  /** provider/model */
  readonly target: string;
  /** An attempt that shows no content by then has failed; with `accept`, one that has not ended by then. */
  readonly timeoutMs: Milliseconds;
  /** What an answer must show to be taken. Absent takes anything, so its stream is forwarded from the first content. */
  readonly accept?: Accept;
  /** Further tries of this target, made when no untried target is left that takes calls. */
  readonly retries: number;
  /** Wait before the first retry; doubles with each, less up to half by the coin, and never under 100 ms. */
  readonly backoffMs: Milliseconds;
  /** Without content after this long, start another attempt beside this one: the next step, or this target again on the last. */
  readonly hedgeAfterMs?: Milliseconds;
}

/** When an event happened, and what the fleet refused then, until when: targets (`provider/model`), or all of a provider by its name. */
export interface Moment {
  readonly at: Instant;
  readonly closed: Readonly<Record<string, Instant>>;
}

/** What of the fleet concerns a policy. Its record holds no more than that: other targets may be other people's. */
export function concerning(policy: RoutePolicy, closed: Moment['closed']): Moment['closed'] {
  const named = Object.keys(closed);
  if (named.length === 0) return closed;
  const concerned = (name: string): boolean => policy.steps.some(({ target }) => target === name || providerOf(target) === name);
  return Object.fromEntries(named.filter(concerned).map(name => [name, closed[name]!]));
}

export interface RouteAttempt {
  readonly step: number;
  readonly kind: AttemptKind;
  readonly status: 'running' | 'declined' | 'accepted' | 'failed' | 'aborted';
  readonly opened: boolean;
  readonly confidence?: number;
  readonly failure?: Failure;
}

export interface RouteState {
  readonly policy: RoutePolicy;
  readonly seed: string;
  readonly deadlineAt: Instant;
  readonly attempts: readonly RouteAttempt[];
  /** The step whose retry is being waited for; nothing else is under way then. */
  readonly retryWaiting?: number;
  /** The attempt whose answer the caller reads. */
  readonly committed?: number;
  readonly outcome?: RouteOutcome;
}

export type RouteOutcome = { readonly type: 'answered'; readonly attempt: number } | { readonly type: 'failed'; readonly failure: Failure };

export type RouteEvent = Moment &
  (
    | { readonly type: 'attempt-opened'; readonly attempt: number }
    | { readonly type: 'attempt-answered'; readonly attempt: number; readonly signals: Signals }
    | { readonly type: 'attempt-failed'; readonly attempt: number; readonly failure: Failure }
    | { readonly type: 'timer-fired'; readonly timer: Timer }
    | { readonly type: 'caller-left' }
  );

export type Timer =
  | { readonly type: 'deadline' }
  | { readonly type: 'timeout'; readonly attempt: number }
  | { readonly type: 'hedge'; readonly attempt: number }
  | { readonly type: 'retry'; readonly step: number };

export type RouteCommand =
  | { readonly type: 'attempt'; readonly attempt: number; readonly target: string; readonly step: number; readonly kind: AttemptKind }
  /** `failure` when the attempt is given up for one, a timeout; absent when its answer is no longer needed. */
  | { readonly type: 'abort'; readonly attempt: number; readonly failure?: Failure }
  | { readonly type: 'timer'; readonly timer: Timer; readonly at: Instant }
  /** From here on the caller reads this attempt; nothing can replace it. Comes before every answered finish. */
  | { readonly type: 'commit'; readonly attempt: number }
  | { readonly type: 'finish'; readonly outcome: RouteOutcome };

export interface Transition {
  readonly state: RouteState;
  readonly commands: readonly RouteCommand[];
}

export function begin(policy: RoutePolicy, seed: string, now: Moment): Transition {
  const deadlineAt = now.at + policy.deadlineMs;
  const state: RouteState = { policy, seed, deadlineAt, attempts: [] };
  return after([{ type: 'timer', timer: { type: 'deadline' }, at: deadlineAt }], goOn(state, now, 'primary'));
}

export function advance(state: RouteState, event: RouteEvent): Transition {
  if (state.outcome) return stay(state);
  switch (event.type) {
    case 'attempt-opened':
      return onOpened(state, event.attempt);
    case 'attempt-answered':
      return onAnswered(state, event.attempt, event.signals, event);
    case 'attempt-failed':
      return onFailed(state, event.attempt, event.failure, event);
    case 'timer-fired':
      return onTimer(state, event.timer, event);
    case 'caller-left':
      return finish(state, { type: 'failed', failure: { kind: 'cancelled', message: 'the caller left' } });
  }
}

function onOpened(state: RouteState, attempt: number): Transition {
  if (!isRunning(state, attempt)) return stay(state);
  const next = mark(state, attempt, { opened: true });
  if (state.committed !== undefined || stepOf(state, attempt).accept) return stay(next);
  return commit(next, attempt);
}

function onAnswered(state: RouteState, attempt: number, signals: Signals, now: Moment): Transition {
  if (!isRunning(state, attempt)) return stay(state);
  const { accept } = stepOf(state, attempt);
  const confidence = confidenceOf(signals);
  const seen = confidence === undefined ? {} : { confidence };
  if (!accept || accepts(accept, signals)) return answer(mark(state, attempt, { status: 'accepted', ...seen }), attempt);
  return goOn(mark(state, attempt, { status: 'declined', ...seen }), now, 'escalation');
}

function onFailed(state: RouteState, attempt: number, failure: Failure, now: Moment): Transition {
  if (!isRunning(state, attempt)) return stay(state);
  const next = mark(state, attempt, { status: 'failed', failure });
  if (state.committed === attempt) return finish(next, { type: 'failed', failure });
  if (retryOf(failure) === 'never' && !isBusy(next)) return settle(next, failure);
  return goOn(next, now, 'fallback');
}

function onTimer(state: RouteState, timer: Timer, now: Moment): Transition {
  switch (timer.type) {
    case 'deadline':
      return settle(state, { kind: 'timeout', message: 'the deadline of the route passed' });
    case 'retry':
      return onRetry(state, timer.step, now);
    case 'hedge':
      return onHedge(state, timer.attempt, now);
    case 'timeout': {
      const attempt = state.attempts[timer.attempt];
      if (attempt?.status !== 'running' || (attempt.opened && !stepOf(state, timer.attempt).accept)) return stay(state);
      const failure: Failure = { kind: 'timeout', message: 'the attempt took too long' };
      return after([{ type: 'abort', attempt: timer.attempt, failure }], onFailed(state, timer.attempt, failure, now));
    }
  }
}

/** While it was waited for, another target may have opened, or this one may have closed. */
function onRetry(state: RouteState, step: number, now: Moment): Transition {
  if (state.retryWaiting !== step) return stay(state);
  const { retryWaiting: _, ...next } = state;
  if (untriedOpen(next, now) === undefined && isOpen(next, step, now)) return start(next, step, 'retry', now.at);
  return goOn(next, now, 'fallback');
}

function onHedge(state: RouteState, attempt: number, now: Moment): Transition {
  const slow = isRunning(state, attempt) && !state.attempts[attempt]!.opened && state.committed === undefined;
  if (!slow) return stay(state);
  const { step } = state.attempts[attempt]!;
  const again = step === state.policy.steps.length - 1 && isOpen(state, step, now) ? step : undefined;
  const beside = untriedOpen(state, now) ?? again;
  return beside === undefined ? stay(state) : start(state, beside, 'hedge', now.at);
}

/** No answer is in hand. Wait for what is under way, or try the next target, or one again, or a closed one, or settle. */
function goOn(state: RouteState, now: Moment, kind: AttemptKind): Transition {
  if (isBusy(state)) return stay(state);
  const fresh = untriedOpen(state, now);
  if (fresh !== undefined) return start(state, fresh, kind, now.at);
  const retry = soonestRetry(state, now);
  if (retry) {
    const timer: RouteCommand = { type: 'timer', timer: { type: 'retry', step: retry.step }, at: retry.at };
    return { state: { ...state, retryWaiting: retry.step }, commands: [timer] };
  }
  // Every target that is left is closed: better to ask one of them than to fail without having asked.
  const lastResort = state.attempts.some(a => a.status === 'declined') ? undefined : untriedReopeningFirst(state, now);
  return lastResort === undefined ? settle(state) : start(state, lastResort, kind, now.at);
}

function untriedOpen(state: RouteState, now: Moment): number | undefined {
  const step = state.policy.steps.findIndex((_, i) => !isTried(state, i) && isOpen(state, i, now));
  return step < 0 ? undefined : step;
}

function untriedReopeningFirst(state: RouteState, now: Moment): number | undefined {
  let first: number | undefined;
  let firstAt = Number.POSITIVE_INFINITY;
  for (const [step, { target }] of state.policy.steps.entries()) {
    const opensAt = closedUntil(now, target);
    if (!isTried(state, step) && opensAt < firstAt) [first, firstAt] = [step, opensAt];
  }
  return first;
}

function start(state: RouteState, step: number, kind: AttemptKind, at: Instant): Transition {
  const attempt = state.attempts.length;
  const { target, timeoutMs, hedgeAfterMs } = state.policy.steps[step]!;
  const commands: RouteCommand[] = [
    { type: 'attempt', attempt, target, step, kind },
    { type: 'timer', timer: { type: 'timeout', attempt }, at: at + timeoutMs },
  ];
  if (hedgeAfterMs !== undefined && kind !== 'hedge') {
    commands.push({ type: 'timer', timer: { type: 'hedge', attempt }, at: at + hedgeAfterMs });
  }
  return { state: { ...state, attempts: [...state.attempts, { step, kind, status: 'running', opened: false }] }, commands };
}

function commit(state: RouteState, attempt: number): Transition {
  const [others, aborts] = abortOthers(state, attempt);
  return { state: { ...others, committed: attempt }, commands: [{ type: 'commit', attempt }, ...aborts] };
}

function answer(state: RouteState, attempt: number): Transition {
  const committed = state.committed === attempt ? stay(state) : commit(state, attempt);
  return after(committed.commands, finish(committed.state, { type: 'answered', attempt }));
}

/** Nothing more will be tried: give the surest answer that was declined, or say why there is none. A committed stream cannot be swapped. */
function settle(state: RouteState, reason?: Failure): Transition {
  let best: number | undefined;
  if (state.committed === undefined) {
    for (const [i, a] of state.attempts.entries()) {
      if (a.status === 'declined' && (best === undefined || sureness(a) >= sureness(state.attempts[best]!))) best = i;
    }
  }
  if (best !== undefined) return answer(mark(state, best, { status: 'accepted' }), best);
  const failure = reason ?? state.attempts.findLast(a => a.failure)?.failure ?? { kind: 'overloaded', message: 'no target is available' };
  return finish(state, { type: 'failed', failure });
}

function finish(state: RouteState, outcome: RouteOutcome): Transition {
  const [next, aborts] = abortOthers(state, undefined);
  return { state: { ...next, outcome }, commands: [...aborts, { type: 'finish', outcome }] };
}

function abortOthers(state: RouteState, keep: number | undefined): [RouteState, RouteCommand[]] {
  const aborts: RouteCommand[] = [];
  const attempts = state.attempts.map((a, attempt) => {
    if (a.status !== 'running' || attempt === keep) return a;
    aborts.push({ type: 'abort', attempt });
    return { ...a, status: 'aborted' as const };
  });
  return [{ ...state, attempts }, aborts];
}

const stay = (state: RouteState): Transition => ({ state, commands: [] });
const after = (first: readonly RouteCommand[], t: Transition): Transition => ({ state: t.state, commands: [...first, ...t.commands] });
const stepOf = (state: RouteState, attempt: number): RouteStep => state.policy.steps[state.attempts[attempt]!.step]!;
const isRunning = (state: RouteState, attempt: number): boolean => state.attempts[attempt]?.status === 'running';
const isOpen = (state: RouteState, step: number, now: Moment): boolean => closedUntil(now, state.policy.steps[step]!.target) <= now.at;
const sureness = (attempt: RouteAttempt): number => attempt.confidence ?? -1;
const isTried = (state: RouteState, step: number): boolean => state.attempts.some(a => a.step === step);
const isBusy = (state: RouteState): boolean => state.retryWaiting !== undefined || state.attempts.some(a => a.status === 'running');
const mark = (state: RouteState, attempt: number, change: Partial<RouteAttempt>): RouteState => ({
  ...state,
  attempts: state.attempts.map((a, i) => (i === attempt ? { ...a, ...change } : a)),
});
