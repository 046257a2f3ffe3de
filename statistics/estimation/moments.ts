/** Mean and spread of plain numbers, and how far two histograms are apart. */
import { type Numbers, sum } from './clustered.ts';

/** The mean, and the variance with n - 1; NaN of none. */
export function momentsOf(values: Numbers): { readonly mean: number; readonly variance: number } {
  const n = values.length;
  const mean = sum(values) / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { mean, variance: squares / (n - 1) };
}

/** The standard deviation of a whole population, with n. */
export function deviationOf(values: Numbers): number {
  const { variance } = momentsOf(values);
  return values.length < 2 ? (values.length === 1 ? 0 : Number.NaN) : Math.sqrt((variance * (values.length - 1)) / values.length);
}

/**
 * The population stability index Σ (p - q) ln (p / q) over the bins of two histograms of shares, from `counts` items each; an empty bin
 * stands for half an item. Above 0.1 a drift to look at, above 0.25 a change. Siddiqi, "Credit risk scorecards" (2006).
 */
export function stabilityIndex(then: Numbers, now: Numbers, counts: readonly [number, number]): number {
  const [a, b] = counts.map(count => 0.5 / Math.max(1, count)) as [number, number];
  let total = 0;
  for (let i = 0; i < then.length; i++) {
    const [p, q] = [Math.max(then[i]!, a), Math.max(now[i]!, b)];
    total += (q - p) * Math.log(q / p);
  }
  return total;
}
