/** The worst and the best that missing outcomes can be: no assumption on why they are missing. */

/**
 * Qualities in [0, 1], NaN where missing. Missing counts against the claim that is made: `worst` for "at most", CERTIFIED and PASS, `best`
 * for FAIL and for alarms. Manski (1990). A claim that holds with the worst is true whatever is missing, as long as every request of the
 * population is counted, those without an outcome too.
 */
export type Missing = 'worst' | 'best';

/** What is lost against the reference, in [0, 1]: at most 1 - candidate where the reference is missing, at most the reference elsewhere. */
export function harmOf(reference: number, candidate: number, missing: Missing): number {
  const r = Number.isNaN(reference) ? (missing === 'worst' ? 1 : 0) : reference;
  const c = Number.isNaN(candidate) ? (missing === 'worst' ? 0 : 1) : candidate;
  return Math.max(0, r - c);
}

/** The same, less what is won: in [-1, 1]. */
export function netLossOf(reference: number, candidate: number, missing: Missing): number {
  const r = Number.isNaN(reference) ? (missing === 'worst' ? 1 : 0) : reference;
  const c = Number.isNaN(candidate) ? (missing === 'worst' ? 0 : 1) : candidate;
  return r - c;
}
