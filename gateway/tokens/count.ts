/** Counts texts of any kind in bounded time: encoders are quadratic in a run without a break, and linear in the rest. */

export interface CountRequest {
  readonly id: number;
  readonly encoding: 'o200k_base' | 'cl100k_base';
  readonly groups: readonly (readonly string[])[];
}

export interface CountResult {
  readonly id: number;
  /** One for each group. */
  readonly counts: readonly number[];
}

type Count = (text: string, options?: { readonly disallowedSpecial: Set<string> }) => number;
export interface Encoder {
  readonly countTokens: Count;
}

/** A longer text is counted by its beginning. */
const lengthMax = 400_000;
/** Words are shorter; runs of letters without an end are cut here, at the cost of a token each. */
const runLengthMax = 200;
const longRun = /[^\s\p{P}]{200}/gu;
/** `<|endoftext|>` in somebody's text is text. */
const plain = { disallowedSpecial: new Set<string>() };

export function countTexts(count: Count, texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + countText(count, text), 0);
}

function countText(count: Count, text: string): number {
  const read = text.slice(0, lengthMax);
  const counted =
    read.length < runLengthMax ? count(read, plain) : splitLongRuns(read).reduce((sum, piece) => sum + count(piece, plain), 0);
  return read.length === text.length ? counted : Math.round((counted * text.length) / read.length);
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
