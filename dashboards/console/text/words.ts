/** Differences of two texts word by word. Pure. */
import { diffWordsWithSpace } from 'diff';

export interface WordPiece {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Longer texts are compared line by line in no time, word by word in too much of it. */
const lengthMax = 60_000;

/** The first text's pieces and the second's, each with what is its alone marked; undefined when they are too long to compare. */
export function wordDifferences(
  before: string,
  after: string,
): { readonly before: readonly WordPiece[]; readonly after: readonly WordPiece[] } | undefined {
  if (before.length + after.length > lengthMax) return undefined;
  const pieces = (diffWordsWithSpace(before, after, { timeout: 400 }) ?? []).map(
    ({ added, removed, value }): WordPiece => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value }),
  );
  if (pieces.length === 0 && before !== after) return undefined;
  return { before: pieces.filter(({ kind }) => kind !== 'added'), after: pieces.filter(({ kind }) => kind !== 'removed') };
}
