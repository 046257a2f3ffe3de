/** Runs a limited number of tasks at once, with a queue of limited length. */

export class ConcurrencyLimiter {
  #limit: number;
  readonly #waitingMax: number;
  readonly #onFull: () => Error;
  readonly #waiting: { enter: () => void; leave: (reason: Error) => void }[] = [];
  #running = 0;

  constructor(limit: number, waitingMax: number, onFull: () => Error) {
    this.#limit = limit;
    this.#waitingMax = waitingMax;
    this.#onFull = onFull;
  }

  /** Runs `work` when a slot is free. Rejects when `signal` aborts while it waits. */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running < this.#limit) this.#waiting.shift()?.enter();
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

  /** One place more, for one that is held by something which cannot be ended. */
  grow(): void {
    this.#limit += 1;
    this.#waiting.shift()?.enter();
  }

  shrink(): void {
    this.#limit -= 1;
  }

  /** Rejects all waiting tasks. */
  rejectWaiting(reason: Error): void {
    for (const { leave } of this.#waiting.splice(0)) leave(reason);
  }
}
