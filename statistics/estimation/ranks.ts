/** Order statistics of many numbers of which few are asked for, without sorting all of them. */
import type { Numbers } from './clustered.ts';

/** All values from one value to another, ties and all. */
export interface RankWindow {
  /** How many values are smaller than all of these. */
  readonly below: number;
  /** Ascending. */
  readonly sorted: Float64Array;
  /** The indices of these values, in the order of the items. */
  readonly items: Int32Array;
  /** Values above it are above all of the window. */
  readonly to: number;
}

const sampleMax = 4_096;
/** The part of all values that a first window takes on each side. */
const reachFirst = 0.02;

/**
 * Ranks are from 1. A sample of the values says where a rank lies about, and the values around it are sorted: two passes over a million
 * numbers instead of a sort. A sample that misleads costs time and changes no result. Values may be infinite, and must not be NaN.
 */
export class Ranks {
  readonly #values: Numbers;
  readonly #sample: Float64Array;
  readonly #windows: RankWindow[] = [];

  constructor(values: Numbers) {
    this.#values = values;
    const stride = Math.max(1, Math.floor(values.length / sampleMax));
    this.#sample = new Float64Array(Math.floor(values.length / stride)).map((_, i) => values[i * stride]!).sort();
  }

  get count(): number {
    return this.#values.length;
  }

  /** The k-th smallest value. */
  at(k: number): number {
    const { below, sorted } = this.around(k);
    return sorted[k - 1 - below]!;
  }

  /** A window that holds the k-th smallest value. */
  around(k: number): RankWindow {
    const known = this.#windows.find(({ below, sorted }) => k > below && k <= below + sorted.length);
    if (known) return known;
    for (let reach = reachFirst; ; reach *= 4) {
      const size = this.#sample.length;
      const at = (k / this.#values.length) * size;
      const window = this.#between(
        this.#sample[Math.floor(at - reach * size) - 1] ?? Number.NEGATIVE_INFINITY,
        this.#sample[Math.ceil(at + reach * size)] ?? Number.POSITIVE_INFINITY,
      );
      if (k <= window.below || k > window.below + window.sorted.length) continue;
      this.#windows.push(window);
      return window;
    }
  }

  #between(from: number, to: number): RankWindow {
    const values = this.#values;
    let [below, within] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      below += Number(values[i]! < from);
      within += Number(values[i]! >= from && values[i]! <= to);
    }
    const items = new Int32Array(within);
    let n = 0;
    for (let i = 0; i < values.length; i++) if (values[i]! >= from && values[i]! <= to) items[n++] = i;
    const sorted = new Float64Array(within);
    for (let j = 0; j < within; j++) sorted[j] = values[items[j]!]!;
    return { below, sorted: sorted.sort(), items, to };
  }
}
