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

/** Events of an attempt. Events after its end or abort are ignored by the router. */
export interface AttemptReport {
  opened(): void;
  /** Enough content arrived for the route to release the buffered stream. */
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
export class Driver implements RouteDriver {
  readonly #policy: RoutePolicy;
  readonly #ports: DriverPorts;
  /** By attempt. */
  readonly #aborts: (((failure?: Failure) => void) | undefined)[] = [];
  readonly #timers: Cancel[] = [];
  #leaveQueue = notQueued;
  readonly #events: RouteEvent[] = [];
  readonly #pending: { readonly body: EventBody; readonly timer: Timer | undefined }[] = [];
  #state!: RouteState;
  /** All commands of one transition run before the next event is handled, even if an attempt reports at once. */
  #isApplying = true;

  constructor(policy: RoutePolicy, ports: DriverPorts) {
    this.#policy = policy;
    this.#ports = ports;
  }

  /** Runs the first commands; the holder of the driver may be called synchronously. */
  begin(seed: string): void {
    this.#apply(begin(this.#policy, seed, this.#now(), this.#ports.arrivedAt));
    this.#processPending();
  }

  cancel(): void {
    this.receive({ type: 'caller-left' });
  }

  receive(body: EventBody, timer?: Timer): void {
    this.#pending.push({ body, timer });
    if (!this.#isApplying) this.#processPending();
  }

  #processPending(): void {
    this.#isApplying = true;
    for (let next = this.#pending.shift(); next && !this.#state.outcome; next = this.#pending.shift()) this.#advance(next.body, next.timer);
    this.#isApplying = false;
  }

  #advance(body: EventBody, timer: Timer | undefined): void {
    // The fleet hears of a timeout before the router looks at the fleet: this failure may be the one that opens the breaker.
    const failure = timer && timeoutFailure(this.#state, timer);
    if (failure && timer.type === 'timeout') this.#abort(timer.attempt, failure);
    const event = Object.assign(this.#now(), body) as RouteEvent;
    this.#events.push(event);
    this.#apply(advance(this.#state, event));
  }

  #apply({ state, commands }: Transition): void {
    this.#state = state;
    for (const command of commands) this.#execute(command);
  }

  #execute(command: RouteCommand): void {
    switch (command.type) {
      case 'attempt':
        this.#aborts[command.attempt] = this.#ports.attempt(command, new DriverReport(this, command.attempt));
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

  failed(failure: Failure, isContinuable?: boolean): void {
    const attempt = this.#attempt;
    this.#driver.receive(
      isContinuable ? { type: 'attempt-failed', attempt, failure, continuable: true } : { type: 'attempt-failed', attempt, failure },
    );
  }
}
