/** The exit codes of every command. */
export const exit = {
  pass: 0,
  /** A gate failed. */
  failed: 1,
  usage: 2,
  inconclusive: 3,
  /** A run ended early: spend cap, time limit or too many errors. */
  incomplete: 4,
  /** The selection is empty. */
  nothing: 5,
  internal: 70,
  /** Interrupted; the run can be resumed. */
  interrupted: 130,
} as const;
