/** What is being answered now, and how a gateway ends: nothing new, everything under way to its end or to a bound, then nothing left open. */
import type { Server as Listener, ServerResponse } from 'node:http';
import type { Exchange } from '../core/exchange.ts';
import type { Clock, Milliseconds } from '../core/time.ts';
import type { Asking } from '../exchange/contract.ts';
import { Roster } from './roster.ts';

export class Drain {
  isDraining = false;
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #answering = new Roster<ServerResponse>();
  readonly #asking = new Roster<Asking>();
  #idle: (() => void) | undefined;

  constructor(clock: Clock, listener: Listener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  get size(): number {
    return this.#answering.size;
  }

  /** Counted until its response is closed. */
  enter(response: ServerResponse): void {
    const leave = this.#answering.enter(response);
    response.once('close', () => {
      leave();
      if (this.#answering.size === 0) this.#idle?.();
    });
  }

  /** Counted until its record is sealed, which may be after its caller has left. */
  async follow(asking: Asking): Promise<Exchange> {
    const leave = this.#asking.enter(asking);
    try {
      return await asking.done;
    } finally {
      leave();
    }
  }

  /** Refuses what is new, waits so long for what is under way, then cuts it. */
  async end(graceMs: Milliseconds): Promise<void> {
    this.isDraining = true;
    for (const response of this.#answering) if (!response.headersSent) response.shouldKeepAlive = false;
    this.#listener.closeIdleConnections();
    if (this.#answering.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      const cancel = this.#clock.at(this.#clock.now() + graceMs, resolve);
      await promise;
      cancel();
    }
    const closed = this.#listener.listening ? new Promise<void>(resolve => this.#listener.close(() => resolve())) : undefined;
    const asking = [...this.#asking];
    for (const { leave } of asking) leave();
    await Promise.allSettled(asking.map(({ done }) => done));
    this.#listener.closeAllConnections();
    await closed;
  }

  /** Cuts now. */
  hurry(): void {
    this.#idle?.();
  }
}
