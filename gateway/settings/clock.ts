/** The wall clock: steady within the process, so that a jump of the system's time moves no timer. */
import type { Clock, Instant } from '../core/shared/time.ts';

/** Longest delay that setTimeout takes; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1;

export const wallClock: Clock = {
  now: (): Instant => performance.timeOrigin + performance.now(),
  at(instant, fire) {
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      timer = setTimeout(due, Math.min(delayMsMax, Math.max(0, Math.ceil(instant - wallClock.now()))));
    };
    // Node's timers may fire up to a millisecond early, and one for a distant instant is set in several steps.
    const due = (): void => {
      if (wallClock.now() >= instant) fire();
      else wait();
    };
    wait();
    return () => clearTimeout(timer);
  },
};
