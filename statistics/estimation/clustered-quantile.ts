/** The ends of a quantile's interval for clustered items: a search over the sorted values, each step one betting test. */
import { capitalMin, deltaBets } from '../betting/mixture.ts';
import type { Clusters, Numbers } from './clustered.ts';
import type { Ranks, RankWindow } from './ranks.ts';

export interface QuantileSample {
  readonly values: Numbers;
  /** Of the values. */
  readonly ranks: Ranks;
  readonly clusters: Clusters;
  /** Items of one cluster that count, the first ones; by default as many as the largest cluster has. */
  readonly cap?: number;
  /** Clusters in betting order; by default as numbered. */
  readonly order?: Numbers;
}

export interface QuantileEnds {
  /** -Infinity and Infinity where the sample is too small for a bound. */
  readonly low: number;
  readonly high: number;
  /** Tests that the search took. */
  readonly tests: number;
}

/**
 * All x of which neither "more than 1 - q lie above" nor "fewer do" is shown at (1 - confidence) / 2 by betting on sums over clusters: the same
 * test as `betInference` of the indicators, valid for clusters of any size. The share above x falls in x, and so does what a bet can show
 * of it, so the end is the one place where the test turns. A normal approximation of the capital says where to look first: a million
 * items take some eight tests for each end instead of twenty.
 */
export function clusteredQuantileEnds(sample: QuantileSample, q: number, confidence: number): QuantileEnds {
  const { ranks } = sample;
  const alpha = (1 - confidence) / 2;
  const counter = new AboveCounter(sample);
  const high = q >= 1 ? ranks.count + 1 : turningPoint(counter, 'below', 1 - q, alpha);
  const low = (q <= 0 ? 1 : turningPoint(counter, 'above', 1 - q, alpha)) - 1;
  return {
    low: low < 1 ? Number.NEGATIVE_INFINITY : ranks.at(low),
    high: high > ranks.count ? Number.POSITIVE_INFINITY : ranks.at(high),
    tests: counter.tests,
  };
}

type Side = 'below' | 'above';

/** Counts per cluster the items above a value, and tests them. */
class AboveCounter {
  tests = 0;
  readonly ranks: Ranks;
  readonly cap: number;
  readonly #values: Numbers;
  readonly #of: Int32Array;
  /** The items of each cluster that count, and which items they are; undefined where all do. */
  readonly #counted: Int32Array;
  readonly #isCounted: Uint8Array | undefined;
  readonly #above: Int32Array;
  readonly #order: Numbers | undefined;
  /** For each window the items above all of it, by cluster. */
  readonly #aboveWindow = new Map<RankWindow, Int32Array>();

  constructor({ values, ranks, clusters, cap, order }: QuantileSample) {
    this.ranks = ranks;
    this.#order = order;
    this.#values = values;
    this.#of = clusters.of;
    this.#above = new Int32Array(clusters.count);
    this.#counted = new Int32Array(clusters.count);
    for (let i = 0; i < values.length; i++) this.#counted[clusters.of[i]!]!++;
    const largest = this.#counted.reduce((a, b) => Math.max(a, b), 1);
    this.cap = cap ?? largest;
    if (this.cap >= largest) return;
    this.#counted.fill(0);
    this.#isCounted = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const g = clusters.of[i]!;
      if (this.#counted[g]! >= this.cap) continue;
      this.#counted[g]!++;
      this.#isCounted[i] = 1;
    }
  }

  /** Items that are greater than the k-th smallest value, or at least as great. */
  #count(k: number, inclusive: boolean): void {
    const [values, of, above, isCounted] = [this.#values, this.#of, this.#above, this.#isCounted];
    const x = this.ranks.at(k);
    const window = this.ranks.around(k);
    above.set(this.#beyond(window));
    for (const i of window.items) {
      if (isCounted?.[i] === 0) continue;
      const value = values[i]!;
      if (value > x || (inclusive && value === x)) above[of[i]!]!++;
    }
  }

  #beyond(window: RankWindow): Int32Array {
    const known = this.#aboveWindow.get(window);
    if (known) return known;
    const counts = new Int32Array(this.#above.length);
    const [values, of, isCounted] = [this.#values, this.#of, this.#isCounted];
    for (let i = 0; i < values.length; i++) counts[of[i]!]! += Number(window.isAbove(values[i]!) && isCounted?.[i] !== 0);
    this.#aboveWindow.set(window, counts);
    return counts;
  }

  /** Σ X and Σ X² of the payoffs at the k-th smallest value. */
  moments(k: number, side: Side, bound: number): { readonly sum: number; readonly squares: number } {
    this.#count(k, side === 'above');
    const sign = side === 'below' ? 1 : -1;
    let [sum, squares] = [0, 0];
    for (let g = 0; g < this.#above.length; g++) {
      const payoff = sign * (this.#above[g]! - this.#counted[g]! * bound);
      sum += payoff;
      squares += payoff * payoff;
    }
    return { sum, squares };
  }

  /** Whether betting shows that the share above the k-th smallest value lies on this side of the bound. */
  shows(k: number, side: Side, bound: number, alpha: number): boolean {
    this.tests++;
    this.#count(k, side === 'above');
    const sign = side === 'below' ? 1 : -1;
    const [above, counted, order] = [this.#above, this.#counted, this.#order];
    const payoffAt = (at: number): number => {
      const g = order ? order[at]! : at;
      return sign * (above[g]! - counted[g]! * bound);
    };
    const upper = limitOf(side, bound, this.cap);
    if (upper > 0) return everReaches(payoffAt, above.length, { upper, lower: upper - this.cap, wanted: 1 / alpha });
    // With a limit of 0 one payoff below it is enough.
    for (let at = 0; at < above.length; at++) if (payoffAt(at) < 0) return true;
    return false;
  }
}

/** What a payoff can be; all items of a cluster lie above the value, or none. */
const limitOf = (side: Side, bound: number, cap: number): number => (side === 'below' ? 1 - bound : bound) * cap;

/**
 * Whether the capital of `MixtureTest` with `deltaBets` ever reaches what is wanted. One unit multiplies it by 1 - lower / upper at most, so
 * that after each look as many units pass unlooked at as it needs at least. The bets stand in variables: this is where the time goes.
 */
function everReaches(
  payoffAt: (at: number) => number,
  units: number,
  { upper, lower, wanted }: { readonly upper: number; readonly lower: number; readonly wanted: number },
): boolean {
  const growth = Math.log(1 - lower / upper) + 1e-12;
  const [f0, f1, f2, f3, f4, f5, f6] = deltaBets.map(({ fraction }) => fraction) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  let [c0, c1, c2, c3, c4, c5, c6] = deltaBets.map(({ part }) => part) as [number, number, number, number, number, number, number];
  let next = 0;
  for (let at = 0; at < units; at++) {
    if ((at & 63) === 0) {
      c0 = kept(c0);
      c1 = kept(c1);
      c2 = kept(c2);
      c3 = kept(c3);
      c4 = kept(c4);
      c5 = kept(c5);
      c6 = kept(c6);
    }
    const ratio = Math.min(1, payoffAt(at) / upper);
    c0 *= 1 - f0 * ratio;
    c1 *= 1 - f1 * ratio;
    c2 *= 1 - f2 * ratio;
    c3 *= 1 - f3 * ratio;
    c4 *= 1 - f4 * ratio;
    c5 *= 1 - f5 * ratio;
    c6 *= 1 - f6 * ratio;
    if (at < next) continue;
    const capital = c0 + c1 + c2 + c3 + c4 + c5 + c6;
    if (capital >= wanted) return true;
    next = at + Math.max(1, Math.floor(Math.log(wanted / capital) / growth));
  }
  return false;
}

/** A capital that is lost counts as nothing, as in `MixtureTest`. */
const kept = (capital: number): number => (capital < capitalMin ? 0 : capital);

/** The least k in 1..n at which the share above is shown to lie below the bound, or is no longer shown to lie above it; n + 1 if there is none. */
function turningPoint(counter: AboveCounter, side: Side, bound: number, alpha: number): number {
  const n = counter.ranks.count;
  const holds = (k: number): boolean => counter.shows(k, side, bound, alpha) === (side === 'below');
  const { at, step } = expectedTurn(counter, side, bound, alpha);
  let [low, high] = [0, n + 1];
  let reach = step;
  for (let k = at; high - low > 1; ) {
    if (holds(k)) high = k;
    else low = k;
    if (low === 0 && high > 1) k = Math.max(1, high - reach);
    else if (high === n + 1 && low < n) k = Math.min(n, low + reach);
    else k = (low + high) >> 1;
    reach *= 4;
  }
  return high;
}

/**
 * Where the final capital, Σ part · exp(-u S / B - u² Q / 2 B²), would be 1 / alpha if the spread of the payoffs were that at the quantile
 * itself. A guess: it costs tests where it is wrong, and changes no result.
 */
function expectedTurn(counter: AboveCounter, side: Side, bound: number, alpha: number): { readonly at: number; readonly step: number } {
  const n = counter.ranks.count;
  const middle = Math.min(n, Math.max(1, Math.ceil(n * (1 - bound))));
  const { sum, squares } = counter.moments(middle, side, bound);
  const upper = limitOf(side, bound, counter.cap);
  const capitalAt = (payoffs: number): number =>
    deltaBets.reduce(
      (total, { fraction: u, part }) => total + part * Math.exp((-u * payoffs) / upper - ((u / upper) ** 2 * squares) / 2),
      0,
    );
  let [low, high] = [-n * upper, 0];
  for (let i = 0; i < 60; i++) {
    const payoffs = (low + high) / 2;
    if (capitalAt(payoffs) >= 1 / alpha) low = payoffs;
    else high = payoffs;
  }
  // One rank further is one item less above.
  const away = Math.round(side === 'below' ? sum - low : low - sum);
  return { at: Math.min(n, Math.max(1, middle + away)), step: Math.max(1, Math.ceil(Math.sqrt(squares) / 8)) };
}
