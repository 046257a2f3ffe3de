/** Lets a few in at a time and keeps the others in a line of bounded length. */

export class ConcurrencyLimiter {
  readonly #limit: number;
  readonly #waitingMax: number;
  readonly #onFull: () => Error;
  readonly #waiting: { enter: () => void; leave: (reason: Error) => void }[] = [];
  #running = 0;

  constructor(limit: number, waitingMax: number, onFull: () => Error) {
    this.#limit = limit;
    this.#waitingMax = waitingMax;
    this.#onFull = onFull;
  }

  /** Runs `work` when there is a place; someone who gives up by `signal` while waiting takes none. */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.enter();
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (this.#running < this.#limit) {
      this.#running += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) throw this.#onFull();
    return new Promise<void>((resolve, reject) => {
      const entry = {
        enter: () => {
          signal?.removeEventListener('abort', giveUp);
          this.#running += 1;
          resolve();
        },
        leave: reject,
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(entry);
    });
  }

  /** Turns away everyone in the line. */
  rejectWaiting(reason: Error): void {
    for (const { leave } of this.#waiting.splice(0)) leave(reason);
  }
}
