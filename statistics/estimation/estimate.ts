/** An estimate as reports print it: a value, its interval, and p-values for lying on one side of a bound. */
import { normalQuantile, studentCdf, studentQuantile } from '../distributions/distributions.ts';

export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** An estimate before its confidence level is chosen. Interval and tests agree: a bound outside the interval at 1-2p is rejected at p. */
export interface Inference {
  readonly value: number;
  /** Two-sided, `confidence` in (0, 1). */
  interval(confidence: number): Estimate;
  /** One-sided p-value of "it is at least `bound`": small when the data show that it lies below. */
  pValueBelow(bound: number): number;
  /** One-sided p-value of "it is at most `bound`". */
  pValueAbove(bound: number): number;
}

/** `centre` ± t·`error`. The interval always contains `value`, which an interval around a shifted centre might miss. */
export function tInference(value: number, error: number, df: number, centre = value): Inference {
  const p = (t: number): number => (Number.isNaN(t) ? 1 : studentCdf(t, df));
  return {
    value,
    interval: confidence => {
      // One cluster shows no spread between clusters, so nothing is certain.
      const halfWidth = df <= 0 ? Number.POSITIVE_INFINITY : error === 0 ? 0 : error * studentQuantile((1 + confidence) / 2, df);
      return { value, low: Math.min(value, centre - halfWidth), high: Math.max(value, centre + halfWidth) };
    },
    // No p-value is smaller than the interval allows, and the interval contains the value.
    pValueBelow: bound => (value >= bound ? Math.max(0.5, p((centre - bound) / error)) : df <= 0 ? 1 : p((centre - bound) / error)),
    pValueAbove: bound => (value <= bound ? Math.max(0.5, p((bound - centre) / error)) : df <= 0 ? 1 : p((bound - centre) / error)),
  };
}

/** The same estimate of a number that lies in [from, to], its interval kept within. */
export const withinBounds = (inference: Inference, from: number, to: number): Inference => {
  const kept = (x: number): number => Math.min(to, Math.max(from, x));
  return {
    value: kept(inference.value),
    interval: confidence => {
      const { value, low, high } = inference.interval(confidence);
      return { value: kept(value), low: kept(low), high: kept(high) };
    },
    pValueBelow: bound => (bound > to ? 0 : inference.pValueBelow(bound)),
    pValueAbove: bound => (bound < from ? 0 : inference.pValueAbove(bound)),
  };
};

/** A number without sampling error, such as a price from a table. */
export const exactInference = (value: number): Inference => ({
  value,
  interval: () => ({ value, low: value, high: value }),
  pValueBelow: bound => (value < bound ? 0 : 1),
  pValueAbove: bound => (value > bound ? 0 : 1),
});

/** The same estimate on another scale, `scale`·x + `shift`; `scale` must not be 0. */
export function scaled(inference: Inference, scale: number, shift = 0): Inference {
  const back = (bound: number): number => (bound - shift) / scale;
  const turned = scale < 0;
  return {
    value: inference.value * scale + shift,
    interval: confidence => {
      const { value, low, high } = inference.interval(confidence);
      const ends = [low * scale + shift, high * scale + shift];
      return { value: value * scale + shift, low: Math.min(...ends), high: Math.max(...ends) };
    },
    pValueBelow: bound => (turned ? inference.pValueAbove(back(bound)) : inference.pValueBelow(back(bound))),
    pValueAbove: bound => (turned ? inference.pValueBelow(back(bound)) : inference.pValueAbove(back(bound))),
  };
}

/**
 * How many times the data are needed to show, with a power of 80 %, that the number lies on its side of `bound`.
 * The error is taken to shrink with the square root of the count. Undefined when the value does not lie beyond the bound.
 */
export function sampleSizeFactor(inference: Inference, bound: number, confidence: number, power = 0.8): number | undefined {
  const { value, low, high } = inference.interval(confidence);
  const gap = Math.abs(value - bound);
  const halfWidth = value < bound ? high - value : value - low;
  if (gap === 0 || !Number.isFinite(halfWidth)) return undefined;
  const critical = normalQuantile((1 + confidence) / 2);
  return (((halfWidth / critical) * (critical + normalQuantile(power))) / gap) ** 2;
}
