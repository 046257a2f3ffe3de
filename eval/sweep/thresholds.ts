/** Candidate thresholds: the points where decisions change, with as few digits as distinguish them. */
import type { Item } from '../outcomes/outcomes.ts';
import type { SweptSignal } from '../policies/chain.ts';
import { signalValueOf } from '../policies/outcome-columns.ts';

/** How many thresholds, or combinations of them, are evaluated: many for few items, so that a sweep of any size takes seconds. */
export const candidatesMax = (items: number): number => Math.round(Math.min(256, Math.max(40, 5_000_000 / items)));
/** Shown in a table. */
export const shownMax = 20;

export const signalOf = signalValueOf;

/** The values a target's answers show, each once, from the surest down. */
export function distinctValues(items: readonly Item[], target: string, signal: SweptSignal): readonly number[] {
  const values = items.flatMap(item => signalOf(item.outcomes.get(target), signal) ?? []);
  return [...new Set(values.filter(value => value < Number.MAX_VALUE))].sort((a, b) => b - a);
}

/**
 * At most `most` thresholds from the surest value down, each accepting exactly the answers at or above one of the values: the largest
 * number of as few digits as lie above the next lower value. With more values than that, evenly by their rank.
 */
export function thresholdGrid(values: readonly number[], most: number): readonly number[] {
  const picked = values.length <= most ? [...values.keys()] : evenly(values.length, most);
  return picked.map(rank => shortestDecimal(values[rank + 1] ?? Number.NEGATIVE_INFINITY, values[rank]!));
}

const evenly = (n: number, count: number): number[] =>
  count === 1 ? [0] : [...new Set(Array.from({ length: count }, (_, i) => Math.round((i * (n - 1)) / (count - 1))))];

/** The number of the fewest decimals in (above, upTo]: the largest of them. */
export function shortestDecimal(above: number, upTo: number): number {
  for (let digits = 1; digits <= 15; digits++) {
    const scale = 10 ** digits;
    const rounded = Math.floor(upTo * scale) / scale;
    if (rounded > above && rounded <= upTo) return rounded;
  }
  return upTo;
}

/** Every combination of the steps' thresholds, from the strictest down; each step gets as many as keep the whole within the bound. */
export function combinations(perStep: readonly (readonly number[])[], most: number): readonly (readonly number[])[] {
  const each = Math.max(2, Math.floor(most ** (1 / perStep.length)));
  const thinned = perStep.map(values => (values.length <= each ? values : evenly(values.length, each).map(rank => values[rank]!)));
  return thinned.reduce<readonly (readonly number[])[]>(
    (combined, thresholds) => combined.flatMap(head => thresholds.map(threshold => [...head, threshold])),
    [[]],
  );
}
