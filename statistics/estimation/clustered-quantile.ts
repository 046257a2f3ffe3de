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
  /** In betting order. */
  readonly #payoffs: Float64Array;
  readonly #order: Numbers | undefined;
  /** For each window the items above all of it, by cluster. */
  readonly #aboveWindow = new Map<RankWindow, Int32Array>();

  constructor({ values, ranks, clusters, cap, order }: QuantileSample) {
    this.ranks = ranks;
    this.#order = order;
    this.#values = values;
    this.#of = clusters.of;
    this.#above = new Int32Array(clusters.count);
    this.#payoffs = new Float64Array(clusters.count);
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
    const { items } = window;
    for (let j = 0; j < items.length; j++) {
      const i = items[j]!;
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
    const { to } = window;
    for (let i = 0; i < values.length; i++) if (values[i]! > to && isCounted?.[i] !== 0) counts[of[i]!]!++;
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

  /** The capital on "the share above the k-th smallest value lies on this side of the bound": 1 / alpha and more shows it. */
  capital(k: number, side: Side, bound: number, alpha: number): number {
    this.tests++;
    this.#count(k, side === 'above');
    const sign = side === 'below' ? 1 : -1;
    const [above, counted, order] = [this.#above, this.#counted, this.#order];
    const upper = limitOf(side, bound, this.cap);
    const payoffs = this.#payoffs;
    let least = 0;
    for (let at = 0; at < payoffs.length; at++) {
      const g = order ? order[at]! : at;
      const payoff = sign * (above[g]! - counted[g]! * bound);
      payoffs[at] = payoff;
      if (payoff < least) least = payoff;
    }
    // With a limit of 0 one payoff below it is enough.
    return upper <= 0 ? (least < 0 ? Infinity : 1) : capitalReached(payoffs, { upper, least, wanted: 1 / alpha });
  }
}

/** What a payoff can be; all items of a cluster lie above the value, or none. */
const limitOf = (side: Side, bound: number, cap: number): number => (side === 'below' ? 1 - bound : bound) * cap;

/**
 * The capital of `MixtureTest` with `deltaBets` where it first reaches what is wanted, else the most that a look found. One unit multiplies it by 1 - least / upper at most, so
 * that after each look as many units pass unlooked at as it needs at least. The bets stand in variables: this is where the time goes.
 */
function capitalReached(
  payoffs: Float64Array,
  { upper, least, wanted }: { readonly upper: number; readonly least: number; readonly wanted: number },
): number {
  const growth = Math.log(1 - least / upper) + 1e-12;
  const units = payoffs.length;
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
  let [next, most] = [0, 0];
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
    const ratio = Math.min(1, payoffs[at]! / upper);
    c0 *= 1 - f0 * ratio;
    c1 *= 1 - f1 * ratio;
    c2 *= 1 - f2 * ratio;
    c3 *= 1 - f3 * ratio;
    c4 *= 1 - f4 * ratio;
    c5 *= 1 - f5 * ratio;
    c6 *= 1 - f6 * ratio;
    if (at < next && at < units - 1) continue;
    const capital = c0 + c1 + c2 + c3 + c4 + c5 + c6;
    if (capital >= wanted) return capital;
    if (capital > most) most = capital;
    next = at + Math.max(1, Math.floor(Math.log(wanted / capital) / growth));
  }
  return most;
}

/** A capital that is lost counts as nothing, as in `MixtureTest`. */
const kept = (capital: number): number => (capital < capitalMin ? 0 : capital);

/**
 * The least k in 1..n at which the share above is shown to lie below the bound, or is no longer shown to lie above it; n + 1 if there is none.
 * Where the capital falls short, its slope says how many ranks it lacks.
 */
function turningPoint(counter: AboveCounter, side: Side, bound: number, alpha: number): number {
  const n = counter.ranks.count;
  const { at, slope } = expectedTurn(counter, side, bound, alpha);
  let [low, high] = [0, n + 1];
  let reach = Math.max(1, Math.ceil(1 / slope));
  for (let k = at, guesses = 0; high - low > 1; guesses++) {
    const capital = counter.capital(k, side, bound, alpha);
    const isShown = capital * alpha >= 1;
    if (isShown === (side === 'below')) high = k;
    else low = k;
    const toTurn = side === 'below' ? 1 : -1;
    if (!isShown && guesses < guessesMax) k += toTurn * Math.ceil(Math.min(n, Math.log(1 / (alpha * capital)) / slope) * 1.02 + 1);
    else if (isShown && guesses < guessesMax) {
      k -= toTurn * reach;
      reach *= 4;
    } else k = 0;
    if (k <= low || k >= high)
      k = low === 0 && high > reach ? high - reach : high === n + 1 && low + reach < n ? low + reach : (low + high) >> 1;
    if (k === low || k === high) k = (low + high) >> 1;
  }
  return high;
}

/** After these the interval is halved. */
const guessesMax = 6;

/**
 * Where the final capital, Σ part · exp(-u S / B - u² Q / 2 B²), would be 1 / alpha if the spread of the payoffs were that at the quantile
 * itself, and how much its logarithm changes from rank to rank there. A guess: it costs tests where it is wrong, and changes no result.
 */
function expectedTurn(counter: AboveCounter, side: Side, bound: number, alpha: number): { readonly at: number; readonly slope: number } {
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
  const slope = Math.log(capitalAt(low - 1) / capitalAt(low));
  return { at: Math.min(n, Math.max(1, middle + away)), slope: Number.isFinite(slope) ? Math.max(slope, 1e-6) : 1e-6 };
}
