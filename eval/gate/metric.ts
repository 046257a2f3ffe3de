/** The metric of an assertion, computed from baseline and candidate on the same items. */
import { usd } from '../../gateway/core/money/price.ts';
import {
  betInference,
  type Clusters,
  clusterSums,
  differences,
  exactInference,
  guardedInference,
  type Inference,
  meanInference,
  quantileInference,
  quantileStatistic,
  ratioInference,
  type Statistic,
  scaled,
  tabulate,
  unclustered,
  weightedRatio,
} from '../../statistics/index.ts';
import { drawnMean } from '../identification/drawn-mean.ts';
import type { Trials } from '../policies/trials.ts';
import { deltaInference, escalations, failures, gradeInference, harms } from '../sweep/measure.ts';
import { gainOverRandomMix } from '../sweep/random-mix.ts';
import { type Assertion, type MetricName, scoreNameOf } from './assertion.ts';
import type { ComparedSides } from './compared-sides.ts';

export type { ComparedSides as Compared } from './compared-sides.ts';

/** A percentile with fewer requests beyond it is a guess. For a p50 that is 10 requests, for a p95 100, for a p99 500. */
const tailMin = 5;

/** `resample`: the statistic has no closed form and is bootstrapped together with all others. A string is the reason why there is no number. */
export type Measurement = Inference | { readonly resample: Statistic } | string;

const remedy = 'some target has no known price; give it one under `prices` in the config';
function unpricedReason({ candidate, baseline }: ComparedSides): string {
  const unknown = candidate.cost.filter((cost, i) => !Number.isFinite(cost) || !Number.isFinite(baseline.cost[i]!)).length;
  return unknown === candidate.cost.length ? remedy : `the cost of ${unknown} of ${candidate.cost.length} requests is not known: ${remedy}`;
}

export function measureGate(metric: MetricName, subject: Assertion['subject'], compared: ComparedSides): Measurement {
  const { candidate, baseline, clusters } = compared;
  if (candidate.step.length === 0) return 'no request is left to measure';
  if (compared.draws && (compared.sequential || compared.weights === 'cluster'))
    return 'drawn requests are looked at once and count as requests: leave out sequential and weights: cluster';
  const score = scoreNameOf(metric) ?? (metric === 'schema_valid' ? 'schema_valid' : undefined);
  if (score !== undefined) return scoreMean(score, metric === 'schema_valid', subject, compared);
  switch (metric) {
    case 'quality':
      return shareOrDelta(candidate.quality, baseline.quality, subject, compared);
    case 'harm':
      return mean(harms(candidate, baseline), 'share', compared);
    case 'escalation':
      return shareOrDelta(escalations(candidate), escalations(baseline), subject, compared);
    case 'error_rate':
      return shareOrDelta(failures(candidate), failures(baseline), subject, compared);
    case 'beats_random_mix':
      if (!compared.hull) return 'the candidate is no chain whose targets are all known here, so there is no mix of its targets';
      if (compared.weights === 'cluster' || compared.sequential)
        return 'a mix is of requests, looked at once: leave out weights and sequential';
      return gainOverRandomMix(candidate, compared.hull, clusters, compared.draws?.weights) ?? unpricedReason(compared);
    case 'certificate.psi':
      if (compared.psi === undefined) return 'the gate file names no certificate: certificate: FILE';
      return typeof compared.psi === 'string' ? compared.psi : exactInference(compared.psi);
    case 'cost_per_1k':
      return cost(subject, compared);
    default: {
      const column = metric.startsWith('latency') ? 'latencyMs' : 'firstTokenMs';
      return percentile(column, Number(metric.slice(-2)) / 100, subject, compared);
    }
  }
}

const shareOrDelta = (
  candidate: Float64Array,
  baseline: Float64Array,
  subject: Assertion['subject'],
  compared: ComparedSides,
): Inference => (subject === 'value' ? mean(candidate, 'share', compared) : mean(differences(candidate, baseline), 'difference', compared));

/** Sequential looks count at most so many requests of a conversation. The limit is fixed, not taken from the data. */
const sequentialConversationMax = 20;

/** Every mean goes through here: by requests or by conversations, looked at once or at any time. */
function mean(values: Float64Array, kind: 'share' | 'difference' | 'amount', compared: ComparedSides): Inference {
  const { sequential, weights, draws } = compared;
  if (draws) return drawnMean(values, kind, compared.clusters, draws);
  const [own, clusters] = weights === 'cluster' ? perCluster(values, compared.clusters) : [values, compared.clusters];
  if (sequential) {
    if (kind === 'amount') return guardedInference(clusterSums(own, clusters), clusterSums(new Float64Array(own.length).fill(1), clusters));
    const cap = clusters.count === own.length ? 1 : sequentialConversationMax;
    return betInference(own, clusters, { from: kind === 'share' ? 0 : -1, to: 1, cap });
  }
  if (kind === 'share') return gradeInference(own, clusters);
  if (kind === 'amount') return meanInference(own, clusters);
  return deltaInference(own, new Float64Array(own.length), clusters);
}

/** One number a cluster, which then all count the same. */
function perCluster(values: Float64Array, clusters: Clusters): readonly [Float64Array, Clusters] {
  const sizes = clusterSums(new Float64Array(values.length).fill(1), clusters);
  const sums = clusterSums(values, clusters);
  return [tabulate(clusters.count, g => sums[g]! / sizes[g]!), unclustered(clusters.count)];
}

function scoreMean(name: string, isSignal: boolean, subject: Assertion['subject'], compared: ComparedSides): Measurement {
  const { answers } = compared;
  const of = (side: 'baseline' | 'candidate'): (number | undefined)[] =>
    (answers?.[side] ?? []).map(outcome => (isSignal ? outcome?.signals.schema_valid : outcome?.scores?.[name]));
  const [base, head] = [of('baseline'), of('candidate')];
  const at = [...head.keys()].filter(i => head[i] !== undefined && (subject === 'value' || base[i] !== undefined));
  if (at.length === 0)
    return isSignal ? 'no answer was asked for JSON' : `no answer has a score named ${name}${subject === 'value' ? '' : ' on both sides'}`;
  const outside = at.some(i => !(head[i]! >= 0 && head[i]! <= 1) || (base[i] !== undefined && !(base[i]! >= 0 && base[i]! <= 1)));
  if (outside) return `some score named ${name} lies outside 0 to 1`;
  const clusters: Clusters = renumberedClusters(compared.clusters, at);
  const { draws } = compared;
  const part = { ...compared, clusters, ...(draws ? { draws: { ...draws, weights: Float64Array.from(at, i => draws.weights[i]!) } } : {}) };
  const column = (values: readonly (number | undefined)[]): Float64Array => Float64Array.from(at, i => values[i] ?? 0);
  return shareOrDelta(column(head), column(base), subject, part);
}

function renumberedClusters(clusters: Clusters, at: readonly number[]): Clusters {
  const numbers = new Map<number, number>();
  const of = Int32Array.from(at, i => {
    const cluster = clusters.of[i]!;
    if (!numbers.has(cluster)) numbers.set(cluster, numbers.size);
    return numbers.get(cluster)!;
  });
  return { of, count: numbers.size };
}

function cost(subject: Assertion['subject'], compared: ComparedSides): Measurement {
  const { candidate, baseline, clusters, sequential, weights } = compared;
  const per1k = (trials: Trials): Float64Array => trials.cost.map(nano => usd(nano) * 1000);
  const [head, base] = [per1k(candidate), per1k(baseline)];
  if (!head.every(Number.isFinite) || !base.every(Number.isFinite)) return unpricedReason(compared);
  if (subject === 'value') return mean(head, 'amount', compared);
  if (subject === 'delta') return mean(differences(head, base), 'amount', compared);
  if (base.every(x => x === 0)) return 'the baseline costs nothing, so there is no change in per cent; write it with a $';
  const [own, theirs, groups] =
    weights === 'cluster' ? [perCluster(head, clusters)[0], ...perCluster(base, clusters)] : [head, base, clusters];
  if (compared.draws) return scaled(weightedRatio(head, base, compared.draws.weights, clusters), 1, -1);
  if (sequential) return scaled(guardedInference(clusterSums(own, groups), clusterSums(theirs, groups)), 1, -1);
  // As in a sweep, so that one question has one interval.
  return scaled(ratioInference(own, theirs, groups), 1, -1);
}

function percentile(column: 'latencyMs' | 'firstTokenMs', q: number, subject: Assertion['subject'], compared: ComparedSides): Measurement {
  const { candidate, baseline, clusters } = compared;
  if (compared.sequential) return 'a percentile has no interval that holds at every look; leave sequential out, or gate a mean';
  if (compared.weights === 'cluster') return 'a percentile is of requests; leave weights: cluster out';
  if (compared.isFilled) return 'a percentile has no bound where times are not known';
  if (compared.draws) return 'a percentile of drawn requests has no interval here; gate a mean';
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
  if (subject === 'value')
    return quantileInference(
      Float64Array.from(timed, i => candidate[column][i]!),
      q,
      renumberedClusters(clusters, timed),
    );
  const head = at(candidate);
  const base = at(baseline);
  if (subject === 'delta') return { resample: weights => head(weights) - base(weights) };
  return { resample: weights => head(weights) / base(weights) - 1 };
}
