/** The type of field limits: the length, number and letters that a target accepts. Providers hold the data. */

/** The limits of a target; a field without one is sent unchanged. Lengths are in UTF-16 units. */
export interface FieldLimits {
  readonly user?: NameLimit & { readonly refusesEmail?: true };
  readonly toolName?: NameLimit;
  /** Ids that join tool calls to their results. */
  readonly callId?: NameLimit;
  readonly outputName?: NameLimit;
  readonly toolCountMax?: number;
  readonly metadata?: { readonly countMax: number; readonly keyLengthMax: number; readonly valueLengthMax: number };
}

export interface NameLimit {
  readonly lengthMax: number;
  /** The accepted letters, as the body of a character class: `a-zA-Z0-9_-`. */
  readonly letters: string;
  /** Whether it must begin with a letter or an underscore. */
  readonly startsWithLetter?: true;
}

/** Letters, digits, underscores and dashes, which most vendors accept as a name. */
export const nameOf = (lengthMax: number): NameLimit => ({ lengthMax, letters: 'a-zA-Z0-9_-' });

/** Visible ASCII. */
export const visibleLetters = '!-~';
