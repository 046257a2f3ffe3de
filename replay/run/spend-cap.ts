/** The spend cap of a run: cost is reserved before each call and settled after it, and never exceeds the cap. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';

/** Tracks spent and reserved cost of one run, in nano-dollars. */
export class SpendCap {
  readonly cap: NanoUsd;
  #reserved = 0;
  #spent = 0;

  /** Infinity for no cap. `spent` is what a resumed run has spent before. */
  constructor(cap: NanoUsd, spent: NanoUsd = 0) {
    this.cap = cap;
    this.#spent = spent;
  }

  /** The reserved cost of calls in flight. */
  get reserved(): NanoUsd {
    return this.#reserved;
  }

  get spent(): NanoUsd {
    return this.#spent;
  }

  /** Reserves the worst-case cost; false, without a reservation, when it could exceed the cap. */
  reserve(worst: NanoUsd): boolean {
    if (this.#spent + this.#reserved + worst > this.cap) return false;
    this.#reserved += worst;
    return true;
  }

  settle(reserved: NanoUsd, actual: NanoUsd): void {
    this.#reserved -= reserved;
    this.#spent += actual;
  }
}
