/** Money of a run: reserved before each call, settled after it, and never above the cap. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';

export class SpendCap {
  readonly cap: NanoUsd;
  #reserved = 0;
  #spent = 0;

  /** Infinity for no cap. `spent` is what a run that goes on had spent before. */
  constructor(cap: NanoUsd, spent: NanoUsd = 0) {
    this.cap = cap;
    this.#spent = spent;
  }

  /** What calls under way may still cost. */
  get reserved(): NanoUsd {
    return this.#reserved;
  }

  get spent(): NanoUsd {
    return this.#spent;
  }

  /** False, and nothing reserved, when the call could pass the cap. */
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
