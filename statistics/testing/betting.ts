/** Tests of a bounded mean by betting: valid for any distribution on [0, 1] and at every look. */

import { binomialCdf } from '../distributions/distributions.ts';
import { type Numbers, tabulate } from '../estimation/clustered.ts';

const share = 0.75;

/**
 * The p-value of "the mean is above `bound`" for independent numbers in [0, 1], in the given order (shuffle them by a seed).
 * The capital K_m = Π (1 + ν_j (bound - x_j)) of a gambler who bets against it is a supermartingale; p = 1 / max K_m by Ville's inequality.
 * Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (2024); as in Learn-then-Test.
 */
export function bettingPValue(values: Numbers, bound: number, delta = 0.05): number {
  if (bound >= 1) return 0;
  const n = values.length;
  const most = share / (1 - bound);
  let [capital, best, sum, squares] = [0, 0, 0, 0];
  for (let j = 1; j <= n; j++) {
    const variance = (0.25 + squares) / j;
    const stake = Math.min(most, Math.sqrt((2 * Math.log(1 / delta)) / (n * variance)));
    const x = values[j - 1]!;
    capital += Math.log1p(stake * (bound - x));
    best = Math.max(best, capital);
    sum += x;
    squares += (x - (0.5 + sum) / (j + 1)) ** 2;
  }
  return Math.exp(-best);
}

/** The same for numbers in [-1, 1], such as a paired loss of quality: x becomes (x + 1) / 2, and so does the bound. */
export const bettingLossPValue = (losses: Numbers, bound: number, delta = 0.05): number =>
  bettingPValue(
    tabulate(losses.length, i => (losses[i]! + 1) / 2),
    (bound + 1) / 2,
    delta,
  );

/**
 * The p-value of "the mean is above `bound`" for any bounded loss: the smaller of Hoeffding's tight bound and Bentkus' (2004).
 * As in Learn-then-Test (arXiv 2110.01052). Far weaker than betting for a net loss.
 */
export function hoeffdingBentkusPValue(mean: number, n: number, bound: number): number {
  if (mean >= bound) return 1;
  const part = (share: number, of: number): number => (share === 0 ? 0 : share * Math.log(share / of));
  const hoeffding = Math.exp(-n * (part(mean, bound) + part(1 - mean, 1 - bound)));
  return Math.min(1, hoeffding, Math.E * binomialCdf(Math.ceil(n * mean - 1e-9), n, bound));
}
