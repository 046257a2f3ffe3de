/** Starts an attempt: its place in the state, and the commands for its call and timers. */
import type { Instant } from '../shared/time.ts';
import type { AttemptKind } from '../targets/attempt-kind.ts';
import type { RouteCommand, RouteState, Transition } from './contract.ts';

/** `side` makes it a side call for another attempt, at its own target. */
export function start(
  state: RouteState,
  step: number,
  kind: AttemptKind,
  at: Instant,
  side?: { readonly target: string; readonly of: number },
): Transition {
  const attempt = state.attempts.length;
  const { target, timeoutMs, hedgeAfterMs } = state.policy.steps[step]!;
  const of = side ? { of: side.of } : {};
  const commands: RouteCommand[] = [
    { type: 'attempt', attempt, target: side?.target ?? target, step, kind, ...of },
    { type: 'timer', timer: { type: 'timeout', attempt }, at: at + timeoutMs },
  ];
  if (hedgeAfterMs !== undefined && kind !== 'hedge' && !side) {
    commands.push({ type: 'timer', timer: { type: 'hedge', attempt }, at: at + hedgeAfterMs });
  }
  return { state: { ...state, attempts: [...state.attempts, { step, kind, status: 'running', opened: false, ...of }] }, commands };
}

/** At once: the target is well, and no other target is asked for the fault of a key. */
export function startWithOtherKey(state: RouteState, step: number, at: Instant): Transition {
  const started = start(state, step, 'retry', at);
  const attempts = started.state.attempts.with(-1, { ...started.state.attempts.at(-1)!, otherKey: true });
  const commands = started.commands.map(command => (command.type === 'attempt' ? { ...command, otherKey: true as const } : command));
  return { state: { ...started.state, attempts }, commands };
}
