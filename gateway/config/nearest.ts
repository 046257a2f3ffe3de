/** "Did you mean": the known word with the smallest edit distance. */

const lengthMax = 64;

/** The nearest known word; undefined when more than a third of the word, or of a short one two letters, would change. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const low = word.toLowerCase();
  if (low.length > lengthMax) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(low.length / 3)) + 1;
  for (const candidate of known) {
    if (candidate.length > lengthMax) continue;
    const distance = editDistance(low, candidate.toLowerCase());
    if (distance < bestDistance && distance < candidate.length) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Counts insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let fewest = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) fewest = Math.min(fewest, beforeLast[j - 2]! + 1);
      row.push(fewest);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}

/** `; did you mean "port"?`, or an empty text. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}
