/** The wall clock: steady within the process, so that a jump of the system's time moves no timer. */
import type { Clock, Instant } from './core/time.ts';

/** Longest delay that setTimeout takes; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1;

export const wallClock: Clock = {
  now: (): Instant => performance.timeOrigin + performance.now(),
  at(instant, fire) {
    const delay = Math.min(delayMsMax, Math.max(0, instant - this.now()));
    const timer = setTimeout(fire, delay);
    return () => clearTimeout(timer);
  },
};
