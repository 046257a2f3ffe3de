/** Live tails of one process: each sees the exchanges that match, so many a second, and how many were left out. */
import type { Exchange } from '../../core/exchange.ts';
import type { Clock, Instant } from '../../core/shared/time.ts';
import type { ExchangeSummary, TailEvent, TailFilter } from '../api/exchanges.ts';
import { matches } from './filter.ts';
import { summaryOf } from './summary.ts';

/** More than anybody reads; what is over it costs a count. */
export const eventsPerSecond = 20;
const windowMs = 1_000;
/** Under load an exchange that would not be shown is not even looked at, and a filter must still see some that match. */
const looksPerSecond = 500;

interface Tail {
  readonly filter: TailFilter;
  readonly tenants: readonly string[] | undefined;
  deliver(event: TailEvent): void;
  windowStart: Instant;
  shown: number;
  looks: number;
  dropped: number;
}

/** The open tails of this process. `publish` gives each finished exchange to those whose filter and tenants match. */
export class Tails {
  readonly #clock: Clock;
  readonly #tails = new Set<Tail>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#tails.size;
  }

  /** `tenants`: only theirs; undefined for all. Gives what ends it. */
  open(filter: TailFilter, tenants: readonly string[] | undefined, deliver: (event: TailEvent) => void): () => void {
    const tail: Tail = { filter, tenants, deliver, windowStart: this.#clock.now(), shown: 0, looks: 0, dropped: 0 };
    this.#tails.add(tail);
    return () => this.#tails.delete(tail);
  }

  publish(exchange: Exchange): void {
    if (this.#tails.size === 0 || exchange.run !== undefined) return;
    const now = this.#clock.now();
    let summary: ExchangeSummary | undefined;
    for (const tail of this.#tails) {
      if (tail.tenants && !tail.tenants.includes(exchange.caller.tenant)) continue;
      if (now - tail.windowStart >= windowMs) this.#begin(tail, now);
      if (tail.shown >= eventsPerSecond || tail.looks >= looksPerSecond) {
        this.#drop(tail);
        continue;
      }
      tail.looks += 1;
      summary ??= summaryOf(exchange);
      if (!matches(tail.filter, summary)) continue;
      tail.shown += 1;
      tail.deliver({ type: 'exchange', exchange: summary });
    }
  }

  #drop(tail: Tail): void {
    tail.dropped += 1;
    if (tail.dropped > 1) return;
    this.#clock.at(tail.windowStart + windowMs, () => {
      if (this.#tails.has(tail)) this.#begin(tail, this.#clock.now());
    });
  }

  #begin(tail: Tail, now: Instant): void {
    const { dropped } = tail;
    Object.assign(tail, { windowStart: now, shown: 0, looks: 0, dropped: 0 });
    if (dropped > 0) tail.deliver({ type: 'dropped', count: dropped });
  }
}
