/** Data sets whose truth is known, exactly on the bound where a claim is at its most tempting. */
import { type Clusters, type Random, randomInteger, tabulate, unclustered } from '../../statistics/index.ts';

export const bernoulli = (draw: Random, p: number): number => (draw() < p ? 1 : 0);

/** Standard normal draws by the sum of twelve, which is fast and light in the tails, would not do for costs; so Box and Muller. */
export const lognormal = (draw: Random, sigma: number): number =>
  Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw()));

/** Clusters of the given sizes, items in order. */
export function clustersOfSizes(sizes: ArrayLike<number>): Clusters {
  let n = 0;
  for (let g = 0; g < sizes.length; g++) n += sizes[g]!;
  const of = new Int32Array(n);
  let i = 0;
  for (let g = 0; g < sizes.length; g++) for (let k = 0; k < sizes[g]!; k++) of[i++] = g;
  return { of, count: sizes.length };
}

/** Sizes of mean 4, at most 20. */
export const shortSizes = (draw: Random, count: number): Float64Array =>
  tabulate(count, () => {
    let size = 1;
    while (size < 20 && draw() < 0.75) size++;
    return size;
  });

export interface Conversations {
  readonly clusters: Clusters;
  readonly losses: Float64Array;
}

/**
 * 3 % of the conversations are 20 to 100 requests long and hard, the others short and easy; over all requests the harm is `harm`. `whole`:
 * all requests of a conversation are harmed or none.
 */
export function longAndHard(draw: Random, count: number, harm: number, complete: boolean): Conversations {
  const isLong = tabulate(count, () => bernoulli(draw, 0.03));
  const clusters = clustersOfSizes(tabulate(count, g => (isLong[g] ? 20 + randomInteger(draw, 81) : 1 + randomInteger(draw, 3))));
  const easy = harm / 25;
  const hard = (harm * (0.97 * 2 + 0.03 * 60) - 0.97 * 2 * easy) / (0.03 * 60);
  const fate = tabulate(count, () => draw());
  return {
    clusters,
    losses: tabulate(clusters.of.length, i =>
      Number((complete ? fate[clusters.of[i]!]! : draw()) < (isLong[clusters.of[i]!] ? hard : easy)),
    ),
  };
}

/** Every conversation has `size` requests, all harmed or none: the least favourable to a bound per request. */
export function allOrNothing(draw: Random, count: number, harm: number, size: number): Conversations {
  const clusters = clustersOfSizes(new Float64Array(count).fill(size));
  const fate = tabulate(count, () => bernoulli(draw, harm));
  return { clusters, losses: tabulate(clusters.of.length, i => fate[clusters.of[i]!]!) };
}

export type Confidence = 'informative' | 'useless' | 'adversarial';

/** How likely an accepted answer of this score (0 to 99) is worse, so that accepting 50 and above harms exactly `bound` of all requests. */
export function harmAt(confidence: Confidence, bound: number): Float64Array {
  const shape = tabulate(100, s => (confidence === 'useless' ? 1 : confidence === 'informative' ? 100 - s : 1 + s));
  const half = shape.subarray(50).reduce((a, b) => a + b, 0) / 100;
  return shape.map(x => (x * bound) / half);
}

/** The log of a cascade that accepts scores from `deployed` on, whose accepted answers were drawn with chance `rho` to ask the reference as well. */
export interface CascadeLog {
  readonly clusters: Clusters;
  readonly scores: Float64Array;
  /** Of accepting the answer; read only where it is known. */
  readonly harm: Float64Array;
  readonly chance: Float64Array;
  readonly drawn: Float64Array;
}

/** True harm of accepting from `threshold` on. */
export const trueHarm = (harm: Float64Array, threshold: number): number => harm.subarray(threshold).reduce((a, b) => a + b, 0) / 100;

export interface CascadeOptions {
  readonly confidence: Confidence;
  readonly deployed: number;
  readonly rho: number;
  readonly bound: number;
  /** Requests; or conversations of mean 4 and at most 20, whose requests share one fate. */
  readonly count: number;
  readonly unit: 'request' | 'conversation';
  /** Multiplies the harm. */
  readonly scale?: number;
}

export function cascadeLog(draw: Random, { confidence, deployed, rho, bound, count, unit, scale = 1 }: CascadeOptions): CascadeLog {
  const clusters = unit === 'request' ? unclustered(count) : clustersOfSizes(shortSizes(draw, count));
  const n = clusters.of.length;
  const p = harmAt(confidence, bound);
  const fate = tabulate(clusters.count, () => draw());
  const scores = tabulate(n, () => randomInteger(draw, 100));
  const chance = tabulate(n, i => (scores[i]! >= deployed ? rho : 1));
  return {
    clusters,
    scores,
    harm: tabulate(n, i => Number(fate[clusters.of[i]!]! < scale * p[scores[i]!]!)),
    chance,
    drawn: tabulate(n, i => bernoulli(draw, chance[i]!)),
  };
}
