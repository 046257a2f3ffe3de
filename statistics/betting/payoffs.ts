/** Payoffs of conversations: the sum of loss less bound over their requests, for claims about requests. */
import { type Clusters, type Numbers, tabulate } from '../estimation/clustered.ts';
import type { Payoffs } from './mixture.ts';

export interface SizeCap {
  /** Requests of one conversation that the claim is about; chosen before the tested data are seen, such as by `conversationCap` on a tuning split. */
  readonly cap: number;
  /**
   * What holds beyond the cap. `unclaimed`: the claim is about requests 1 to cap of their conversation. `reference`: the gateway sends later
   * ones to the reference (`conversation_cap`), so their loss is 0 and the claim is about all requests.
   */
  readonly beyond?: 'unclaimed' | 'reference';
}

export interface Claim extends SizeCap {
  /** The mean loss of a request is claimed to lie on one side of it. */
  readonly bound: number;
  readonly side?: 'below' | 'above';
  /** What one loss can be; [0, 1] by default, [-1, 1] for net losses. */
  readonly from?: number;
  readonly to?: number;
}

/**
 * For "the mean loss per request is below (above) the bound": X_g = Σ over the first `cap` requests of (loss - bound), and its limit
 * (to - bound) · cap. Valid for conversations of any random size, however size and loss depend on one another, and for any dependence
 * inside: the estimand is E[sum of losses] / E[requests]. The requests of a conversation come in order of time.
 * An upper limit of `Infinity` makes a claim that nothing can support. A conversation without an id is not one of its own.
 */
export function conversationPayoffs(losses: Numbers, clusters: Clusters, claim: Claim): Payoffs {
  const { bound, side = 'below', cap, beyond = 'unclaimed', from = 0, to = 1 } = claim;
  const sign = side === 'below' ? 1 : -1;
  if (side === 'above' && beyond === 'reference') throw new RangeError('a lower bound speaks of the requests below the cap alone');
  const values = new Float64Array(clusters.count);
  const seen = new Int32Array(clusters.count);
  for (let i = 0; i < losses.length; i++) {
    const g = clusters.of[i]!;
    if (seen[g]!++ < cap) values[g]! += sign * (losses[i]! - bound);
    else if (beyond === 'reference') values[g]! -= bound;
  }
  return { values, upper: (side === 'below' ? to - bound : bound - from) * cap };
}

/**
 * For claims about conversations, each counting once: X_g = mean loss of the conversation - bound. It says nothing about requests:
 * where long conversations are harder, the share of harmed requests lies far above.
 */
export function conversationMeanPayoffs(losses: Numbers, clusters: Clusters, bound: number, to = 1): Payoffs {
  const sums = new Float64Array(clusters.count);
  const sizes = clusterSizes(clusters);
  for (let i = 0; i < losses.length; i++) sums[clusters.of[i]!]! += losses[i]!;
  return { values: tabulate(clusters.count, g => sums[g]! / sizes[g]! - bound), upper: to - bound };
}

/** The number of items in each cluster. */
export function clusterSizes(clusters: Clusters): Int32Array {
  const sizes = new Int32Array(clusters.count);
  for (let i = 0; i < clusters.of.length; i++) sizes[clusters.of[i]!]!++;
  return sizes;
}

/** How many requests lie beyond the cap of their conversation; printed beside every bound that is about the others alone. */
export const requestsBeyond = (clusters: Clusters, cap: number): number =>
  clusterSizes(clusters).reduce((total, size) => total + Math.max(0, size - cap), 0);

/** The smallest cap that leaves at most `share` of the requests beyond it. The data needed are proportional to it. */
export function conversationCap(clusters: Clusters, share = 0.01): number {
  const sizes = clusterSizes(clusters).sort();
  const allowed = share * clusters.of.length + 1e-9;
  let beyond = 0;
  // From the top: one step down sends one more request of each conversation beyond that is at least so long.
  for (let cap = sizes.at(-1) ?? 1, g = sizes.length; ; cap--) {
    while (g > 0 && sizes[g - 1]! >= cap) g--;
    beyond += sizes.length - g;
    if (cap <= 1 || beyond > allowed) return cap;
  }
}
