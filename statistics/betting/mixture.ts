/** The one test behind every certificate, gate and monitor: a gambler with fixed bets against "the claim is false". */
import { seededUniform } from '../distributions/seeded-uniform.ts';
import { clustersOf, type Numbers } from '../estimation/clustered.ts';

/**
 * One number for each independent unit (a conversation, or a single request), none above `upper`; a lower limit is not needed.
 * The claim is that their mean lies below 0. Units are numbered as their clusters are.
 */
export interface Payoffs {
  readonly values: Numbers;
  readonly upper: number;
}

/** Shares of what may be staked, each in [0, 1], and the part of the capital that follows each; the parts add up to 1. */
export type Bets = readonly { readonly fraction: number; readonly part: number }[];

const evenly = (fractions: readonly number[]): Bets => fractions.map(fraction => ({ fraction, part: 1 / fractions.length }));

/** For "the harm is at most". */
export const harmBets: Bets = evenly([1, 0.75, 0.5, 0.25]);
/** For differences, and for every claim that something is above a bound. */
export const deltaBets: Bets = evenly([1, 0.75, 0.5, 0.25, 0.12, 0.06, 0.03]);

/** Half the capital on the bet that suits a harm of `harm`, which must come from other data than those that are tested (a tuning split). */
export const plannedBets = (bets: Bets, harm: number, bound: number): Bets => [
  { fraction: Math.min(0.95, Math.max(0.25, 1 - harm / bound)), part: 0.5 },
  ...bets.map(({ fraction, part }) => ({ fraction, part: part / 2 })),
];

/** Capital beyond this is not counted further: the p-value is then small enough for anybody. */
const capitalMax = 1e280;
/** Capital below this is lost: giving it up keeps the test valid, and numbers near the least that there are take a processor a hundred times as long. */
export const capitalMin = 1e-280;
const rounding = 1e-9;

/**
 * The test, one unit at a time, valid at every look: K_m = Σ_j part_j Π (1 - u_j X / B), p = min(1, 1 / max K).
 * While the mean is at least 0 given the past, K is a supermartingale, and by Ville's inequality (1939) P(p ≤ δ ever) ≤ δ; under drift the
 * claim is about the average over the units so far. The bets are never fitted to the tested data, so p can only rise when a payoff rises:
 * products are taken in plain floating point, whose rounding keeps that order exactly. Waudby-Smith and Ramdas, "Estimating means of
 * bounded random variables by betting" (2024); Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics" (2023).
 * Invalid when units depend on one another, when a payoff can exceed `upper`, or when the order is chosen by the result.
 */
export class MixtureTest {
  readonly #upper: number;
  readonly #fractions: Float64Array;
  readonly #capitals: Float64Array;
  #best = 1;

  constructor(upper: number, bets: Bets = harmBets) {
    this.#upper = upper;
    this.#fractions = Float64Array.from(bets, bet => bet.fraction);
    this.#capitals = Float64Array.from(bets, bet => bet.part);
  }

  /** @throws RangeError when the payoff is above the limit or no number, because the test would be worthless. */
  add(payoff: number): void {
    const upper = this.#upper;
    if (!(payoff <= upper + rounding * Math.max(1, Math.abs(upper))))
      throw new RangeError(`the payoff ${payoff} is above its limit ${upper}`);
    if (this.#best >= capitalMax) return;
    // With a limit of 0 or less one payoff below 0 shows that the mean is below 0.
    if (upper <= 0 && payoff < 0) this.#best = Number.POSITIVE_INFINITY;
    if (upper <= 0) return;
    const ratio = Math.min(1, payoff / upper);
    let capital = 0;
    for (let j = 0; j < this.#capitals.length; j++) {
      const next = this.#capitals[j]! * (1 - this.#fractions[j]! * ratio);
      this.#capitals[j] = next < capitalMin ? 0 : next;
      capital += next;
    }
    if (capital > this.#best) this.#best = capital;
  }

  /** Of "the mean is at least 0", in (0, 1]; it never rises from look to look. */
  get p(): number {
    return Math.min(1, 1 / this.#best);
  }
}

/** The p-value of "the mean payoff is at least 0": the claim holds where it is at most δ. `order` lists the units; by default as numbered. */
export function mixturePValue({ values, upper }: Payoffs, bets: Bets = harmBets, order?: Numbers): number {
  const test = new MixtureTest(upper, bets);
  for (let k = 0; k < values.length; k++) test.add(values[order ? order[k]! : k]!);
  return test.p;
}

/**
 * The clusters of `keys`, numbered as by `clustersOf`, in an order that follows from seed and key alone, whatever the order of the items.
 * Draw it once: a second order, the better of two kept, is no test.
 */
export function bettingOrder(keys: readonly string[], seed: string): Int32Array {
  const numbers = clustersOf(keys).of;
  const first = new Map<string, number>();
  for (const [i, key] of keys.entries()) if (!first.has(key)) first.set(key, numbers[i]!);
  const ranked = [...first].map(([key, number]) => ({ key, number, rank: seededUniform(seed, key) }));
  ranked.sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : 1));
  return Int32Array.from(ranked, ({ number }) => number);
}

/**
 * Conformal risk control: whether a policy keeps E[loss of the next conversation] ≤ bound · E[its requests]; (Σ X + B) / (G + 1) ≤ 0.
 * Holds on average over data sets, not with a confidence, and only for the most lenient of policies ordered so that each one's losses
 * contain the next one's (two targets and one threshold). Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal risk control" (2022).
 */
export function conformalRiskHolds({ values, upper }: Payoffs): boolean {
  let total = upper;
  for (let g = 0; g < values.length; g++) total += values[g]!;
  return total <= 0;
}
