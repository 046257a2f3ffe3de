/** Distant calls share timers: one per slot of 50 ms. At the end of a slot its calls fire in the order of their instants. */
import type { Cancel, Instant, Milliseconds } from '../core/shared/time.ts';

export const coarseSlotMs: Milliseconds = 50;

/** Sets one timer, and returns the function that cancels it. */
export type SetTimer = (instant: Instant, fire: () => void) => Cancel;

interface ScheduledCall {
  readonly instant: Instant;
  readonly fire: () => void;
  /** Its index in the slot; -1 once it has fired or is cancelled. */
  place: number;
}

interface Slot {
  readonly calls: ScheduledCall[];
  cancelTimer: Cancel;
}

/** Timers for calls that may fire late by one slot (50 ms): one system timer serves all calls of a slot. */
export class CoarseTimers {
  readonly #setTimer: SetTimer;
  readonly #slots = new Map<number, Slot>();

  constructor(setTimer: SetTimer) {
    this.#setTimer = setTimer;
  }

  /** Calls `fire` once, at `instant` or at most `coarseSlotMs` after it. */
  at(instant: Instant, fire: () => void): Cancel {
    const number = Math.ceil(instant / coarseSlotMs);
    const slot = this.#slots.get(number) ?? this.#open(number);
    const call: ScheduledCall = { instant, fire, place: slot.calls.length };
    slot.calls.push(call);
    return () => this.#cancel(number, slot, call);
  }

  #open(number: number): Slot {
    const slot: Slot = { calls: [], cancelTimer: this.#setTimer(number * coarseSlotMs, () => this.#fire(number, slot)) };
    this.#slots.set(number, slot);
    return slot;
  }

  #fire(number: number, slot: Slot): void {
    this.#slots.delete(number);
    for (const call of slot.calls.toSorted((a, b) => a.instant - b.instant)) {
      if (call.place < 0) continue;
      call.place = -1;
      call.fire();
    }
  }

  /** The last call moves to the freed index. An empty slot cancels its timer. */
  #cancel(number: number, { calls, cancelTimer }: Slot, call: ScheduledCall): void {
    const { place } = call;
    if (place < 0) return;
    call.place = -1;
    const last = calls.pop()!;
    if (last !== call) {
      calls[place] = last;
      last.place = place;
    }
    if (calls.length > 0) return;
    cancelTimer();
    this.#slots.delete(number);
  }
}
