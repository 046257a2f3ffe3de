/** How many requests a promise needs before it can be made. */
import { binomialPValueBelow, normalQuantile } from '../../statistics/index.ts';

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

/** The fewest requests with which the exact test rejects a harm of `harmMax` at least `power` of the time when the true one is `harm`. */
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
