/** The user's own assumption: that outcomes are missing at random among requests of like confidence. */
import { seededUniform } from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { SweptSignal } from '../policies/chain.ts';
import { signalValueOf } from '../policies/outcome-columns.ts';
import { isComplete, isUndrawn } from './population.ts';

export interface AssumedSample {
  /** A sample of the population under the assumption: complete requests, and incomplete ones that nothing stands for. */
  readonly items: readonly Item[];
  /** Incomplete requests that a complete one of their stratum stands for. */
  readonly assumed: number;
  /** Incomplete requests of strata without a complete one like them; they keep counting as the worst. */
  readonly unlike: number;
  /** The assumption, for a certificate. */
  readonly text: string;
}

const strata = 20;

/**
 * Walks through the population in an order drawn by the seed and gives each incomplete request the next unused complete one of its stratum:
 * a twentieth of the first target's signal. It ends where a stratum has none left. What is declined by confidence alone is no random
 * sample: an incomplete request that is surer than every complete one of its stratum, or less sure, stays as it is. For independent
 * requests of which none was drawn by chance; else the population is returned.
 */
export function assumedSample(items: readonly Item[], targets: readonly string[], signal: SweptSignal, seed: number): AssumedSample {
  const isApplicable = new Set(items.map(({ cluster }) => cluster)).size === items.length && !items.some(isUndrawn);
  const incomplete = items.filter(item => !isComplete(item, targets));
  if (!isApplicable || incomplete.length === 0) return sampleOf(items, 0, incomplete.length);
  const values = new Map(items.map(item => [item, signalValueOf(item.outcomes.get(targets[0]!), signal) ?? Number.NaN]));
  const sorted = [...values.values()].filter(Number.isFinite).sort((a, b) => a - b);
  const edges = Array.from({ length: strata - 1 }, (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / strata)] ?? Number.NaN);
  const stratumOf = (item: Item): number => {
    const value = values.get(item)!;
    return Number.isNaN(value) ? -1 : edges.filter(edge => value >= edge).length;
  };
  const order = items.toSorted((a, b) => seededUniform(`assume ${seed}`, a.id) - seededUniform(`assume ${seed}`, b.id));
  const complete = Map.groupBy(
    order.filter(item => isComplete(item, targets)),
    stratumOf,
  );
  const ranges = new Map([...complete].map(([stratum, own]) => [stratum, rangeOf(own.map(item => values.get(item)!))]));
  const isAlike = (item: Item): boolean => {
    const range = ranges.get(stratumOf(item));
    const value = values.get(item)!;
    return range !== undefined && (Number.isNaN(value) || (value >= range.low && value <= range.high));
  };
  return walked(order, { isComplete: item => isComplete(item, targets), isAlike, stratumOf, complete });
}

interface Walk {
  readonly isComplete: (item: Item) => boolean;
  readonly isAlike: (item: Item) => boolean;
  readonly stratumOf: (item: Item) => number;
  readonly complete: ReadonlyMap<number, readonly Item[]>;
}

function walked(order: readonly Item[], walk: Walk): AssumedSample {
  const used = new Map<number, number>();
  const chosen: Item[] = [];
  let [assumed, unlike] = [0, 0];
  for (const item of order) {
    const isKnown = walk.isComplete(item);
    if (!isKnown && !walk.isAlike(item)) {
      chosen.push(item);
      unlike++;
      continue;
    }
    const stratum = walk.stratumOf(item);
    const at = used.get(stratum) ?? 0;
    const next = walk.complete.get(stratum)![at];
    if (next === undefined) break;
    used.set(stratum, at + 1);
    chosen.push(next);
    if (!isKnown) assumed++;
  }
  return sampleOf(
    chosen.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    assumed,
    unlike,
  );
}

const sampleOf = (items: readonly Item[], assumed: number, unlike: number): AssumedSample => ({
  ...{ items, assumed, unlike },
  text: `outcomes are missing at random among requests of like confidence (${assumed.toLocaleString('en')} requests rest on it; ${unlike.toLocaleString('en')} have no like and count as the worst)`,
});

const rangeOf = (values: readonly number[]): { readonly low: number; readonly high: number } => ({
  low: values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  high: values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
});
