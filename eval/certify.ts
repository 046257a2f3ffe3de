/** The lowest threshold of a chain of two whose loss against always asking the last target is bounded, with a stated chance of being wrong. */
import { type Chain, onlyTarget, type SweptSignal, withThresholds } from './chain.ts';
import { decider, type Trials } from './decide.ts';
import type { Complete } from './outcomes.ts';
import {
  bettingBelow,
  bettingLossBelow,
  binomialBelow,
  type Clusters,
  clusterSums,
  clustersOf,
  isBinary,
  random,
  shuffled,
  sum,
  upperBound,
} from './statistics.ts';
import { harms, type Measured, measurePolicy } from './sweep/measure.ts';
import { distinctValues, signalOf, thresholdGrid } from './sweep/thresholds.ts';

export interface CertifyOptions {
  readonly signal: SweptSignal;
  /** `harm`: what is lost where the answer is worse. `net`: less what is won where it is better. */
  readonly loss: 'harm' | 'net';
  /** The loss must be at most this, a share. */
  readonly lossMax: number;
  /** That it is, in (0, 1). */
  readonly confidence: number;
  readonly seed: number;
  /** From the strictest down, chosen without looking at these outcomes; undefined takes the values that the signal shows, at most 500. */
  readonly thresholds?: readonly number[];
}

/** Chosen by the signal's ranks alone, which looks at no loss. */
const thresholdsMax = 500;

export interface Tested {
  readonly threshold: number;
  readonly accept: number;
  readonly loss: number;
  readonly p: number;
}

export interface Certificate {
  readonly chain: string;
  readonly reference: string;
  readonly signal: SweptSignal;
  readonly loss: 'harm' | 'net';
  readonly lossMax: number;
  readonly confidence: number;
  readonly method: 'exact binomial' | 'betting on clusters';
  readonly items: number;
  readonly clusters: number;
  /** In the order they were tested; the last one is the first that was not rejected, if any was not. */
  readonly tested: readonly Tested[];
  readonly certified: (Measured & { readonly threshold: number; readonly lossUpper: number | null }) | null;
}

/**
 * Fixed-sequence testing (Learn-then-Test, arXiv 2110.01052) from the strictest threshold down, each at the whole level, up to the first
 * that cannot be told from a loss above the bound. Nothing is fitted, so all items serve. Binary harm of independent items is tested by
 * the exact binomial; graded or net loss and clustered items by betting, each cluster one observation: its mean.
 */
export function certify(chain: Chain, kept: Complete, options: CertifyOptions): Certificate {
  const { items } = kept;
  const clusters = clustersOf(items.map(item => item.cluster));
  const decide = decider(items, chain.targets);
  const reference = decide(onlyTarget(chain, chain.targets.at(-1)!));
  const losses = stepwiseLosses(chain, kept, options, decide, reference);
  const exact = options.loss === 'harm' && clusters.count === items.length && isBinary(losses.accepted) && isBinary(losses.escalated);
  const order = shuffled(
    Array.from({ length: clusters.count }, (_, g) => g),
    random(options.seed),
  );
  const tested: Tested[] = [];
  for (const threshold of options.thresholds ?? thresholdGrid(distinctValues(items, chain.targets[0]!, options.signal), thresholdsMax)) {
    const { loss, accept } = losses.at(threshold);
    const p = exact ? binomialBelow(Math.round(sum(loss)), items.length, options.lossMax) : bettingP(loss, clusters, order, options);
    tested.push({ threshold, accept, loss: sum(loss) / items.length, p });
    if (!(p <= 1 - options.confidence)) break;
  }
  const last = tested.findLast(({ p }) => p <= 1 - options.confidence);
  return {
    chain: chain.name,
    reference: chain.targets.at(-1)!,
    ...{ signal: options.signal, loss: options.loss, lossMax: options.lossMax, confidence: options.confidence },
    method: exact ? 'exact binomial' : 'betting on clusters',
    items: items.length,
    clusters: clusters.count,
    tested,
    certified: last
      ? {
          threshold: last.threshold,
          ...measurePolicy(
            decide(withThresholds(chain, [last.threshold], options.signal)),
            reference,
            chain.targets.length,
            clusters,
            options.confidence,
          ),
          lossUpper: exact ? upperBound(Math.round(last.loss * items.length), items.length, options.confidence) : null,
        }
      : null,
  };
}

interface Losses {
  /** Of each item when its first answer is taken wherever it shows the signal, and when it never is. */
  readonly accepted: Float64Array;
  readonly escalated: Float64Array;
  at(threshold: number): { readonly loss: Float64Array; readonly accept: number };
}

/** A threshold only chooses, item by item, between the two ways through the chain: both are decided by the router once. */
function stepwiseLosses(
  chain: Chain,
  { items }: Complete,
  { signal, loss }: CertifyOptions,
  decide: (policy: Parameters<ReturnType<typeof decider>>[0]) => Trials,
  reference: Trials,
): Losses {
  const of = (trials: Trials): Float64Array =>
    loss === 'harm' ? harms(trials, reference) : trials.quality.map((quality, i) => reference.quality[i]! - quality);
  const accepted = of(decide(withThresholds(chain, [0], signal)));
  const escalated = of(decide(withThresholds(chain, [Number.POSITIVE_INFINITY], signal)));
  const values = Float64Array.from(items, item => signalOf(item.outcomes.get(chain.targets[0]!), signal) ?? Number.NEGATIVE_INFINITY);
  return {
    accepted,
    escalated,
    at: threshold => ({
      loss: accepted.map((taken, i) => (values[i]! >= threshold ? taken : escalated[i]!)),
      accept: values.filter(value => value >= threshold).length / items.length,
    }),
  };
}

function bettingP(loss: Float64Array, clusters: Clusters, order: readonly number[], options: CertifyOptions): number {
  const sums = clusterSums(loss, clusters);
  const sizes = clusterSums(new Float64Array(loss.length).fill(1), clusters);
  const means = Float64Array.from(order, g => sums[g]! / sizes[g]!);
  return (options.loss === 'harm' ? bettingBelow : bettingLossBelow)(means, options.lossMax, 1 - options.confidence);
}
