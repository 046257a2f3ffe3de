/** Two sides decided on the same requests: what a gate's metrics are computed from, whole or for a part of the requests. */

import { type Clusters, clustersOf } from '../../statistics/index.ts';
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
  /** Intervals hold at every look; tightest around so many clusters. */
  readonly sequential?: { readonly planned: number };
}

/** The sides restricted to the items that `holds` accepts, with clusters renumbered. */
export function subsetOf(compared: ComparedSides, holds: (item: Item) => boolean): ComparedSides {
  const { items = [], baseline, candidate, clusters, hull, answers } = compared;
  const at = [...items.keys()].filter(i => holds(items[i]!));
  const own = clustersOf(at.map(i => String(clusters.of[i])));
  return {
    ...compared,
    baseline: trialsAt(baseline, at),
    candidate: trialsAt(candidate, at),
    clusters: own,
    hull: hull?.map(corner => ({ ...corner, trials: trialsAt(corner.trials, at), ...means(corner.trials, at) })),
    items: at.map(i => items[i]!),
    ...(answers ? { answers: { baseline: at.map(i => answers.baseline[i]), candidate: at.map(i => answers.candidate[i]) } } : {}),
  };
}

function trialsAt(trials: Trials, at: readonly number[]): Trials {
  const of = (values: Float64Array): Float64Array => Float64Array.from(at, i => values[i]!);
  return {
    cost: of(trials.cost),
    quality: of(trials.quality),
    latencyMs: of(trials.latencyMs),
    firstTokenMs: of(trials.firstTokenMs),
    step: Int8Array.from(at, i => trials.step[i]!),
  };
}

const means = ({ cost, quality }: Trials, at: readonly number[]): Pick<HullVertex, 'cost' | 'quality'> => ({
  cost: at.reduce((sum, i) => sum + cost[i]!, 0) / at.length,
  quality: at.reduce((sum, i) => sum + quality[i]!, 0) / at.length,
});
