/** Trains a scorer: a logistic function of a response's features, fitted to quality labels, evaluated on held-out responses. */
import type { Scorer } from '../../gateway/core/signals/scorer.ts';
import { applyScorer, withScorerSignal } from '../../gateway/core/signals/scorer.ts';
import {
  aurc,
  auroc,
  brier,
  type Clusters,
  clustersOf,
  fitLogistic,
  randomGenerator,
  shuffled,
  sum,
  tabulate,
} from '../../statistics/index.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';

export type FeatureSignal = Scorer['features'][number]['signal'];

export interface Training {
  readonly target: string;
  readonly scorer: Scorer;
  readonly items: number;
  readonly clusters: number;
  /** Of answers the scorer was not fitted on. */
  readonly crossFitted: { readonly brier: number; readonly auroc: number; readonly aurc: number };
  /** Each feature alone, as it is. */
  readonly alone: readonly { readonly signal: FeatureSignal; readonly auroc: number; readonly aurc: number; readonly shown: number }[];
  /** Too few answers show these, or all show the same. */
  readonly leftOut: readonly FeatureSignal[];
}

export const answersMin = 100;
const foldsMax = 10;
/** A feature that fewer answers show would be guessed for the rest. */
const shownMin = 0.95;

/** `undefined` when there is too little to learn from: few answers, or none of one kind. */
export function trainScorer(items: readonly Item[], target: string, wanted: readonly FeatureSignal[], seed: number): Training | undefined {
  const judged = items
    .filter(item => item.outcomes.get(target)?.quality !== undefined && !item.outcomes.get(target)!.failure)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const outcomes = judged.map(item => item.outcomes.get(target)!);
  const features = wanted.filter(signal => isInformative(outcomes, signal));
  const quality = tabulate(outcomes.length, i => outcomes[i]!.quality!);
  const right = sum(quality);
  if (outcomes.length < answersMin || features.length === 0 || right < 5 || outcomes.length - right < 5) return undefined;
  const clusters = clustersOf(judged.map(item => item.cluster));
  const predicted = crossFitted(outcomes, quality, features, clusters, seed);
  return {
    ...{ target, items: outcomes.length, clusters: clusters.count },
    scorer: fitScorer(outcomes, quality, features),
    crossFitted: { brier: brier(predicted, quality), auroc: auroc(predicted, quality), aurc: aurc(predicted, quality) },
    alone: wanted.flatMap(signal => singleFeatureScores(outcomes, quality, signal)),
    leftOut: wanted.filter(signal => !features.includes(signal)),
  };
}

function isInformative(outcomes: readonly Outcome[], signal: FeatureSignal): boolean {
  const values = outcomes.flatMap(o => o.signals[signal] ?? []);
  return values.length >= shownMin * outcomes.length && values.some(value => value !== values[0]);
}

function singleFeatureScores(outcomes: readonly Outcome[], quality: Float64Array, signal: FeatureSignal): Training['alone'] {
  const at = [...outcomes.keys()].filter(i => outcomes[i]!.signals[signal] !== undefined);
  if (at.length < 2) return [];
  const values = Float64Array.from(at, i => outcomes[i]!.signals[signal]!);
  const own = Float64Array.from(at, i => quality[i]!);
  return [{ signal, auroc: auroc(values, own), aurc: aurc(values, own), shown: at.length / outcomes.length }];
}

/** Each feature less its mean, over its spread, so that weights compare and a missing one counts as the mean. */
function fitScorer(outcomes: readonly Outcome[], quality: ArrayLike<number>, signals: readonly FeatureSignal[]): Scorer {
  const columns = signals.map(signal => {
    const values = outcomes.flatMap(o => o.signals[signal] ?? []);
    const mean = sum(values) / values.length;
    const scale = Math.sqrt(sum(values.map(value => (value - mean) ** 2)) / values.length) || 1;
    return { signal, mean, scale, values: tabulate(outcomes.length, i => ((outcomes[i]!.signals[signal] ?? mean) - mean) / scale) };
  });
  const weights = fitLogistic(
    columns.map(({ values }) => values),
    quality,
  );
  return {
    type: 'logistic',
    features: columns.map(({ signal, mean, scale }, k) => ({ signal, weight: weights[k]!, mean, scale })),
    intercept: weights.at(-1)!,
  };
}

function crossFitted(
  outcomes: readonly Outcome[],
  quality: Float64Array,
  signals: readonly FeatureSignal[],
  clusters: Clusters,
  seed: number,
): Float64Array {
  const folds = Math.min(foldsMax, clusters.count);
  const order = shuffled([...Array(clusters.count).keys()], randomGenerator(seed));
  const foldOf = new Int32Array(clusters.count);
  for (const [rank, cluster] of order.entries()) foldOf[cluster] = rank % folds;
  const predicted = new Float64Array(outcomes.length);
  for (let fold = 0; fold < folds; fold++) {
    const outside = [...outcomes.keys()].filter(i => foldOf[clusters.of[i]!] !== fold);
    const scorer = fitScorer(
      outside.map(i => outcomes[i]!),
      outside.map(i => quality[i]!),
      signals,
    );
    for (let i = 0; i < outcomes.length; i++)
      if (foldOf[clusters.of[i]!] === fold) predicted[i] = applyScorer(scorer, outcomes[i]!.signals) ?? 0.5;
  }
  return predicted;
}

/** The chain with these scorers on its first steps, in order. */
export function withScorers(chain: Chain, scorers: readonly Scorer[]): Chain {
  if (scorers.length === 0) return chain;
  const steps = chain.policy.steps.map((step, i) => (scorers[i] ? { ...step, scorer: scorers[i] } : step));
  return { ...chain, policy: { ...chain.policy, steps } };
}

/** The items with each step's scorer's word among their signals, as the router will see them. */
export function scoredItems({ policy }: Chain, items: readonly Item[]): readonly Item[] {
  const scorers = new Map(policy.steps.flatMap(({ target, scorer }) => (scorer ? [[target, scorer] as const] : [])));
  if (scorers.size === 0) return items;
  return items.map(item => ({
    ...item,
    outcomes: new Map(
      [...item.outcomes].map(([target, o]) => [target, { ...o, signals: withScorerSignal(scorers.get(target), o.signals) }]),
    ),
  }));
}
