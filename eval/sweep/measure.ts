/** A policy's numbers against the reference, each with its interval: one row of a sweep. */
import { usd } from '../../gateway/core/money/price.ts';
import {
  boundedMeanInference,
  type Clusters,
  clustersOf,
  differences,
  type Estimate,
  exactInference,
  exactProportionInference,
  type Inference,
  isBinary,
  meanInference,
  type Numbers,
  quantileEstimates,
  ratioInference,
  tabulate,
  weightedBoundedInference,
  weightedMean,
  weightedMeanInference,
  weightedRatio,
} from '../../statistics/index.ts';
import type { Trials } from '../policies/trials.ts';

export interface Measured {
  /** Share of the requests that each step answered, in order. */
  readonly answered: readonly number[];
  /** Share that the first step did not answer. */
  readonly escalated: Estimate;
  /** USD for a thousand requests, every attempt paid; null when a price is unknown. */
  readonly costPer1k: Estimate | null;
  /** Of the reference's cost; below 1 is cheaper. */
  readonly relativeCost: Estimate | null;
  readonly quality: Estimate;
  /** Less the reference's, in pairs; below 0 is worse. */
  readonly qualityDelta: Estimate;
  /** What is lost where it is worse than the reference, over all requests. */
  readonly harm: Estimate;
  /** Requests that come out worse, and better, than by the reference. */
  readonly worse: number;
  readonly better: number;
  readonly errors: Estimate;
  /** Over the requests whose latency is known for every target; null when there are none. */
  readonly latencyMs: Percentiles | null;
  readonly firstTokenMs: Percentiles | null;
}

export interface Percentiles {
  readonly p50: Estimate;
  readonly p95: Estimate;
  readonly n: number;
}

/** 1 for each trial that a later step answered or none did, 0 otherwise. */
export const escalations = ({ step }: Trials): Float64Array => tabulate(step.length, i => (step[i] === 0 ? 0 : 1));

/** 1 for each trial that no step answered, 0 otherwise. */
export const failures = ({ step }: Trials): Float64Array => tabulate(step.length, i => (step[i]! < 0 ? 1 : 0));
/** The paired loss where there is one, in [0, 1]. */
export const harms = (trials: Trials, reference: Trials): Float64Array =>
  tabulate(trials.quality.length, i => Math.max(0, reference.quality[i]! - trials.quality[i]!));

/** A mean in [0, 1], the same in every command: exact binomial for 0/1 values, a cautious t for grades. */
export const gradeInference = (values: Numbers, clusters: Clusters): Inference =>
  isBinary(values) ? exactProportionInference(values, clusters) : boundedMeanInference(values, clusters, 0, 1);

/** The mean difference of two policies on the same requests, for values from -1 to 1. */
export const deltaInference = (candidate: Numbers, baseline: Numbers, clusters: Clusters): Inference =>
  boundedMeanInference(differences(candidate, baseline), clusters, -1, 1);

/** A policy's quality, cost, latency and escalations against the reference, each with its interval. */
export function measurePolicy(
  trials: Trials,
  reference: Trials,
  steps: number,
  clusters: Clusters,
  confidence: number,
  weights?: Float64Array,
): Measured {
  if (weights) return measureWeighted(trials, reference, steps, { clusters, confidence, weights });
  const n = trials.step.length;
  const counts = new Array<number>(steps).fill(0);
  for (const step of trials.step) if (step >= 0) counts[step]!++;
  const harm = harms(trials, reference);
  const priced = Number.isFinite(trials.cost[0]!) && Number.isFinite(reference.cost[0]!);
  return {
    answered: counts.map(count => count / n),
    escalated: gradeInference(escalations(trials), clusters).interval(confidence),
    costPer1k: priced
      ? meanInference(
          trials.cost.map(cost => usd(cost) * 1000),
          clusters,
        ).interval(confidence)
      : null,
    relativeCost: priced ? ratioInference(trials.cost, reference.cost, clusters).interval(confidence) : null,
    quality: gradeInference(trials.quality, clusters).interval(confidence),
    qualityDelta: (trials === reference ? exactInference(0) : deltaInference(trials.quality, reference.quality, clusters)).interval(
      confidence,
    ),
    harm: gradeInference(harm, clusters).interval(confidence),
    worse: harm.filter(h => h > 0).length,
    better: trials.quality.filter((quality, i) => quality > reference.quality[i]!).length,
    errors: gradeInference(failures(trials), clusters).interval(confidence),
    latencyMs: percentilesOf(trials.latencyMs, clusters, confidence),
    firstTokenMs: percentilesOf(trials.firstTokenMs, clusters, confidence),
  };
}

interface WeightedMeasureOptions {
  readonly clusters: Clusters;
  readonly confidence: number;
  readonly weights: Float64Array;
}

/** The same for weighted items. Percentiles are left out, since their error is not estimated here. */
function measureWeighted(
  trials: Trials,
  reference: Trials,
  steps: number,
  { clusters, confidence, weights }: WeightedMeasureOptions,
): Measured {
  const grade = (values: Float64Array, from = 0): Estimate =>
    weightedBoundedInference(values, weights, clusters, from, 1).interval(confidence);
  const inBounds = ({ value, low, high }: Estimate): Estimate => ({ value, low: Math.max(0, low), high: Math.min(1, high) });
  const harm = harms(trials, reference);
  const priced = Number.isFinite(trials.cost[0]!) && Number.isFinite(reference.cost[0]!);
  const dollars = trials.cost.map(cost => usd(cost) * 1000);
  return {
    answered: Array.from({ length: steps }, (_, step) =>
      weightedMean(
        tabulate(weights.length, i => Number(trials.step[i] === step)),
        weights,
      ),
    ),
    escalated: inBounds(grade(escalations(trials))),
    costPer1k: priced ? weightedMeanInference(dollars, weights, clusters).interval(confidence) : null,
    relativeCost: priced ? weightedRatio(trials.cost, reference.cost, weights, clusters).interval(confidence) : null,
    quality: inBounds(grade(trials.quality)),
    qualityDelta: trials === reference ? exactInference(0).interval(confidence) : grade(differences(trials.quality, reference.quality), -1),
    harm: inBounds(grade(harm)),
    worse: harm.filter(h => h > 0).length,
    better: trials.quality.filter((quality, i) => quality > reference.quality[i]!).length,
    errors: inBounds(grade(failures(trials))),
    ...{ latencyMs: null, firstTokenMs: null },
  };
}

function percentilesOf(values: Float64Array, clusters: Clusters, confidence: number): Percentiles | null {
  const known = withoutMissing(values, clusters);
  if (known.values.length === 0) return null;
  const [p50, p95] = quantileEstimates(known.values, [0.5, 0.95], known.clusters, confidence);
  return { p50: p50!, p95: p95!, n: known.values.length };
}

/** The values that are numbers, and the clusters that are left. */
export function withoutMissing(values: Float64Array, clusters: Clusters): { readonly values: Float64Array; readonly clusters: Clusters } {
  if (values.every(Number.isFinite)) return { values, clusters };
  const at = [...values.keys()].filter(i => Number.isFinite(values[i]!));
  return { values: Float64Array.from(at, i => values[i]!), clusters: clustersOf(at.map(i => String(clusters.of[i]))) };
}
