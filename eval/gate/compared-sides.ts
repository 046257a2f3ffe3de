/** Two sides decided on the same requests: the input of a gate's metrics, for all requests or a part of them. */

import { type Clusters, clustersOf } from '../../statistics/index.ts';
import { trialsAt } from '../identification/comparable.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { Trials } from '../policies/trials.ts';
import type { HullVertex } from '../sweep/random-mix.ts';

export interface ComparedSides {
  readonly baseline: Trials;
  readonly candidate: Trials;
  readonly clusters: Clusters;
  /** The candidate chain's targets alone; undefined when it is no chain. */
  readonly hull: readonly HullVertex[] | undefined;
  readonly items?: readonly Item[];
  /** The outcomes given to the caller, by side and item; undefined where no target responded. */
  readonly answers?: {
    readonly baseline: readonly (Outcome | undefined)[];
    readonly candidate: readonly (Outcome | undefined)[];
  };
  /** The stability index against the certificate's traffic, or the reason why it is unknown. */
  readonly psi?: number | string;
  /** Each request the same, or each conversation. */
  readonly weights?: 'request' | 'cluster';
  /** One over the chance that each request's needed outcomes were drawn with; undefined where nothing was drawn. */
  readonly draws?: { readonly weights: Float64Array; readonly weightMax: number };
  /** Some quality stands for what is not known; costs and times do not. */
  readonly isFilled?: boolean;
  /** Intervals hold at every look; tightest around so many clusters. */
  readonly sequential?: { readonly planned: number };
}

/** The sides restricted to the items that `holds` accepts, with clusters renumbered. */
export function subsetOf(compared: ComparedSides, holds: (item: Item) => boolean): ComparedSides {
  const { items = [], baseline, candidate, clusters, hull, answers, draws } = compared;
  const at = [...items.keys()].filter(i => holds(items[i]!));
  const own = clustersOf(at.map(i => String(clusters.of[i])));
  return {
    ...compared,
    baseline: trialsAt(baseline, at),
    candidate: trialsAt(candidate, at),
    clusters: own,
    hull: hull?.map(corner => ({ ...corner, trials: trialsAt(corner.trials, at), ...means(corner.trials, at) })),
    items: at.map(i => items[i]!),
    ...(draws ? { draws: { ...draws, weights: Float64Array.from(at, i => draws.weights[i]!) } } : {}),
    ...(answers ? { answers: { baseline: at.map(i => answers.baseline[i]), candidate: at.map(i => answers.candidate[i]) } } : {}),
  };
}

const means = ({ cost, quality }: Trials, at: readonly number[]): Pick<HullVertex, 'cost' | 'quality'> => ({
  cost: at.reduce((sum, i) => sum + cost[i]!, 0) / at.length,
  quality: at.reduce((sum, i) => sum + quality[i]!, 0) / at.length,
});
