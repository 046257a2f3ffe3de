/** Lets a few readers' calls run at once. One that does not end costs its reader the answer, and another place stands in for its own. */
import { ConcurrencyLimiter } from '../session/concurrency-limiter.ts';
import { exceptions } from '../session/exception.ts';

export interface ReaderGateOptions {
  readonly places: number;
  /** How many may stand in at once. */
  readonly spare: number;
  /** Beyond the engine's own limit of a reader's statement. */
  readonly callMsMax?: number;
  /** How long a cancelled statement may continue. */
  readonly endMsMax?: number;
}

const waitingMax = 500;
const callMsDefault = 65_000;
const endMsDefault = 5_000;

export class ReaderGate {
  readonly #options: ReaderGateOptions;
  readonly #limiter: ConcurrencyLimiter;
  #stuckCount = 0;

  constructor(options: ReaderGateOptions) {
    this.#options = options;
    this.#limiter = new ConcurrencyLimiter(options.places, waitingMax, () =>
      exceptions.tooManyQueries(`More than ${waitingMax} readers are waiting. Try again later.`),
    );
  }

  /** Calls that were given up and still hold a thread. */
  get stuckCount(): number {
    return this.#stuckCount;
  }

  /** The call's result, or a rejection when it was given up. */
  run<Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#limiter
        .run(() => {
          const running = call();
          this.#watch(running, signal, reject);
          running.then(resolve, reject);
          return running;
        }, signal)
        .catch(reject);
    });
  }

  #watch(running: Promise<unknown>, signal: AbortSignal, reject: (reason: unknown) => void): void {
    const { spare, callMsMax = callMsDefault, endMsMax = endMsDefault } = this.#options;
    let isGivenUp = false;
    let standsIn = false;
    const giveUp = (): void => {
      if (isGivenUp) return;
      isGivenUp = true;
      reject(exceptions.timeout('The statement goes on beyond its limit, and is given up.'));
      if (this.#stuckCount++ < spare) {
        standsIn = true;
        this.#limiter.grow();
      }
    };
    const limit = setTimeout(giveUp, callMsMax);
    let end: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      end = setTimeout(giveUp, endMsMax);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      clearTimeout(limit);
      clearTimeout(end);
      signal.removeEventListener('abort', onAbort);
      if (isGivenUp) this.#stuckCount -= 1;
      if (standsIn) this.#limiter.shrink();
    };
    running.then(settle, settle);
  }

  rejectWaiting(reason: Error): void {
    this.#limiter.rejectWaiting(reason);
  }
}
