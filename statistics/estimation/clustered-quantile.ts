/** The ends of a quantile's interval for clustered items: a search over the sorted values, each step one betting test. */
import { deltaBets } from '../betting/mixture.ts';
import type { Clusters, Numbers } from './clustered.ts';

export interface QuantileSample {
  readonly values: Numbers;
  /** The same, ascending. */
  readonly sorted: Numbers;
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
  const { sorted } = sample;
  const alpha = (1 - confidence) / 2;
  const counter = new AboveCounter(sample);
  const high = q >= 1 ? sorted.length + 1 : turningPoint(counter, 'below', 1 - q, alpha);
  const low = (q <= 0 ? 1 : turningPoint(counter, 'above', 1 - q, alpha)) - 1;
  return {
    low: low < 1 ? Number.NEGATIVE_INFINITY : sorted[low - 1]!,
    high: high > sorted.length ? Number.POSITIVE_INFINITY : sorted[high - 1]!,
    tests: counter.tests,
  };
}

type Side = 'below' | 'above';

/** Counts per cluster the items above a value, and tests them. */
class AboveCounter {
  tests = 0;
  readonly sorted: Numbers;
  readonly cap: number;
  readonly #values: Float64Array;
  readonly #of: Int32Array;
  readonly #counted: Int32Array;
  readonly #above: Int32Array;
  readonly #order: Numbers | undefined;

  constructor({ values, sorted, clusters, cap, order }: QuantileSample) {
    this.sorted = sorted;
    this.#order = order;
    this.#above = new Int32Array(clusters.count);
    this.#counted = new Int32Array(clusters.count);
    for (let i = 0; i < values.length; i++) this.#counted[clusters.of[i]!]!++;
    const largest = this.#counted.reduce((a, b) => Math.max(a, b), 1);
    this.cap = cap ?? largest;
    if (this.cap >= largest) {
      this.#values = values instanceof Float64Array ? values : Float64Array.from(values);
      this.#of = clusters.of;
      return;
    }
    this.#counted.fill(0);
    const kept: number[] = [];
    for (let i = 0; i < values.length; i++) {
      const g = clusters.of[i]!;
      if (this.#counted[g]! >= this.cap) continue;
      this.#counted[g]!++;
      kept.push(i);
    }
    this.#values = Float64Array.from(kept, i => values[i]!);
    this.#of = Int32Array.from(kept, i => clusters.of[i]!);
  }

  #count(x: number, inclusive: boolean): void {
    const [values, of, above] = [this.#values, this.#of, this.#above];
    above.fill(0);
    if (inclusive) for (let i = 0; i < values.length; i++) above[of[i]!]! += Number(values[i]! >= x);
    else for (let i = 0; i < values.length; i++) above[of[i]!]! += Number(values[i]! > x);
  }

  /** Σ X and Σ X² of the payoffs at the k-th smallest value. */
  moments(k: number, side: Side, bound: number): { readonly sum: number; readonly squares: number } {
    this.#count(this.sorted[k - 1]!, side === 'above');
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
    this.#count(this.sorted[k - 1]!, side === 'above');
    const [above, counted, order] = [this.#above, this.#counted, this.#order];
    const sign = side === 'below' ? 1 : -1;
    const upper = limitOf(side, bound, this.cap);
    const fractions = Float64Array.from(deltaBets, bet => bet.fraction / upper);
    const capitals = Float64Array.from(deltaBets, bet => bet.part);
    const wanted = 1 / alpha;
    for (let at = 0; at < above.length; at++) {
      const g = order ? order[at]! : at;
      const payoff = sign * (above[g]! - counted[g]! * bound);
      // With a limit of 0 one payoff below it is enough.
      if (upper <= 0) {
        if (payoff < 0) return true;
        continue;
      }
      let capital = 0;
      for (let j = 0; j < capitals.length; j++) {
        const next = capitals[j]! * Math.max(0, 1 - fractions[j]! * payoff);
        capitals[j] = next;
        capital += next;
      }
      if (capital >= wanted) return true;
    }
    return false;
  }
}

const limitOf = (side: Side, bound: number, cap: number): number => (side === 'below' ? 1 - bound : bound) * cap;

/** The least k in 1..n at which the share above is shown to lie below the bound, or is no longer shown to lie above it; n + 1 if there is none. */
function turningPoint(counter: AboveCounter, side: Side, bound: number, alpha: number): number {
  const n = counter.sorted.length;
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
  const n = counter.sorted.length;
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
