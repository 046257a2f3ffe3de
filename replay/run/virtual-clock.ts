/** Virtual time, which advances when nothing is left to do: recorded responses keep their durations without real waiting. */
import type { Cancel, Clock, Instant } from '../../gateway/core/shared/time.ts';

interface ScheduledCallback {
  readonly at: Instant;
  readonly fire: () => void;
}

/** A clock whose timers fire in order, without real waiting. */
export class VirtualClock implements Clock {
  #now: Instant;
  readonly #queue: ScheduledCallback[] = [];

  constructor(now: Instant) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  at(instant: Instant, fire: () => void): Cancel {
    const due = { at: Math.max(this.#now, instant), fire };
    let i = this.#queue.length;
    while (i > 0 && this.#queue[i - 1]!.at > due.at) i--;
    this.#queue.splice(i, 0, due);
    return () => {
      const place = this.#queue.indexOf(due);
      if (place >= 0) this.#queue.splice(place, 1);
    };
  }

  /** Advances the time until the task settles, and returns its result. */
  async run<Result>(task: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    task.then(over, over);
    for (;;) {
      await new Promise(resolve => setImmediate(resolve));
      if (isOver) return task;
      const next = this.#queue.shift();
      if (!next) continue;
      this.#now = next.at;
      next.fire();
    }
  }
}
