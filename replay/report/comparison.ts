/** The comparison of a run: pairs, totals, metrics and differing paths, by arm. */
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

/** The comparison, arm by arm; the noise arm is last. */
export function comparison(run: string, against: string, byArm: ReadonlyMap<string, readonly Pair[]>): Comparison {
  const noise = byArm.get(noiseArm) ?? [];
  // The noise floor comes last: the other arms are compared with it.
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

/** The pairs that differ, most severe first; within a severity the least similar first. */
export const worstFirst = (pairs: readonly Pair[]): readonly Pair[] =>
  pairs
    .filter(pair => pair.diff.likeness !== 'same' || pair.diff.finishChanged)
    .toSorted(
      (a, b) =>
        severity[a.diff.likeness] - severity[b.diff.likeness] ||
        (a.diff.similarity ?? 0) - (b.diff.similarity ?? 0) ||
        (a.id < b.id ? -1 : 1),
    );
