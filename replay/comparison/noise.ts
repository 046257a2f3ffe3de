/** How often each path differs, compared with its run-to-run noise (A/A). */
import { type Estimate, pairedMean } from '../../statistics/index.ts';
import type { Pair } from './totals.ts';

export interface PathCount {
  readonly path: string;
  /** Weighted shares of the pairs in which it differs; `noise` in those of the A/A arm, undefined without one. */
  readonly share: number;
  readonly count: number;
  readonly noise?: number;
  /** Difference beyond the noise on common requests; its interval lies above 0 when the path differs more than its noise. */
  readonly beyond?: Estimate;
}

const pathsMax = 100;

export function pathCounts(pairs: readonly Pair[], noise: readonly Pair[]): readonly PathCount[] {
  const paths = new Map<string, number>();
  for (const { diff } of pairs) for (const path of diff.paths) paths.set(path, (paths.get(path) ?? 0) + 1);
  const noisy = new Map(noise.map(pair => [pair.id, pair]));
  const both = pairs.filter(({ id }) => noisy.has(id));
  return [...paths]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, pathsMax)
    .map(([path, count]) => {
      const share = shareOf(pairs, path);
      if (noise.length === 0) return { path, count, share };
      const differs = (pair: Pair): number => (pair.diff.paths.includes(path) ? 1 : 0);
      const beyond =
        both.length === 0
          ? undefined
          : pairedMean(
              both.map(pair => differs(pair) - differs(noisy.get(pair.id)!)),
              { weights: both.map(pair => pair.weight), keys: both.map(pair => pair.cluster) },
              [-1, 1],
            );
      return { path, count, share, noise: shareOf(noise, path), ...(beyond ? { beyond } : {}) };
    });
}

function shareOf(pairs: readonly Pair[], path: string): number {
  const sum = pairs.reduce((total, { weight }) => total + weight, 0);
  return pairs.reduce((total, { weight, diff }) => total + (diff.paths.includes(path) ? weight : 0), 0) / Math.max(sum, Number.MIN_VALUE);
}
