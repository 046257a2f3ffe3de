/** Obeys the router against a real world: the only place where a command becomes an effect. */
import type { Failure } from '../core/failure.ts';
import {
  type AttemptCommand,
  advance,
  begin,
  type Moment,
  momentOf,
  type RouteCommand,
  type RouteEvent,
  type RouteOutcome,
  type RoutePolicy,
  type RouteState,
  type Sight,
  type Timer,
  type Transition,
  timeoutOf,
} from '../core/route.ts';
import type { Signals } from '../core/signal.ts';
import type { Cancel, Clock, Instant } from '../core/time.ts';

export type { AttemptCommand };

export interface World {
  readonly clock: Clock;
  /** Since when the deadline runs; since the beginning of the drive when absent. */
  readonly arrivedAt?: Instant | undefined;
  /** The targets that the fleet refuses at this instant, and until when. */
  closed(at: Instant): Readonly<Record<string, Instant>>;
  /** What else is seen: limits that are used up, extra calls that are refused. Nothing when absent. */
  look?(at: Instant): Omit<Sight, 'closed'>;
  /** Takes a place in the queue for a target and gives what leaves it; absent when nothing ever waits. */
  queue?(target: string, admitted: () => void): Cancel;
  /** Starts an attempt and gives what aborts it: with a failure when it is aborted for one, without when it is no longer needed. */
  attempt(command: AttemptCommand, report: AttemptReport): (failure?: Failure) => void;
  /** The caller reads this attempt from here on. */
  commit(attempt: number): void;
  finish(outcome: RouteOutcome, log: DriveLog): void;
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

export interface DriveLog {
  readonly state: RouteState;
  readonly events: readonly RouteEvent[];
}

export interface Drive {
  /** The caller is gone: everything under way is aborted. */
  leave(): void;
}

export function drive(policy: RoutePolicy, seed: string, world: World): Drive {
  const driver = new Driver(policy, world);
  driver.begin(seed);
  return { leave: () => driver.hear(moment => ({ ...moment, type: 'caller-left' })) };
}

class Driver {
  readonly #policy: RoutePolicy;
  readonly #world: World;
  readonly #aborts = new Map<number, (failure?: Failure) => void>();
  readonly #timers = new Set<Cancel>();
  #leaveQueue: Cancel = () => {};
  readonly #events: RouteEvent[] = [];
  readonly #waiting: { readonly happened: (now: Moment) => RouteEvent; readonly timer?: Timer }[] = [];
  #state!: RouteState;
  /** The commands of one transition are obeyed to the end before the next event is heard, however soon an attempt reports. */
  #isObeying = true;

  constructor(policy: RoutePolicy, world: World) {
    this.#policy = policy;
    this.#world = world;
  }

  begin(seed: string): void {
    this.#follow(begin(this.#policy, seed, this.#now(), this.#world.arrivedAt));
    this.#hearWaiting();
  }

  hear(happened: (now: Moment) => RouteEvent, timer?: Timer): void {
    this.#waiting.push({ happened, ...(timer ? { timer } : {}) });
    if (!this.#isObeying) this.#hearWaiting();
  }

  #hearWaiting(): void {
    this.#isObeying = true;
    for (let next = this.#waiting.shift(); next && !this.#state.outcome; next = this.#waiting.shift()) {
      // The fleet hears of a timeout before the router looks at the fleet: this failure may be the one that opens the breaker.
      const failure = next.timer && timeoutOf(this.#state, next.timer);
      if (failure && next.timer?.type === 'timeout') this.#abort(next.timer.attempt, failure);
      const event = next.happened(this.#now());
      this.#events.push(event);
      this.#follow(advance(this.#state, event));
    }
    this.#isObeying = false;
  }

  #follow({ state, commands }: Transition): void {
    this.#state = state;
    for (const command of commands) this.#obey(command);
  }

  #obey(command: RouteCommand): void {
    switch (command.type) {
      case 'attempt':
        this.#aborts.set(command.attempt, this.#world.attempt(command, this.#reportOf(command.attempt)));
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
        return this.#world.commit(command.attempt);
      case 'finish':
        for (const cancel of this.#timers) cancel();
        return this.#world.finish(command.outcome, { state: this.#state, events: this.#events });
    }
  }

  /** Once for each attempt. */
  #abort(attempt: number, failure: Failure | undefined): void {
    const abort = this.#aborts.get(attempt);
    this.#aborts.delete(attempt);
    abort?.(failure);
  }

  #queue(step: number, target: string): void {
    const admitted = (): void => this.hear(moment => ({ ...moment, type: 'admitted', step }));
    this.#leaveQueue = this.#world.queue?.(target, admitted) ?? (() => {});
  }

  #setTimer(timer: Timer, at: Instant): void {
    const cancel = this.#world.clock.at(at, () => {
      this.#timers.delete(cancel);
      this.hear(moment => ({ ...moment, type: 'timer-fired', timer }), timer);
    });
    this.#timers.add(cancel);
  }

  #reportOf(attempt: number): AttemptReport {
    return {
      opened: () => this.hear(moment => ({ ...moment, type: 'attempt-opened', attempt })),
      answered: signals => this.hear(moment => ({ ...moment, type: 'attempt-answered', attempt, signals })),
      released: () => this.hear(moment => ({ ...moment, type: 'attempt-released', attempt })),
      failed: (failure, isContinuable) =>
        this.hear(moment => ({ ...moment, type: 'attempt-failed', attempt, failure, ...(isContinuable ? { continuable: true } : {}) })),
    };
  }

  #now(): Moment {
    const at = this.#world.clock.now();
    return momentOf(this.#policy, at, { closed: this.#world.closed(at), ...this.#world.look?.(at) });
  }
}
