/** Obeys the router against a real world: the only place where a command becomes an effect. */
import type { Failure } from './core/failure.ts';
import {
  advance,
  begin,
  concerning,
  type Moment,
  type RouteCommand,
  type RouteEvent,
  type RouteOutcome,
  type RoutePolicy,
  type RouteState,
} from './core/route.ts';
import type { Signals } from './core/signal.ts';
import type { Cancel, Clock, Instant } from './core/time.ts';

export type AttemptCommand = RouteCommand & { readonly type: 'attempt' };

export interface World {
  readonly clock: Clock;
  /** The targets that the fleet refuses at this instant, and until when. */
  closed(at: Instant): Readonly<Record<string, Instant>>;
  /** Starts an attempt and gives what aborts it: with a failure when it is aborted for one, without when it is no longer needed. */
  attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void;
  /** The caller reads this attempt from here on. */
  commit(attempt: number): void;
  finish(outcome: RouteOutcome, log: DriveLog): void;
}

/** What an attempt says of itself. Anything said after its end or its abort is ignored by the router. */
export interface AttemptReport {
  opened(): void;
  answered(signals: Signals): void;
  failed(failure: Failure): void;
}

export interface DriveLog {
  readonly state: RouteState;
  readonly events: readonly RouteEvent[];
}

export interface Drive {
  /** The caller is gone: everything under way is aborted. */
  leave(): void;
}

export function drive(policy: RoutePolicy, seed: string, world: World): Drive {
  const aborts = new Map<number, (failure?: Failure) => void>();
  const timers = new Set<Cancel>();
  const events: RouteEvent[] = [];
  const waiting: ((now: Moment) => RouteEvent)[] = [];
  let state: RouteState;
  // The commands of one transition are obeyed to the end before the next event is heard, however soon an attempt reports.
  let obeying = true;

  const now = (): Moment => {
    const at = world.clock.now();
    return { at, closed: concerning(policy, world.closed(at)) };
  };

  const hear = (happened: (now: Moment) => RouteEvent): void => {
    waiting.push(happened);
    if (!obeying) hearWaiting();
  };

  const hearWaiting = (): void => {
    obeying = true;
    for (let next = waiting.shift(); next && !state.outcome; next = waiting.shift()) {
      const event = next(now());
      events.push(event);
      const { state: after, commands } = advance(state, event);
      state = after;
      for (const command of commands) obey(command);
    }
    obeying = false;
  };

  const obey = (command: RouteCommand): void => {
    switch (command.type) {
      case 'attempt':
        aborts.set(command.attempt, world.attempt(command, reportOf(command.attempt)));
        return;
      case 'abort':
        return aborts.get(command.attempt)?.(command.failure);
      case 'timer': {
        const cancel = world.clock.at(command.at, () => {
          timers.delete(cancel);
          hear(moment => ({ ...moment, type: 'timer-fired', timer: command.timer }));
        });
        timers.add(cancel);
        return;
      }
      case 'commit':
        return world.commit(command.attempt);
      case 'finish':
        for (const cancel of timers) cancel();
        return world.finish(command.outcome, { state, events });
    }
  };

  const reportOf = (attempt: number): AttemptReport => ({
    opened: () => hear(moment => ({ ...moment, type: 'attempt-opened', attempt })),
    answered: signals => hear(moment => ({ ...moment, type: 'attempt-answered', attempt, signals })),
    failed: failure => hear(moment => ({ ...moment, type: 'attempt-failed', attempt, failure })),
  });

  const first = begin(policy, seed, now());
  state = first.state;
  for (const command of first.commands) obey(command);
  hearWaiting();
  return { leave: () => hear(moment => ({ ...moment, type: 'caller-left' })) };
}
