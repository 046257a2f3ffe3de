/** Tails over several workers: the worker that serves one subscribes to all, and the primary process carries the events. */
import type { TailEvent, TailFilter } from '../admin/api/exchanges.ts';
import type { LiveView } from '../admin/gateway-admin.ts';
import type { WatchedTail } from '../admin/live/workers.ts';
import { type FromWorker, slotOfTail, type ToWorker, tailId } from './protocol.ts';

/** In a worker: the tails that it shows, and those that it feeds. */
export class WorkerTails {
  readonly #slot: number;
  readonly #send: (message: FromWorker) => void;
  readonly #shown = new Map<string, (event: TailEvent) => void>();
  readonly #fed = new Map<string, () => void>();
  #last = 0;

  constructor(slot: number, send: (message: FromWorker) => void) {
    this.#slot = slot;
    this.#send = send;
  }

  watch(filter: TailFilter, tenants: readonly string[] | undefined, deliver: (event: TailEvent) => void): () => void {
    const id = tailId(this.#slot, ++this.#last);
    this.#shown.set(id, deliver);
    this.#send({ type: 'watch', tail: { id, filter, tenants } });
    return () => {
      if (this.#shown.delete(id)) this.#send({ type: 'unwatch', id });
    };
  }

  onMessage(message: ToWorker, live: LiveView | undefined): void {
    if (message.type === 'tailed') this.#shown.get(message.id)?.(message.event);
    if (message.type === 'unwatch') {
      this.#fed.get(message.id)?.();
      this.#fed.delete(message.id);
    }
    if (message.type !== 'watch' || !live || this.#fed.has(message.tail.id)) return;
    const { id } = message.tail;
    this.#fed.set(
      id,
      live.watch(message.tail, event => this.#send({ type: 'tailed', id, event })),
    );
  }
}

/** In the first process. */
export class TailExchange {
  readonly #send: (slot: number, message: ToWorker) => void;
  readonly #slots: () => Iterable<number>;
  readonly #tails = new Map<string, WatchedTail>();

  constructor(slots: () => Iterable<number>, send: (slot: number, message: ToWorker) => void) {
    this.#slots = slots;
    this.#send = send;
  }

  onMessage(message: FromWorker): void {
    if (message.type === 'tailed') return this.#send(slotOfTail(message.id), message);
    if (message.type === 'watch') this.#tails.set(message.tail.id, message.tail);
    else if (message.type === 'unwatch') this.#tails.delete(message.id);
    else return;
    for (const slot of this.#slots()) this.#send(slot, message);
  }

  /** A new one feeds the tails that are open. */
  joined(slot: number): void {
    for (const tail of this.#tails.values()) this.#send(slot, { type: 'watch', tail });
  }

  /** Nobody reads what a dead one showed. */
  left(slot: number): void {
    for (const id of this.#tails.keys()) if (slotOfTail(id) === slot) this.onMessage({ type: 'unwatch', id });
  }
}
