/** Obeys the router against a real world: the only place where a command becomes an effect. */

import { firstPlainTimer, isPlainEvent, isPlainStart, laterPlainTimers, plainAttempt, plainOutcome } from '../core/routing/plain-route.ts';
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

/** Events of an attempt. Events after its end or abort are ignored by the router. */
export interface AttemptReport {
  opened(): void;
  /** Enough content arrived for the route to release the buffered stream. */
  released(): void;
  answered(signals: Signals): void;
  /** `isContinuable`: another attempt may continue what the caller has read of it. `hasOtherKey`: its key is to blame, and another one is ready. */
  failed(failure: Failure, isContinuable?: boolean, hasOtherKey?: boolean): void;
}

export interface DriverLog {
  readonly state: RouteState;
  readonly events: readonly RouteEvent[];
  /** The first target answered: no wait, no signal and no confidence in the state beyond what the events say. */
  readonly isPlain: boolean;
}

export interface RouteDriver {
  /** The caller has disconnected: everything under way is aborted. */
  cancel(): void;
}

/** Starts the policy's execution. Ports are called until `finish`, which is called once. */
export function startDriver(policy: RoutePolicy, seed: string, ports: DriverPorts): RouteDriver {
  const driver = new Driver(policy, ports);
  driver.begin(seed);
  return driver;
}

type WithoutInput<E> = E extends RouteEvent ? Omit<E, keyof RoutingInput> : never;
/** An event without its moment, which is seen when its turn comes. */
type EventBody = WithoutInput<RouteEvent>;

const notQueued: Cancel = () => {};

/** Carries out the router's commands over the ports, and turns what happens into the router's events. */
export class Driver implements RouteDriver, DriverLog {
  readonly events: RouteEvent[] = [];
  readonly #policy: RoutePolicy;
  readonly #ports: DriverPorts;
  /** By attempt. */
  readonly #aborts: (((failure?: Failure) => void) | undefined)[] = [];
  readonly #timers: Cancel[] = [];
  #leaveQueue = notQueued;
  readonly #pending: { readonly body: EventBody; readonly timer: Timer | undefined }[] = [];
  #seed = '';
  #start!: RoutingInput;
  /** Absent on the plain way, where it is made of the events when it is needed. */
  #state: RouteState | undefined;
  #deadlineAt: Instant = 0;
  #isCommitted = false;
  #isOver = false;
  /** All commands of one transition run before the next event is handled, even if an attempt reports at once. */
  #isApplying = true;

  constructor(policy: RoutePolicy, ports: DriverPorts) {
    this.#policy = policy;
    this.#ports = ports;
  }

  get isPlain(): boolean {
    return this.#state === undefined;
  }

  get state(): RouteState {
    return this.#state ?? this.#replayed();
  }

  /** Runs the first commands; the holder of the driver may be called synchronously. */
  begin(seed: string): void {
    const policy = this.#policy;
    this.#seed = seed;
    const start = this.#now();
    this.#start = start;
    this.#deadlineAt = (this.#ports.arrivedAt ?? start.at) + policy.deadlineMs;
    if (isPlainStart(policy, start, this.#deadlineAt)) this.#beginPlainly(policy, start.at);
    else this.#apply(begin(policy, seed, start, this.#ports.arrivedAt));
    this.#processPending();
  }

  #beginPlainly(policy: RoutePolicy, at: Instant): void {
    const { timer, at: due } = firstPlainTimer(policy, at, this.#deadlineAt);
    this.#attempt(plainAttempt(policy));
    this.#setTimer(timer, due);
  }

  cancel(): void {
    this.receive({ type: 'caller-left' });
  }

  receive(body: EventBody, timer?: Timer): void {
    if (this.#isApplying) return void this.#pending.push({ body, timer });
    this.#isApplying = true;
    if (!this.#isOver) this.#advance(body, timer);
    this.#processPending();
  }

  #processPending(): void {
    this.#isApplying = true;
    for (let next = this.#pending.shift(); next && !this.#isOver; next = this.#pending.shift()) this.#advance(next.body, next.timer);
    this.#isApplying = false;
  }

  #advance(body: EventBody, timer: Timer | undefined): void {
    if (this.#state === undefined && isPlainEvent(body)) return this.#advancePlainly(body);
    const state = this.#stateFrom();
    // The fleet hears of a timeout before the router looks at the fleet: this failure may be the one that opens the breaker.
    const failure = timer && timeoutFailure(state, timer);
    if (failure && timer.type === 'timeout') this.#abort(timer.attempt, failure);
    const event = Object.assign(this.#now(), body) as RouteEvent;
    this.events.push(event);
    this.#apply(advance(state, event));
  }

  #advancePlainly(body: EventBody): void {
    this.events.push(Object.assign(this.#now(), body) as RouteEvent);
    if (!this.#isCommitted) {
      this.#isCommitted = true;
      this.#ports.commit(0);
    }
    if (body.type === 'attempt-answered') this.#finish(plainOutcome);
  }

  /** Leaves the plain way. */
  #stateFrom(): RouteState {
    if (this.#state === undefined) {
      this.#state = this.#replayed();
      for (const { timer, at } of laterPlainTimers(this.#policy, this.#start.at, this.#deadlineAt)) this.#setTimer(timer, at);
    }
    return this.#state;
  }

  #replayed(): RouteState {
    const start = begin(this.#policy, this.#seed, this.#start, this.#ports.arrivedAt).state;
    return this.events.reduce((state, event) => advance(state, event).state, start);
  }

  #apply({ state, commands }: Transition): void {
    this.#state = state;
    for (const command of commands) this.#execute(command);
  }

  #execute(command: RouteCommand): void {
    switch (command.type) {
      case 'attempt':
        return this.#attempt(command);
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
        return this.#finish(command.outcome);
    }
  }

  #attempt(command: AttemptCommand): void {
    this.#aborts[command.attempt] = this.#ports.attempt(command, new DriverReport(this, command.attempt));
  }

  #finish(outcome: RouteOutcome): void {
    this.#isOver = true;
    for (const cancel of this.#timers) cancel();
    this.#ports.finish(outcome, this);
  }

  /** Once for each attempt. */
  #abort(attempt: number, failure: Failure | undefined): void {
    const abort = this.#aborts[attempt];
    this.#aborts[attempt] = undefined;
    abort?.(failure);
  }

  #queue(step: number, target: string): void {
    this.#leaveQueue = this.#ports.queue?.(target, () => this.receive({ type: 'admitted', step })) ?? notQueued;
  }

  #setTimer(timer: Timer, at: Instant): void {
    this.#timers.push(this.#ports.clock.at(at, () => this.receive({ type: 'timer-fired', timer }, timer)));
  }

  #now(): RoutingInput {
    const at = this.#ports.clock.now();
    return routingInputFor(this.#policy, at, { closed: this.#ports.coolingDown(at), ...this.#ports.viewTargets?.(at) });
  }
}

class DriverReport implements AttemptReport {
  readonly #driver: Driver;
  readonly #attempt: number;

  constructor(driver: Driver, attempt: number) {
    this.#driver = driver;
    this.#attempt = attempt;
  }

  opened(): void {
    this.#driver.receive({ type: 'attempt-opened', attempt: this.#attempt });
  }

  released(): void {
    this.#driver.receive({ type: 'attempt-released', attempt: this.#attempt });
  }

  answered(signals: Signals): void {
    this.#driver.receive({ type: 'attempt-answered', attempt: this.#attempt, signals });
  }

  failed(failure: Failure, isContinuable?: boolean, hasOtherKey?: boolean): void {
    const failed = { type: 'attempt-failed' as const, attempt: this.#attempt, failure };
    if (hasOtherKey) this.#driver.receive({ ...failed, otherKey: true });
    else this.#driver.receive(isContinuable ? { ...failed, continuable: true } : failed);
  }
}
