/** A run's pairs, arm by arm, with everything that is said of them. */
import { noiseArm } from '../arms/arm.ts';
import type { Likeness } from '../comparison/diff.ts';
import { type PathCount, pathCounts } from '../comparison/noise.ts';
import { type Metric, metricsOf, type Pair, type Totals, totalsOf } from '../comparison/totals.ts';

export interface ArmDiff {
  readonly arm: string;
  readonly totals: Totals;
  readonly metrics: readonly Metric[];
  readonly paths: readonly PathCount[];
  readonly pairs: readonly Pair[];
}

export interface Comparison {
  readonly run: string;
  /** What the arms are compared to: the record, or another run. */
  readonly against: string;
  readonly arms: readonly ArmDiff[];
}

export function comparison(run: string, against: string, byArm: ReadonlyMap<string, readonly Pair[]>): Comparison {
  const noise = byArm.get(noiseArm) ?? [];
  // What differs by itself stands last: it is there to be compared with.
  const inOrder = [...byArm].sort(([a], [b]) => Number(a === noiseArm) - Number(b === noiseArm));
  const arms = inOrder.map(
    ([arm, pairs]): ArmDiff => ({
      arm,
      totals: totalsOf(pairs),
      metrics: metricsOf(pairs),
      paths: pathCounts(pairs, arm === noiseArm ? [] : noise),
      pairs,
    }),
  );
  return { run, against, arms };
}

const severity: Readonly<Record<Likeness, number>> = { failed: 0, different: 1, undecided: 2, equivalent: 3, same: 4 };

/** What came out differently; among equals those that are farthest apart first. */
export const worstFirst = (pairs: readonly Pair[]): readonly Pair[] =>
  pairs
    .filter(pair => pair.diff.likeness !== 'same' || pair.diff.finishChanged)
    .toSorted(
      (a, b) =>
        severity[a.diff.likeness] - severity[b.diff.likeness] ||
        (a.diff.similarity ?? 0) - (b.diff.similarity ?? 0) ||
        (a.id < b.id ? -1 : 1),
    );
