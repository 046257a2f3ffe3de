/** Intervals and tests of a bounded mean without a distribution: the betting test, inverted, one side each. */
import { type Clusters, type Numbers, sum } from '../estimation/clustered.ts';
import type { Estimate, Inference } from '../estimation/estimate.ts';
import { type Bets, deltaBets, mixturePValue } from './mixture.ts';
import { conversationPayoffs, requestsBeyond } from './payoffs.ts';

export interface BoundedMean {
  /** What one number can be. `to` is Infinity for money without a ceiling: there is then no upper limit (Bahadur and Savage, 1956). */
  readonly from: number;
  readonly to: number;
  /** Items of one cluster that count, fixed before; 1 when every item is a cluster. */
  readonly cap: number;
  /** Clusters in betting order: by time when looked at again and again, else from `bettingOrder`. By default as numbered. */
  readonly order?: Numbers;
  /** For "below a bound"; `harmBets` is sharper where the mean is small. */
  readonly betsBelow?: Bets;
}

const steps = 60;

/**
 * The mean per item (E[cluster sum] / E[cluster size]) of clusters of any size, exact at every look: optional stopping costs nothing.
 * Each p-value is for one side; the interval leaves out what either side rejects at (1 - confidence) / 2, so it covers more often than it
 * says (98 to 100 % at 95 %). It is about the first `cap` items of their cluster. Waudby-Smith and Ramdas (2024), with fixed bets.
 */
export function betInference(values: Numbers, clusters: Clusters, { from, to, cap, order, betsBelow = deltaBets }: BoundedMean): Inference {
  const p = (side: 'below' | 'above', bound: number): number => {
    if (!Number.isFinite(side === 'below' ? to : from)) return 1;
    return mixturePValue(
      conversationPayoffs(values, clusters, { bound, side, cap, from, to }),
      side === 'below' ? betsBelow : deltaBets,
      order,
    );
  };
  const value = requestsBeyond(clusters, cap) === 0 ? sum(values) / values.length : cappedMean(values, clusters, cap);
  const pValueBelow = (bound: number): number => (bound > to ? 0 : bound <= from ? 1 : p('below', bound));
  const pValueAbove = (bound: number): number => (bound < from ? 0 : bound >= to ? 1 : p('above', bound));
  return {
    value,
    interval: confidence => {
      const alpha = (1 - confidence) / 2;
      const high = Number.isFinite(to) ? firstWhere(bound => pValueBelow(bound) <= alpha, value, to) : to;
      const low = Number.isFinite(from) ? -firstWhere(bound => pValueAbove(-bound) <= alpha, -value, -from) : from;
      return { value, low, high };
    },
    pValueBelow,
    pValueAbove,
  };
}

function cappedMean(values: Numbers, clusters: Clusters, cap: number): number {
  const { values: sums } = conversationPayoffs(values, clusters, { bound: 0, cap });
  return sum(sums) / (clusters.of.length - requestsBeyond(clusters, cap));
}

/** The least bound between `from` and `to` where it holds, it holding from there on; `to` when nowhere before. */
function firstWhere(holds: (bound: number) => boolean, from: number, to: number): number {
  if (!(from < to)) return to;
  let [low, high] = [from, to];
  for (let i = 0; i < steps && high - low > 1e-12 * Math.max(1, Math.abs(high)); i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * The interval of a mean of which some numbers are missing: from the lower limit of the best case to the upper limit of the worst, each of
 * (1 - confidence) / 2. Imbens and Manski (2004), without their narrowing. The values are the two point estimates.
 */
export function boundedInterval(
  best: Inference,
  worst: Inference,
  confidence: number,
): { readonly best: Estimate; readonly worst: Estimate; readonly low: number; readonly high: number } {
  const [a, b] = [best.interval(confidence), worst.interval(confidence)];
  return { best: a, worst: b, low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}
