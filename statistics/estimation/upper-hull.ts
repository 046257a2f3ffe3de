/** The best that mixing at random can reach: the upper hull of points of cost and quality. */

export interface CostQuality {
  readonly cost: number;
  readonly quality: number;
}

/** The points that no mix of others beats at their cost, from the cheapest to the best. */
export function upperHull<P extends CostQuality>(points: readonly P[]): readonly P[] {
  const hull: P[] = [];
  for (const point of points.toSorted((a, b) => a.cost - b.cost || b.quality - a.quality)) {
    if (hull.length > 0 && point.quality <= hull.at(-1)!.quality) continue;
    while (hull.length >= 2 && slope(hull.at(-2)!, hull.at(-1)!) <= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** Quality gained per unit of cost from a to b. */
export const slope = (a: CostQuality, b: CostQuality): number => (b.quality - a.quality) / (b.cost - a.cost);
