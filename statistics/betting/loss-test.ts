/** Chooses the valid test of a mean loss for the way in which its outcomes are known. */
import { type Clusters, type Numbers, sum, tabulate } from '../estimation/clustered.ts';
import { binomialPValueBelow, isBinary } from '../estimation/proportion.ts';
import { inverseChancePayoffs, type KnownChances, thinned } from './known-chances.ts';
import { type Bets, deltaBets, harmBets, mixturePValue } from './mixture.ts';
import { conversationMeanPayoffs, conversationPayoffs, type SizeCap } from './payoffs.ts';

/** What the population is and how its outcomes are known; all of it is fixed before the losses are looked at. */
export interface LossSample extends SizeCap {
  readonly clusters: Clusters;
  /** The clusters in betting order, from `bettingOrder`. */
  readonly order: Numbers;
  /** `conversation` for claims in which each conversation counts once. */
  readonly unit?: 'request' | 'conversation';
  /** Undefined when every loss is known, or is counted as the worst. */
  readonly chances?: KnownChances | undefined;
  /** With them independent requests of known chances are thinned for the exact binomial. */
  readonly thin?: { readonly ids: readonly string[]; readonly seed: string } | undefined;
  /** Of the betting tests; by default `harmBets`, and `deltaBets` for net losses. */
  readonly bets?: Bets | undefined;
}

export type LossMethod =
  | 'exact binomial'
  | 'exact binomial on thinned requests'
  | 'betting on requests'
  | 'betting on conversations'
  | 'betting on conversation means'
  | 'betting on inverse-chance requests'
  | 'betting on clipped inverse-chance conversations'
  | 'betting on inverse-chance conversations';

export interface MeanLossTest {
  readonly method: LossMethod;
  /** Requests that the test reads: all of them, or the thinned ones. */
  readonly requests: number;
  /** Of "the mean loss is at least `bound`": the claim holds where it is at most δ. One loss per request; not read where it was not drawn. */
  p(losses: Numbers, bound: number): number;
  /** The p-value if every loss were 0: above δ these data can certify nothing, and the verdict is INCONCLUSIVE. */
  leastP(bound: number): number;
}

export interface LossKind {
  /** `harm` lies in [0, 1], `net` in [-1, 1]. */
  readonly loss: 'harm' | 'net';
  /** Every loss of every candidate is 0 or 1. */
  readonly binary: boolean;
}

/**
 * The exact binomial where every unit is one independent request, losses are 0 or 1, and chances are equal by design or by thinning; else
 * betting with fixed bets on sums over conversations. With a harm and any of these methods p rises with each loss, so every distinct
 * threshold of two targets may be walked down on the tested data; net losses need candidates and their order from other data.
 * Requests of one conversation come in order of time.
 */
export function meanLossTest(sample: LossSample, kind: LossKind): MeanLossTest {
  const test = chosenTest(sample, kind);
  const none = new Float64Array(sample.clusters.of.length);
  return { ...test, leastP: bound => test.p(none, bound) };
}

type ChosenTest = Omit<MeanLossTest, 'leastP'>;

function chosenTest(sample: LossSample, { loss, binary }: LossKind): ChosenTest {
  const { clusters, chances, order } = sample;
  const n = clusters.of.length;
  const singles = clusters.count === n;
  if (singles && binary && loss === 'harm') {
    if (!chances) return { method: 'exact binomial', requests: n, p: binomialTest };
    if (sample.thin) return thinnedTest(chances, sample.thin);
  }
  const bets = sample.bets ?? (loss === 'net' ? deltaBets : harmBets);
  const from = loss === 'net' ? -1 : 0;
  const cap = singles ? 1 : sample.cap;
  const { beyond = 'unclaimed' } = sample;
  if (chances) {
    if (sample.unit === 'conversation' && !singles) throw new RangeError('drawn outcomes support claims about requests');
    return {
      method: singles
        ? 'betting on inverse-chance requests'
        : from < 0
          ? 'betting on inverse-chance conversations'
          : 'betting on clipped inverse-chance conversations',
      requests: n,
      p: (losses, bound) => mixturePValue(inverseChancePayoffs(losses, clusters, chances, { bound, cap, beyond, from }), bets, order),
    };
  }
  if (sample.unit === 'conversation' && !singles) {
    return {
      method: 'betting on conversation means',
      requests: n,
      p: (losses, bound) => mixturePValue(conversationMeanPayoffs(losses, clusters, bound), bets, order),
    };
  }
  return {
    method: singles ? 'betting on requests' : 'betting on conversations',
    requests: n,
    p: (losses, bound) => mixturePValue(conversationPayoffs(losses, clusters, { bound, cap, beyond, from }), bets, order),
  };
}

function binomialTest(losses: Numbers, bound: number): number {
  if (!isBinary(losses)) throw new RangeError('the exact binomial takes losses of 0 and 1');
  return bound >= 1 ? 0 : bound <= 0 ? 1 : binomialPValueBelow(sum(losses), losses.length, bound);
}

function thinnedTest(chances: KnownChances, { ids, seed }: NonNullable<LossSample['thin']>): ChosenTest {
  const kept = thinned(ids, chances, seed);
  return {
    method: 'exact binomial on thinned requests',
    requests: kept.length,
    p: (losses, bound) =>
      binomialTest(
        tabulate(kept.length, k => losses[kept[k]!]!),
        bound,
      ),
  };
}
