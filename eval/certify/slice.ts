/** A certificate for each slice of the traffic: a bound that holds overall may fail for one tenant or task. */

import { clustersOf, holm, sizeForHarm, weightedMean } from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { Chain, SweptSignal } from '../policies/chain.ts';
import { boundOf, type Constraint, lossesOf } from './constraint.ts';
import { policyTester } from './pareto-testing.ts';

export interface Slice {
  readonly tag: string;
  readonly value: string;
  readonly items: number;
  readonly clusters: number;
  readonly loss: number;
  /** Corrected for the number of slices. */
  readonly p: number;
  readonly certified: boolean;
  /** Further requests that would certify it if nothing were lost in them; null where more of the same are no answer. */
  readonly needed: number | null;
}

export interface SliceOptions {
  readonly signal: SweptSignal;
  readonly constraints: readonly Constraint[];
  readonly confidence: number;
  readonly seed: number;
  readonly tags: readonly string[];
  readonly conversationCap: number;
  readonly chanceMin?: number | undefined;
  /** The sequence that was tested on the whole, in order. */
  readonly tested: readonly (readonly number[])[];
  readonly chosen: readonly number[] | undefined;
}

/** The largest; smaller ones would be certified by none. */
const slicesMax = 50;

/**
 * The chosen thresholds in each slice. With one candidate the slices are corrected by Holm. A candidate that was chosen on these very
 * requests must have held in the slice all along the sequence, each slice at its share of the level: then no choice can be a lucky one,
 * while Holm's step-down could be.
 */
export function slicesOf(chain: Chain, items: readonly Item[], options: SliceOptions): readonly Slice[] {
  const { chosen, tested, confidence } = options;
  if (!chosen) return [];
  const groups = options.tags
    .flatMap(tag => [...Map.groupBy(items, item => item.tags?.[tag] ?? '')].map(([value, own]) => ({ tag, value, own })))
    .toSorted((a, b) => b.own.length - a.own.length || (a.value < b.value ? -1 : 1))
    .slice(0, slicesMax);
  const upTo = tested.slice(0, tested.indexOf(chosen) + 1);
  const slices = groups.map(({ tag, value, own }) => {
    const tester = policyTester(chain, own, options);
    const p = Math.max(...upTo.map(thresholds => tester.pValue(tester.runTrials(thresholds))));
    const losses = lossesOf(options.constraints[0]!, tester.runTrials(chosen), tester.reference);
    const clusters = clustersOf(own.map(item => item.cluster)).count;
    return { tag, value, p, items: own.length, clusters, loss: weightedMean(losses, tester.weights) };
  });
  const corrected = upTo.length === 1 ? holm(slices.map(({ p }) => p)) : slices.map(({ p }) => Math.min(1, p * slices.length));
  return slices.map((slice, i) => {
    const certified = corrected[i]! <= 1 - confidence;
    return { ...slice, p: corrected[i]!, certified, needed: certified ? 0 : neededOf(slice, options, slices.length) };
  });
}

function neededOf(
  { loss, items }: { loss: number; items: number },
  { constraints, confidence }: SliceOptions,
  slices: number,
): number | null {
  const bound = boundOf(constraints[0]!);
  if (loss >= bound) return null;
  const size = sizeForHarm({ harmMax: bound, harm: loss, delta: (1 - confidence) / slices, power: 0.8 });
  return Number.isFinite(size) ? Math.max(0, size - items) : null;
}
