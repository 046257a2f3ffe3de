/** Lets a few in at a time and keeps the others in a line of bounded length. */

export class Gate {
  readonly #places: number;
  readonly #waitingMax: number;
  readonly #full: () => Error;
  readonly #waiting: { enter: () => void; leave: (reason: Error) => void }[] = [];
  #inside = 0;

  constructor(places: number, waitingMax: number, full: () => Error) {
    this.#places = places;
    this.#waitingMax = waitingMax;
    this.#full = full;
  }

  /** Runs `work` when there is a place; someone who gives up by `signal` while waiting takes none. */
  async pass<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      this.#waiting.shift()?.enter();
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (this.#inside < this.#places) {
      this.#inside += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#waitingMax) throw this.#full();
    return new Promise<void>((resolve, reject) => {
      const place = {
        enter: () => {
          signal?.removeEventListener('abort', giveUp);
          this.#inside += 1;
          resolve();
        },
        leave: reject,
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(place), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(place);
    });
  }

  /** Turns away everyone in the line. */
  clear(reason: Error): void {
    for (const { leave } of this.#waiting.splice(0)) leave(reason);
  }
}
