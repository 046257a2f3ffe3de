/** The number of requests that certifies each threshold of a chain, estimated from the known ones, and their cost. */
import { usd } from '../../gateway/core/money/price.ts';
import { clusteredMean, clustersOf, isBinary, sizeForHarm, sizeForNetLoss, sum, weightedMean, wilson } from '../../statistics/index.ts';
import { type CompleteItems, type Item, weightsOf } from '../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, singleTargetPolicy, withThresholds } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { harms } from '../sweep/measure.ts';

export interface SampleSizeOptions {
  readonly signal: SweptSignal;
  readonly loss: 'harm' | 'net';
  readonly lossMax: number;
  readonly confidence: number;
  /** The chance that the certificate is given when the loss is what it was so far. */
  readonly power: number;
  /** One list for each combination. */
  readonly thresholds: readonly (readonly number[])[];
}

export interface SampleSize {
  readonly thresholds: readonly number[];
  readonly accept: number;
  readonly loss: number;
  /** Share of the requests that come out differently than by the reference. */
  readonly differing: number;
  readonly designEffect: number;
  /** In all; null when no number does, since the loss itself is not below the bound. */
  readonly requests: number | null;
  readonly more: number | null;
  /** Of sending that many more requests to every target; null when a price is unknown. */
  readonly usd: number | null;
}

/**
 * Yes-or-no harm is counted by the exact test, all else by the normal formula with the upper 80 % bound of the share that differs, which
 * a small sample may underrate. Clusters multiply both by the design effect.
 */
export function requiredSampleSizes(chain: Chain, kept: CompleteItems, options: SampleSizeOptions): readonly SampleSize[] {
  const { items } = kept;
  const clusters = clustersOf(items.map(item => item.cluster));
  const decide = trialRunner(items, chain.targets);
  const reference = decide(singleTargetPolicy(chain, chain.targets.at(-1)!));
  const each = costOfOne(items, chain.targets);
  const weights = weightsOf(items);
  const chanceMin = kept.population.reduce((least, item) => Math.min(least, item.chance ?? 1), 1);
  return options.thresholds.map(thresholds => {
    const trials = decide(withThresholds(chain, thresholds, options.signal));
    const losses = lossesOf(trials, reference, options.loss);
    const { designEffect } = clusteredMean(losses, clusters);
    const mean = weightedMean(losses, weights);
    const deff = Math.max(1, designEffect);
    // Of a thinned log each kept request stands for one over the least chance.
    const requests = requiredSize(losses, mean, deff, options) / chanceMin;
    const finite = Number.isFinite(requests);
    const more = finite ? Math.max(0, Math.ceil(requests - 1e-9) - kept.population.length) : null;
    return {
      ...{
        thresholds,
        accept: weightedMean(
          trials.step.map(step => Number(step === 0)),
          weights,
        ),
        loss: mean,
      },
      differing: weightedMean(
        trials.quality.map((quality, i) => Number(quality !== reference.quality[i])),
        weights,
      ),
      designEffect: deff,
      requests: finite ? Math.ceil(requests - 1e-9) : null,
      more,
      usd: more === null || !Number.isFinite(each) ? null : usd(more * each),
    };
  });
}

const lossesOf = (trials: Trials, reference: Trials, loss: 'harm' | 'net'): Float64Array =>
  loss === 'harm' ? harms(trials, reference) : trials.quality.map((quality, i) => reference.quality[i]! - quality);

function requiredSize(losses: Float64Array, loss: number, designEffect: number, options: SampleSizeOptions): number {
  const { lossMax, confidence, power } = options;
  const delta = 1 - confidence;
  if (options.loss === 'harm' && isBinary(losses))
    return Math.ceil(sizeForHarm({ harmMax: lossMax, harm: loss, delta, power }) * designEffect - 1e-9);
  const squares = sum(losses.map(x => x * x));
  const differing = wilson(squares, losses.length, 0.6).high;
  return sizeForNetLoss({ lossMax, loss, differing, delta, power, designEffect });
}

/** Every target is called; a failure without a price was not billed. */
function costOfOne(items: readonly Item[], targets: readonly string[]): number {
  const of = ({ outcomes }: Item): number =>
    targets.reduce((total, target) => {
      const { costNanoUsd, failure } = outcomes.get(target)!;
      return total + (costNanoUsd ?? (failure ? 0 : Number.NaN));
    }, 0);
  return items.reduce((total, item) => total + of(item), 0) / items.length;
}
