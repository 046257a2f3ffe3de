/** Distant calls share timers: one per slot of 50 ms. At the end of a slot its calls fire in the order of their instants. */
import type { Cancel, Instant, Milliseconds } from '../core/shared/time.ts';

export const coarseSlotMs: Milliseconds = 50;

/** Sets one timer, and returns the function that cancels it. */
export type SetTimer = (instant: Instant, fire: () => void) => Cancel;

/** One of the calls of a slot, which are linked in the order they were scheduled: cancelling one moves no other. */
interface ScheduledCall {
  readonly instant: Instant;
  readonly fire: () => void;
  isScheduled: boolean;
  before: ScheduledCall | undefined;
  after: ScheduledCall | undefined;
}

interface Slot {
  readonly number: number;
  last: ScheduledCall | undefined;
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
    const call: ScheduledCall = { instant, fire, isScheduled: true, before: slot.last, after: undefined };
    if (slot.last) slot.last.after = call;
    slot.last = call;
    return () => this.#cancel(slot, call);
  }

  #open(number: number): Slot {
    const slot: Slot = { number, last: undefined, cancelTimer: this.#setTimer(number * coarseSlotMs, () => this.#fire(slot)) };
    this.#slots.set(number, slot);
    return slot;
  }

  #fire(slot: Slot): void {
    this.#slots.delete(slot.number);
    const calls: ScheduledCall[] = [];
    for (let call = slot.last; call; call = call.before) calls.push(call);
    calls.reverse().sort((a, b) => a.instant - b.instant);
    for (const call of calls) {
      if (!call.isScheduled) continue;
      call.isScheduled = false;
      call.fire();
    }
  }

  /** An empty slot cancels its timer. */
  #cancel(slot: Slot, call: ScheduledCall): void {
    if (!call.isScheduled) return;
    call.isScheduled = false;
    const { before, after } = call;
    if (before) before.after = after;
    if (after) after.before = before;
    else slot.last = before;
    // A call that lives on must not hold those that do not.
    call.before = call.after = undefined;
    if (slot.last) return;
    slot.cancelTimer();
    this.#slots.delete(slot.number);
  }
}
