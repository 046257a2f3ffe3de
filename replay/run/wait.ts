/** Waiting in a replay: for a due time, and for an exchange. */
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Clock, Instant, Milliseconds } from '../../gateway/core/shared/time.ts';
import type { ExecutionHandle, ResponseSink } from '../../gateway/exchange/contract.ts';

/** Resolves at `at`, or at once when the run is stopped, to the lag in ms. */
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

/** The finished exchange; `stop` cancels the execution. */
export async function awaitExchange(execution: ExecutionHandle, stop: AbortSignal): Promise<Exchange> {
  const abandon = (): void => execution.cancel();
  stop.addEventListener('abort', abandon, { once: true });
  try {
    return await execution.done;
  } finally {
    stop.removeEventListener('abort', abandon);
  }
}

/** A sink that discards the response: replay needs only its record. */
export function discardingResponseSink(): ResponseSink {
  let begun = false;
  return {
    get headSent() {
      return begun;
    },
    sendHead: () => {
      begun = true;
    },
    write: () => true,
    end: () => {},
    fail: () => {},
  };
}
