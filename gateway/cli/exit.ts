/** What the exit codes of every command mean. */
export const exit = {
  pass: 0,
  /** A gate failed. */
  failed: 1,
  usage: 2,
  inconclusive: 3,
  /** A run ended before all of it was done: its cap, its time, too many errors. */
  incomplete: 4,
  /** Nothing was selected. */
  nothing: 5,
  internal: 70,
  /** Interrupted, and to be resumed. */
  interrupted: 130,
} as const;
