/** The number that a gate's assertion is about, computed from what baseline and candidate did with the same items. */
import { usd } from '../../gateway/core/price.ts';
import type { Trials } from '../decide.ts';
import {
  type Clusters,
  clusterSums,
  differences,
  type Inference,
  meanInference,
  quantileStatistic,
  ratioInference,
  type Statistic,
  scaled,
  weightedSum,
} from '../statistics.ts';
import { deltaInference, escalations, failures, harms, promiseInference } from '../sweep/measure.ts';
import { type Corner, overMix } from '../sweep/mix.ts';
import type { Assertion, MetricName } from './assertion.ts';

/** With fewer clusters a resample says too little: Student's t on the linearised ratio says more. */
const resampledClustersMin = 20;
/** A percentile with fewer requests beyond it is a guess. For a p50 that is 10 requests, for a p95 100, for a p99 500. */
const tailMin = 5;

export interface Compared {
  readonly baseline: Trials;
  readonly candidate: Trials;
  readonly clusters: Clusters;
  /** The candidate chain's targets alone; undefined when it is no chain. */
  readonly hull: readonly Corner[] | undefined;
}

/** `resample`: the number has no closed form, so the gate bootstraps it together with all others. A string says why there is none. */
export type Measurement = Inference | { readonly resample: Statistic } | string;

export function measureGate(metric: MetricName, subject: Assertion['subject'], compared: Compared): Measurement {
  const { candidate, baseline, clusters } = compared;
  switch (metric) {
    case 'quality':
      return subject === 'value'
        ? promiseInference(candidate.quality, clusters)
        : deltaInference(candidate.quality, baseline.quality, clusters);
    case 'harm':
      return promiseInference(harms(candidate, baseline), clusters);
    case 'escalation':
      return shareOrDelta(escalations(candidate), escalations(baseline), subject, clusters);
    case 'error_rate':
      return shareOrDelta(failures(candidate), failures(baseline), subject, clusters);
    case 'beats_random_mix':
      if (!compared.hull) return 'the candidate is no chain, so there is no mix of its targets';
      return overMix(candidate, compared.hull, clusters) ?? 'some target has no known price; give it one under `prices` in the config';
    case 'cost_per_1k':
      return cost(subject, compared);
    default: {
      const column = metric.startsWith('latency') ? 'latencyMs' : 'firstTokenMs';
      return percentile(column, Number(metric.slice(-2)) / 100, subject, compared);
    }
  }
}

const shareOrDelta = (candidate: Float64Array, baseline: Float64Array, subject: Assertion['subject'], clusters: Clusters): Inference =>
  subject === 'value' ? promiseInference(candidate, clusters) : deltaInference(candidate, baseline, clusters);

function cost(subject: Assertion['subject'], { candidate, baseline, clusters }: Compared): Measurement {
  const per1k = (trials: Trials): Float64Array => trials.cost.map(nano => usd(nano) * 1000);
  const [head, base] = [per1k(candidate), per1k(baseline)];
  if (![...head, ...base].every(Number.isFinite)) return 'some target has no known price; give it one under `prices` in the config';
  if (subject === 'value') return meanInference(head, clusters);
  if (subject === 'delta') return meanInference(differences(head, base), clusters);
  const [headSums, baseSums] = [clusterSums(head, clusters), clusterSums(base, clusters)];
  if (baseSums.every(sum => sum === 0)) return 'the baseline costs nothing, so there is no change in per cent; write it with a $';
  if (clusters.count < resampledClustersMin) return scaled(ratioInference(head, base, clusters), 1, -1);
  return { resample: weights => weightedSum(headSums, weights) / weightedSum(baseSums, weights) - 1 };
}

function percentile(
  column: 'latencyMs' | 'firstTokenMs',
  q: number,
  subject: Assertion['subject'],
  { candidate, baseline, clusters }: Compared,
): Measurement {
  const timed = [...candidate.step.keys()].filter(
    i => Number.isFinite(candidate[column][i]!) && (subject === 'value' || Number.isFinite(baseline[column][i]!)),
  );
  if (timed.length === 0) return 'no request has a known time for every target involved';
  const needed = Math.ceil(tailMin / (1 - q) - 1e-9);
  if (timed.length < needed) return `a p${Math.round(q * 100)} needs at least ${needed} timed requests; there are ${timed.length}`;
  // The clusters keep their numbers, so that one draw of clusters serves every metric.
  const kept: Clusters = { of: Int32Array.from(timed, i => clusters.of[i]!), count: clusters.count };
  const at = (trials: Trials): Statistic =>
    quantileStatistic(
      Float64Array.from(timed, i => trials[column][i]!),
      q,
      kept,
    );
  const head = at(candidate);
  if (subject === 'value') return { resample: head };
  const base = at(baseline);
  if (subject === 'delta') return { resample: weights => head(weights) - base(weights) };
  return { resample: weights => head(weights) / base(weights) - 1 };
}
