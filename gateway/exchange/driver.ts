/** Obeys the router against a real world: the only place where a command becomes an effect. */

import {
  type AttemptCommand,
  advance,
  begin,
  type RouteCommand,
  type RouteEvent,
  type RouteOutcome,
  type RoutePolicy,
  type RouteState,
  type RoutingInput,
  routingInputFor,
  type TargetView,
  type Timer,
  type Transition,
  timeoutFailure,
} from '../core/routing/router.ts';
import type { Failure } from '../core/shared/failure.ts';
import type { Cancel, Clock, Instant } from '../core/shared/time.ts';
import type { Signals } from '../core/signals/names.ts';

export type { AttemptCommand };

export interface DriverPorts {
  readonly clock: Clock;
  /** Since when the deadline runs; since the beginning of the drive when absent. */
  readonly arrivedAt?: Instant | undefined;
  /** The targets that the fleet refuses at this instant, and until when. */
  coolingDown(at: Instant): Readonly<Record<string, Instant>>;
  /** What else is seen: limits that are used up, extra calls that are refused. Nothing when absent. */
  viewTargets?(at: Instant): Omit<TargetView, 'closed'>;
  /** Takes a place in the queue for a target and gives what leaves it; absent when nothing ever waits. */
  queue?(target: string, admitted: () => void): Cancel;
  /** Starts an attempt and gives what aborts it: with a failure when it is aborted for one, without when it is no longer needed. */
  attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void;
  /** The caller reads this attempt from here on. */
  commit(attempt: number): void;
  finish(outcome: RouteOutcome, log: DriverLog): void;
}

/** What an attempt says of itself. Anything said after its end or its abort is ignored by the router. */
export interface AttemptReport {
  opened(): void;
  /** It has said as much as the route holds back. */
  released(): void;
  answered(signals: Signals): void;
  /** `isContinuable`: another attempt may go on with what the caller read of it. */
  failed(failure: Failure, isContinuable?: boolean): void;
}

export interface DriverLog {
  readonly state: RouteState;
  readonly events: readonly RouteEvent[];
}

export interface RouteDriver {
  /** The caller is gone: everything under way is aborted. */
  cancel(): void;
}

export function startDriver(policy: RoutePolicy, seed: string, ports: DriverPorts): RouteDriver {
  const driver = new Driver(policy, ports);
  driver.begin(seed);
  return { cancel: () => driver.receive(moment => ({ ...moment, type: 'caller-left' })) };
}

class Driver {
  readonly #policy: RoutePolicy;
  readonly #ports: DriverPorts;
  readonly #aborts = new Map<number, (failure?: Failure) => void>();
  readonly #timers = new Set<Cancel>();
  #leaveQueue: Cancel = () => {};
  readonly #events: RouteEvent[] = [];
  readonly #pending: { readonly toEvent: (now: RoutingInput) => RouteEvent; readonly timer?: Timer }[] = [];
  #state!: RouteState;
  /** The commands of one transition are obeyed to the end before the next event is heard, however soon an attempt reports. */
  #isApplying = true;

  constructor(policy: RoutePolicy, ports: DriverPorts) {
    this.#policy = policy;
    this.#ports = ports;
  }

  begin(seed: string): void {
    this.#apply(begin(this.#policy, seed, this.#now(), this.#ports.arrivedAt));
    this.#processPending();
  }

  receive(toEvent: (now: RoutingInput) => RouteEvent, timer?: Timer): void {
    this.#pending.push({ toEvent, ...(timer ? { timer } : {}) });
    if (!this.#isApplying) this.#processPending();
  }

  #processPending(): void {
    this.#isApplying = true;
    for (let next = this.#pending.shift(); next && !this.#state.outcome; next = this.#pending.shift()) {
      // The fleet hears of a timeout before the router looks at the fleet: this failure may be the one that opens the breaker.
      const failure = next.timer && timeoutFailure(this.#state, next.timer);
      if (failure && next.timer?.type === 'timeout') this.#abort(next.timer.attempt, failure);
      const event = next.toEvent(this.#now());
      this.#events.push(event);
      this.#apply(advance(this.#state, event));
    }
    this.#isApplying = false;
  }

  #apply({ state, commands }: Transition): void {
    this.#state = state;
    for (const command of commands) this.#execute(command);
  }

  #execute(command: RouteCommand): void {
    switch (command.type) {
      case 'attempt':
        this.#aborts.set(command.attempt, this.#ports.attempt(command, this.#reportOf(command.attempt)));
        return;
      case 'abort':
        return this.#abort(command.attempt, command.failure);
      case 'queue':
        return this.#queue(command.step, command.target);
      case 'unqueue':
        return this.#leaveQueue();
      case 'timer':
        return this.#setTimer(command.timer, command.at);
      case 'commit':
        return this.#ports.commit(command.attempt);
      case 'finish':
        for (const cancel of this.#timers) cancel();
        return this.#ports.finish(command.outcome, { state: this.#state, events: this.#events });
    }
  }

  /** Once for each attempt. */
  #abort(attempt: number, failure: Failure | undefined): void {
    const abort = this.#aborts.get(attempt);
    this.#aborts.delete(attempt);
    abort?.(failure);
  }

  #queue(step: number, target: string): void {
    const admitted = (): void => this.receive(moment => ({ ...moment, type: 'admitted', step }));
    this.#leaveQueue = this.#ports.queue?.(target, admitted) ?? (() => {});
  }

  #setTimer(timer: Timer, at: Instant): void {
    const cancel = this.#ports.clock.at(at, () => {
      this.#timers.delete(cancel);
      this.receive(moment => ({ ...moment, type: 'timer-fired', timer }), timer);
    });
    this.#timers.add(cancel);
  }

  #reportOf(attempt: number): AttemptReport {
    return {
      opened: () => this.receive(moment => ({ ...moment, type: 'attempt-opened', attempt })),
      answered: signals => this.receive(moment => ({ ...moment, type: 'attempt-answered', attempt, signals })),
      released: () => this.receive(moment => ({ ...moment, type: 'attempt-released', attempt })),
      failed: (failure, isContinuable) =>
        this.receive(moment => ({ ...moment, type: 'attempt-failed', attempt, failure, ...(isContinuable ? { continuable: true } : {}) })),
    };
  }

  #now(): RoutingInput {
    const at = this.#ports.clock.now();
    return routingInputFor(this.#policy, at, { closed: this.#ports.coolingDown(at), ...this.#ports.viewTargets?.(at) });
  }
}
