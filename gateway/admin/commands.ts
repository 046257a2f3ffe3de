/** Commands of this program that the admin API runs. The composition root hands in who runs them. */

export interface Commands {
  /** Runs a command to its end. At most two run at once, each for at most a minute; rejects with CommandsBusy beyond. The signal ends it. */
  run(args: readonly string[], signal: AbortSignal): Promise<CommandResult>;
  /** Starts a replay that goes on when the asker leaves; gives its run once it has begun, or why it did not. */
  startRun(args: readonly string[]): Promise<StartedRun | CommandFailure>;
  /** Interrupts a run that this process started; it can be resumed. False when there is none. */
  pauseRun(run: string): boolean;
  close(): void;
}

export type CommandResult = { readonly ok: true; readonly json: unknown } | CommandFailure;

export interface CommandFailure {
  readonly ok: false;
  /** There was nothing to look at. */
  readonly isNothing: boolean;
  /** What the command said, one or more sentences. */
  readonly message: string;
}

export interface StartedRun {
  readonly ok: true;
  readonly run: string;
}

/** Too many commands run already. */
export class CommandsBusy extends Error {}
