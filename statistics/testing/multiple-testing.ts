/** Corrections for multiple testing. */

/** Holm's step-down adjusted p-values (1979), in the given order. Rejecting where ≤ δ keeps the probability of any false rejection ≤ δ. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let runningBound = 0;
  for (const [rank, { p, i }] of order.entries()) {
    runningBound = Math.max(runningBound, Math.min(1, p * (pValues.length - rank)));
    adjusted[i] = runningBound;
  }
  return adjusted;
}

/**
 * Fixed-sequence testing: the number of leading hypotheses that are rejected, each at the full δ, up to the first that is not.
 * The order must be chosen without these data. Bauer, "Multiple testing in clinical trials" (1991); in Learn-then-Test, arXiv 2110.01052.
 */
export function fixedSequence(pValues: Iterable<number>, delta: number): number {
  let rejected = 0;
  for (const p of pValues) {
    if (!(p <= delta)) break;
    rejected++;
  }
  return rejected;
}

/** Benjamini and Hochberg's step-up adjusted p-values (1995): for exploration, where a share of false discoveries is acceptable. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = pValues.map((p, i) => ({ p, i })).sort((a, b) => b.p - a.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let runningBound = 1;
  for (const [rank, { p, i }] of order.entries()) {
    runningBound = Math.min(runningBound, (p * pValues.length) / (pValues.length - rank));
    adjusted[i] = runningBound;
  }
  return adjusted;
}
