/** Obeys the router in virtual time: no promises, no clock, the same commands. A queue of instants is its clock. */

import {
  advance,
  begin,
  type RouteCommand,
  type RouteEvent,
  type RoutePolicy,
  type RouteState,
  type RoutingInput,
  routingInputFor,
  type TargetView,
} from '../../gateway/core/routing/router.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import type { Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { Signals } from '../../gateway/core/signals/names.ts';
import { cooldownsAt, type TargetHealthMap } from '../../gateway/core/targets/health.ts';

/** What a target did, or would have done, with this request. */
export interface AttemptBehaviour {
  /** Until the first content; equal to `endAfterMs` for an answer that came in one piece. */
  readonly openAfterMs: Milliseconds;
  readonly endAfterMs: Milliseconds;
  readonly result: { readonly signals: Signals } | { readonly failure: Failure };
  /** Until enough content arrived for a route that buffers tokens; absent when it never did. */
  readonly releaseAfterMs?: Milliseconds;
  /** Of a failed attempt: its partial response is plain text, which another target may continue. */
  readonly continuable?: boolean;
}

/** The nth try at a target (from 0) finds its nth recorded behaviour; undefined when nothing was ever recorded for it. */
export type AttemptBehaviours = (target: string, nth: number) => AttemptBehaviour | undefined;

export type Simulation =
  | { readonly supported: true; readonly state: RouteState; readonly endedAt: Instant; readonly events: readonly RouteEvent[] }
  /** The policy called a target of unknown behaviour, which is never guessed. */
  | { readonly supported: false; readonly target: string };

interface ScheduledEvent {
  readonly at: Instant;
  /** The attempt that reports it; events of an aborted attempt are ignored. */
  readonly attempt?: number;
  /** A timer's or outcome's event without its routing input, which is taken when it is due. */
  readonly toEvent: (now: RoutingInput) => RouteEvent;
}

/** Instants to come, in order; equal ones in the order they were put there. */
class EventQueue {
  readonly #events: ScheduledEvent[] = [];

  schedule(due: ScheduledEvent): void {
    let i = this.#events.length;
    while (i > 0 && this.#events[i - 1]!.at > due.at) i--;
    this.#events.splice(i, 0, due);
  }

  cancel(due: ScheduledEvent): void {
    const place = this.#events.indexOf(due);
    if (place >= 0) this.#events.splice(place, 1);
  }

  next(): ScheduledEvent | undefined {
    return this.#events.shift();
  }
}

/** The fleet is what it was at `startAt`: its targets reopen as time passes, and those whose limits are used up let in a call when `seen` says. */
export function simulatePolicy(
  policy: RoutePolicy,
  seed: string,
  recordings: AttemptBehaviours,
  fleet: TargetHealthMap = new Map(),
  startAt: Instant = 0,
  targetView: Omit<TargetView, 'closed'> = {},
): Simulation {
  const queue = new EventQueue();
  const tries = new Map<string, number>();
  const events: RouteEvent[] = [];
  const aborted = new Set<number>();
  let queued: ScheduledEvent | undefined;
  const routingInputAt = (at: Instant): RoutingInput => routingInputFor(policy, at, { closed: cooldownsAt(fleet, at), ...targetView });
  const attempt = (command: RouteCommand & { type: 'attempt' }, now: Instant): boolean => {
    const nth = tries.get(command.target) ?? 0;
    tries.set(command.target, nth + 1);
    const recorded = recordings(command.target, nth);
    if (!recorded) return false;
    for (const { afterMs, happens } of attemptEventsOf(command.attempt, recorded)) {
      queue.schedule({ at: now + afterMs, attempt: command.attempt, toEvent: happens });
    }
    return true;
  };

  let { state, commands } = begin(policy, seed, routingInputAt(startAt));
  let now = startAt;
  for (;;) {
    for (const command of commands) {
      if (command.type === 'timer') queue.schedule({ at: command.at, toEvent: m => ({ ...m, type: 'timer-fired', timer: command.timer }) });
      if (command.type === 'attempt' && !attempt(command, now)) return { supported: false, target: command.target };
      if (command.type === 'abort') aborted.add(command.attempt);
      if (command.type === 'queue') {
        const { step } = command;
        queued = { at: Math.max(now, targetView.waits?.[command.target] ?? now), toEvent: m => ({ ...m, type: 'admitted', step }) };
        queue.schedule(queued);
      }
      if (command.type === 'unqueue' && queued) queue.cancel(queued);
    }
    if (state.outcome) return { supported: true, state, endedAt: now, events };
    const next = queue.next();
    if (!next) throw new Error('the router stopped without finishing');
    if (next.attempt !== undefined && aborted.has(next.attempt)) {
      commands = [];
      continue;
    }
    now = next.at;
    const event = next.toEvent(routingInputAt(now));
    events.push(event);
    ({ state, commands } = advance(state, event));
  }
}

/** The events of an attempt with their delay after its start. */
function attemptEventsOf(attempt: number, { openAfterMs, releaseAfterMs, endAfterMs, result, continuable }: AttemptBehaviour) {
  const reports: { readonly afterMs: Milliseconds; readonly happens: ScheduledEvent['toEvent'] }[] = [];
  if (openAfterMs < endAfterMs) reports.push({ afterMs: openAfterMs, happens: now => ({ ...now, type: 'attempt-opened', attempt }) });
  if (releaseAfterMs !== undefined && releaseAfterMs >= openAfterMs && releaseAfterMs < endAfterMs) {
    reports.push({ afterMs: releaseAfterMs, happens: now => ({ ...now, type: 'attempt-released', attempt }) });
  }
  const ends: ScheduledEvent['toEvent'] = now =>
    'failure' in result
      ? { ...now, type: 'attempt-failed', attempt, failure: result.failure, ...(continuable ? { continuable } : {}) }
      : { ...now, type: 'attempt-answered', attempt, signals: result.signals };
  return [...reports, { afterMs: endAfterMs, happens: ends }];
}
