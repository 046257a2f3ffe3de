/** The wall clock, monotonic within the process: a jump of the system's time moves no timer. */
import type { Cancel, Clock, Instant, Milliseconds } from '../core/shared/time.ts';
import { CoarseTimers } from './coarse-timers.ts';

/** The longest delay of setTimeout; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1;
/** Deadlines and timeouts are longer, and mostly cancelled: a timer of its own for each would cost more than the call. */
const coarseMsMin: Milliseconds = 2_000;

const now = (): Instant => performance.timeOrigin + performance.now();

/** A timer later than this shows that the loop stood still: what came meanwhile lies unread in the sockets. */
const lateMs: Milliseconds = 20;

function exactlyAt(instant: Instant, fire: () => void): Cancel {
  let timer: NodeJS.Timeout;
  let afterReading: NodeJS.Immediate | undefined;
  const wait = (): void => {
    timer = setTimeout(due, Math.min(delayMsMax, Math.max(0, Math.ceil(instant - now()))));
  };
  // Node's timers may fire up to a millisecond early, and one for a distant instant is set in several steps.
  const due = (): void => {
    const late = now() - instant;
    if (late < 0) wait();
    // Timers come before sockets: who was heard in time must not count as silent.
    else if (late > lateMs) afterReading = setImmediate(fire);
    else fire();
  };
  wait();
  return () => {
    clearTimeout(timer);
    clearImmediate(afterReading);
  };
}

const coarse = new CoarseTimers(exactlyAt);

export const wallClock: Clock = {
  now,
  at: (instant, fire) => (instant - now() >= coarseMsMin ? coarse.at(instant, fire) : exactlyAt(instant, fire)),
};
