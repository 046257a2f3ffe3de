/** How many requests a claim needs before it can be made. */
import { type Bets, harmBets, MixtureTest, type Payoffs } from '../betting/mixture.ts';
import { normalQuantile } from '../distributions/distributions.ts';
import { randomGenerator, randomInteger } from '../distributions/random.ts';
import { sum, tabulate } from '../estimation/clustered.ts';
import { binomialPValueBelow } from '../estimation/proportion.ts';

/**
 * Requests for telling a net loss of `loss` from one of `lossMax`, when a share `differing` of them comes out differently: the usual
 * two-quantile formula for a paired mean, times the design effect.
 */
export function sizeForNetLoss(options: {
  readonly lossMax: number;
  readonly loss: number;
  readonly differing: number;
  readonly delta: number;
  readonly power: number;
  readonly designEffect: number;
}): number {
  const { lossMax, loss, differing, delta, power, designEffect } = options;
  if (loss >= lossMax) return Number.POSITIVE_INFINITY;
  return Math.ceil(((normalQuantile(1 - delta) + normalQuantile(power)) / (lossMax - loss)) ** 2 * differing * designEffect - 1e-9);
}

const sizeMax = 10_000_000;

/** The fewest requests with which the exact binomial rejects a harm of `harmMax` at least `power` of the time when the true one is `harm`. */
export function sizeForHarm(options: {
  readonly harmMax: number;
  readonly harm: number;
  readonly delta: number;
  readonly power: number;
}): number {
  const { harmMax, harm, delta, power } = options;
  if (harm >= harmMax) return Number.POSITIVE_INFINITY;
  // For each number of harms that may be seen, the fewest requests that still reject; the first that is likely enough is the answer.
  let n = 1;
  for (let harmsSeen = 0; n < sizeMax; harmsSeen++) {
    let [low, high] = [n, Math.max(2 * n, 64)];
    while (binomialPValueBelow(harmsSeen, high, harmMax) > delta) [low, high] = [high, high * 2];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (binomialPValueBelow(harmsSeen, middle, harmMax) > delta) low = middle;
      else high = middle;
    }
    n = high;
    if (binomialPValueBelow(harmsSeen, n, harm) >= power || (harm === 0 && harmsSeen === 0)) return n;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Requests that the betting test needs when none is harmful: ln(J/δ) · B / bound, slightly too many. B is the limit of one conversation's
 * payoff, so the need is in proportion to the cap on its size and to 1 over the least chance.
 */
export const bettingSizeWithoutHarm = (bound: number, upper: number, delta: number, bets: Bets = harmBets): number =>
  Math.ceil((Math.log(bets.length / delta) * upper) / bound - 1e-9);

/**
 * Units (conversations) with which the betting test reaches p ≤ δ at least `power` of the time when payoffs are like these, drawn with
 * replacement: the quantile of the units that `runs` such walks take. Infinity when they do not gain. The payoffs must not be those that
 * are certified afterwards.
 */
export function bettingSampleSize(
  { values, upper }: Payoffs,
  { delta, power, bets = harmBets, seed = 0, runs = 400 }: { delta: number; power: number; bets?: Bets; seed?: number; runs?: number },
): number {
  const unitsMax = 3 * normalSize({ values, upper }, delta, power, bets);
  if (!Number.isFinite(unitsMax)) return Number.POSITIVE_INFINITY;
  const draw = randomGenerator(seed);
  const taken = tabulate(runs, () => {
    const test = new MixtureTest(upper, bets);
    for (let n = 1; n <= unitsMax; n++) {
      test.add(values[randomInteger(draw, values.length)]!);
      if (test.p <= delta) return n;
    }
    return Number.POSITIVE_INFINITY;
  }).sort();
  return taken[Math.ceil(power * runs) - 1]!;
}

/** The same, too large by a third or so: each bet's logarithm taken as normal and looked at once, the least over the bets. */
function normalSize({ values, upper }: Payoffs, delta: number, power: number, bets: Bets): number {
  const z = normalQuantile(power);
  const n = values.length;
  const needs = bets.map(({ fraction, part }) => {
    const logs = tabulate(n, g => Math.log(Math.max(1e-300, 1 - fraction * Math.min(1, values[g]! / upper))));
    const gain = sum(logs) / n;
    if (!(gain > 0)) return Number.POSITIVE_INFINITY;
    const spread = Math.sqrt(logs.reduce((total, x) => total + (x - gain) ** 2, 0) / n);
    const wanted = Math.log(1 / (part * delta));
    return ((z * spread + Math.sqrt((z * spread) ** 2 + 4 * gain * wanted)) / (2 * gain)) ** 2;
  });
  return Math.min(...needs);
}
