/** Counts the tokens of any text in bounded time. Encoders take quadratic time in a run of letters without a break. */

export interface CountRequest {
  readonly id: number;
  readonly encoding: 'o200k_base' | 'cl100k_base';
  readonly groups: readonly (readonly string[])[];
}

export interface CountResult {
  readonly id: number;
  /** One per group. */
  readonly counts: readonly number[];
}

type Count = (text: string, options?: { readonly disallowedSpecial: Set<string> }) => number;
export interface Encoder {
  readonly countTokens: Count;
}

/** Characters that are counted; the count of a longer text is extrapolated. */
const lengthMax = 400_000;
/** Longer runs of letters are split here, which adds a token per split. Words are shorter. */
const runLengthMax = 200;
const longRun = /[^\s\p{P}]{200}/gu;
/** `<|endoftext|>` in a caller's text counts as text. */
const plain = { disallowedSpecial: new Set<string>() };

/** The tokens of all texts together. */
export function countTexts(count: Count, texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + countText(count, text), 0);
}

function countText(count: Count, text: string): number {
  const beginning = text.slice(0, lengthMax);
  const tokens =
    beginning.length < runLengthMax
      ? count(beginning, plain)
      : splitLongRuns(beginning).reduce((sum, piece) => sum + count(piece, plain), 0);
  return beginning.length === text.length ? tokens : Math.round((tokens * text.length) / beginning.length);
}

function splitLongRuns(text: string): readonly string[] {
  const out: string[] = [];
  let at = 0;
  for (const { index } of text.matchAll(longRun)) {
    out.push(text.slice(at, index + runLengthMax));
    at = index + runLengthMax;
  }
  out.push(text.slice(at));
  return out;
}
