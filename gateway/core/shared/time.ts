/** Time as the core knows it: an instant that arrives in events, and a clock that only the edge may hold. */

/** Milliseconds since the Unix epoch; fractions allowed. */
export type Instant = number;
export type Milliseconds = number;

/** Takes back a scheduled call; harmless when it already ran. */
export type Cancel = () => void;

/** The edge's clock. The gateway and replay hold a wall clock, tests a virtual one; core never holds any. */
export interface Clock {
  now(): Instant;
  /** Calls `fire` once at `instant` or as soon after it as possible; never before this function has returned. */
  at(instant: Instant, fire: () => void): Cancel;
}
