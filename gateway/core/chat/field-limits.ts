/** How long, how many and of which letters a target takes the fields of a request. Data of the providers. */

/** What a target takes; a field without a limit is sent as it is. Lengths are in UTF-16 units. */
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
  /** One letter that is taken, as the body of a character class: `a-zA-Z0-9_-`. */
  readonly letters: string;
  /** Whether it must begin with a letter or an underscore. */
  readonly startsWithLetter?: true;
}

/** Letters, digits, underscores and dashes: what most vendors take as a name. */
export const nameOf = (lengthMax: number): NameLimit => ({ lengthMax, letters: 'a-zA-Z0-9_-' });

/** Visible ASCII. */
export const visibleLetters = '!-~';
