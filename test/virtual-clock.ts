/** A clock that stands still until it is moved from one scheduled instant to the next; equal instants come in the order of their scheduling. */
import type { Cancel, Clock, Instant } from '../gateway/core/shared/time.ts';

interface Due {
  readonly at: Instant;
  readonly fire: () => void;
}

export class VirtualClock implements Clock {
  #now: Instant;
  readonly #due: Due[] = [];

  constructor(startAt: Instant = 0) {
    this.#now = startAt;
  }

  now(): Instant {
    return this.#now;
  }

  at(instant: Instant, fire: () => void): Cancel {
    const due = { at: instant, fire };
    let i = this.#due.length;
    while (i > 0 && this.#due[i - 1]!.at > instant) i--;
    this.#due.splice(i, 0, due);
    return () => {
      const place = this.#due.indexOf(due);
      if (place >= 0) this.#due.splice(place, 1);
    };
  }

  /** How many calls are still scheduled. */
  get waiting(): number {
    return this.#due.length;
  }

  /** Moves to the next scheduled instant and makes its call; false when none is scheduled. */
  step(): boolean {
    const next = this.#due.shift();
    if (!next) return false;
    this.#now = Math.max(this.#now, next.at);
    next.fire();
    return true;
  }

  /** Steps until nothing is scheduled or `done`. For worlds that answer within the call. */
  run(done: () => boolean = () => false): void {
    while (!done() && this.step());
  }

  /** As `run`, but lets promises settle between the steps. */
  async runAsync(done: () => boolean = () => false): Promise<void> {
    for (;;) {
      await new Promise(resolve => setImmediate(resolve));
      if (done() || !this.step()) return;
    }
  }
}
