/** The type of field limits: the length, number, letters, places and schemas that a target accepts. Providers hold the data. */

/** The limits of a target; a field without one is sent unchanged. Lengths are in UTF-16 units. */
export interface FieldLimits {
  readonly user?: NameLimit & { readonly refusesEmail?: true };
  readonly toolName?: NameLimit;
  /** Ids that join tool calls to their results. */
  readonly callId?: NameLimit;
  readonly outputName?: NameLimit;
  readonly toolCountMax?: number;
  /** The forms of tools that it accepts beside functions. */
  readonly toolForms?: readonly ('freeform' | 'search' | 'namespace' | 'deferred')[];
  readonly stopCountMax?: number;
  readonly metadata?: { readonly countMax: number; readonly keyLengthMax: number; readonly valueLengthMax: number };
  /** One system prompt, of the role `system`, before all turns: chat templates of open models refuse any other. */
  readonly systemPrompts?: 'first';
  /** Strict schemas name every property as required, allow no others, and are bounded in size. */
  readonly strictSchema?: SchemaBounds;
  /** Nothing may stand beside a `$ref`. */
  readonly refs?: 'alone';
}

export interface NameLimit {
  readonly lengthMax: number;
  /** The accepted letters, as the body of a character class: `a-zA-Z0-9_-`. */
  readonly letters: string;
  /** Whether it must begin with a letter or an underscore. */
  readonly startsWithLetter?: true;
}

export interface SchemaBounds {
  /** Levels of nested objects and arrays. */
  readonly depthMax: number;
  /** Over the whole schema. */
  readonly propertyCountMax: number;
}

/** Limits of all models, or of each by its name. */
export type ModelLimits = FieldLimits | ((model: string) => FieldLimits);

/** The limits for a model; undefined when the provider has none. */
export const limitsFor = (limits: ModelLimits | undefined, model: string): FieldLimits | undefined =>
  typeof limits === 'function' ? limits(model) : limits;

/** Letters, digits, underscores and dashes, which most vendors accept as a name. */
export const nameOf = (lengthMax: number): NameLimit => ({ lengthMax, letters: 'a-zA-Z0-9_-' });

/** Visible ASCII. */
export const visibleLetters = '!-~';
