/** A chain in the numbers that router benchmarks report: APGR and CPT of RouteLLM, AIQ of RouterBench. Points, without intervals. */
import { upperHull } from '../../statistics/index.ts';
import type { Measured } from './measure.ts';

export interface RouterMetrics {
  /** Mean share of the quality gap between weak and strong that is recovered, over all shares of strong calls; 0.5 for a coin. */
  readonly apgr: number;
  /** The least share of strong calls that recovers half, and four fifths, of the gap. */
  readonly cpt50: number;
  readonly cpt80: number;
  /** Mean quality over costs from the cheapest target to the dearest; and of the best random mix of the targets. Null without prices. */
  readonly aiq: number | null;
  readonly aiqRandomMix: number | null;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * For a chain of two targets, `rows` being all its thresholds; undefined where the strong target is not better. The curves are drawn straight
 * between the thresholds. RouteLLM: Ong et al., arXiv 2406.18665, section 3; it averages over ten shares, which this is the limit of.
 * RouterBench: Hu et al., arXiv 2403.12031, section 3.2: the area under the non-decreasing hull, divided by the range of costs.
 */
export function routerMetrics(weak: Measured, strong: Measured, rows: readonly Measured[]): RouterMetrics | undefined {
  const gap = strong.quality.value - weak.quality.value;
  if (!(gap > 0) || rows.length === 0) return undefined;
  const recovered = ({ escalated, quality }: Measured): Point => ({ x: escalated.value, y: (quality.value - weak.quality.value) / gap });
  const curve = byShare([{ x: 0, y: 0 }, ...rows.map(recovered), { x: 1, y: 1 }]);
  return {
    apgr: area(curve),
    cpt50: reaches(curve, 0.5),
    cpt80: reaches(curve, 0.8),
    aiq: meanOverCosts([weak, strong, ...rows], [weak, strong]),
    aiqRandomMix: meanOverCosts([weak, strong], [weak, strong]),
  };
}

/** Of equal shares the best counts. */
function byShare(points: readonly Point[]): readonly Point[] {
  const best = new Map<number, number>();
  for (const { x, y } of points) best.set(x, Math.max(best.get(x) ?? Number.NEGATIVE_INFINITY, y));
  return [...best].map(([x, y]) => ({ x, y })).sort((a, b) => a.x - b.x);
}

const area = (curve: readonly Point[]): number =>
  curve.slice(1).reduce((total, { x, y }, i) => total + ((x - curve[i]!.x) * (y + curve[i]!.y)) / 2, 0);

/** The least x at which the curve is at or above `level`. */
function reaches(curve: readonly Point[], level: number): number {
  const at = curve.findIndex(({ y }) => y >= level);
  const [before, after] = [curve[at - 1], curve[at]!];
  return before ? before.x + ((level - before.y) / (after.y - before.y)) * (after.x - before.x) : after.x;
}

function meanOverCosts(points: readonly Measured[], ends: readonly Measured[]): number | null {
  const costs = points.map(({ costPer1k }) => costPer1k?.value ?? Number.NaN);
  const [from, to] = [Math.min, Math.max].map(of => of(...ends.map(({ costPer1k }) => costPer1k?.value ?? Number.NaN))) as [number, number];
  if (!costs.every(Number.isFinite) || !(to > from)) return null;
  const hull = upperHull(points.map(({ quality }, i) => ({ cost: costs[i]!, quality: quality.value })));
  // Beyond its last corner the hull stays level, and costs above the dearest target are none of its business.
  const last = hull.at(-1)!;
  const curve = [...hull.map(({ cost, quality }) => ({ x: cost, y: quality })), { x: Math.max(to, last.cost), y: last.quality }];
  const within = curve.flatMap(({ x, y }, i): Point[] => {
    const next = curve[i + 1];
    if (x > to) return [];
    if (!next || next.x <= to) return [{ x, y }];
    return [
      { x, y },
      { x: to, y: y + ((to - x) / (next.x - x)) * (next.y - y) },
    ];
  });
  return area(within) / (to - from);
}
