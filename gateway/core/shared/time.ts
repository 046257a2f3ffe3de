/** Time: instants arrive in events, and only the edge holds a clock. */

/** Milliseconds since the Unix epoch; fractions allowed. */
export type Instant = number;
export type Milliseconds = number;

/** Cancels a scheduled call; no effect when it already ran. */
export type Cancel = () => void;

/** The edge's clock: a wall clock in gateway and replay, a virtual one in tests. The core never holds one. */
export interface Clock {
  now(): Instant;
  /** Calls `fire` once, at `instant` or as soon after as possible, and never before this function returns. */
  at(instant: Instant, fire: () => void): Cancel;
}
