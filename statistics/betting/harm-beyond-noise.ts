/** Harm beyond the reference's own run-to-run noise, as one number per request whose mean it is. */
import { type Numbers, tabulate } from '../estimation/clustered.ts';

/**
 * P(reference right, candidate wrong) - P(reference right, its second answer wrong), from two answers of the reference to each request:
 * Z = r r' - c (r + r') / 2, in [-1/2, 1]. The symmetric form has the mean of r (1 - c) - r (1 - r') and less variance. Zero for a
 * candidate that is the reference itself. It nets gains against losses with weight P(reference right): a candidate that loses some
 * requests for certain and wins others may show none.
 */
export const harmBeyondNoise = (reference: Numbers, repeated: Numbers, candidate: Numbers): Float64Array =>
  tabulate(reference.length, i => reference[i]! * repeated[i]! - (candidate[i]! * (reference[i]! + repeated[i]!)) / 2);

export const harmBeyondNoiseRange = { from: -0.5, to: 1 } as const;

/**
 * The same where a second response of the reference was requested for a drawn part: Z = r (1 - c) - (R / π) r (1 - r'), in [-1/π_min, 1]. `repeated` is
 * not read where it was not drawn.
 */
export const harmBeyondDrawnNoise = (
  reference: Numbers,
  candidate: Numbers,
  repeated: Numbers,
  { chance, drawn }: { readonly chance: Numbers; readonly drawn: Numbers },
): Float64Array =>
  tabulate(reference.length, i => reference[i]! * (1 - candidate[i]!) - (drawn[i] ? (reference[i]! * (1 - repeated[i]!)) / chance[i]! : 0));

/**
 * The largest share of flips that a reference may have which repeated itself without a difference on `repeats` requests: 3 / m at 95 %.
 * Repeats without a difference bound the noise; they do not show a deterministic reference. Hanley and Lippman-Hand (1983).
 */
export const flipsMax = (repeats: number, confidence = 0.95): number => (repeats <= 0 ? 1 : 1 - (1 - confidence) ** (1 / repeats));
