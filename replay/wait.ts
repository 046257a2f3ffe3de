import type { Exchange } from '../gateway/core/exchange.ts';
import type { Clock, Instant, Milliseconds } from '../gateway/core/time.ts';
import type { Asking, Reader } from '../gateway/exchange/contract.ts';

/** Resolves when `at` has come, or at once when the run is stopped; how late it is, in ms. */
export function waitFor({ clock, stop }: { readonly clock: Clock; readonly stop: AbortSignal }, at: Instant): Promise<Milliseconds> {
  if (clock.now() >= at || stop.aborted) return Promise.resolve(Math.max(0, clock.now() - at));
  return new Promise(resolve => {
    const done = (): void => {
      cancel();
      stop.removeEventListener('abort', done);
      resolve(Math.max(0, clock.now() - at));
    };
    const cancel = clock.at(at, done);
    stop.addEventListener('abort', done, { once: true });
  });
}

export async function answered(asking: Asking, stop: AbortSignal): Promise<Exchange> {
  const leave = (): void => asking.leave();
  stop.addEventListener('abort', leave, { once: true });
  try {
    return await asking.done;
  } finally {
    stop.removeEventListener('abort', leave);
  }
}

/** The record is all that is wanted of the answer. */
export function nobodyReads(): Reader {
  let begun = false;
  return {
    get begun() {
      return begun;
    },
    begin: () => {
      begun = true;
    },
    write: () => true,
    end: () => {},
    fail: () => {},
  };
}
