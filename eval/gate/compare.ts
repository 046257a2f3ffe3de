/** Compares two sides on the same requests: every metric of both, and the paired, clustered difference. */

import { clusteredMean, differences, type Estimate, type Inference, isBinary, mcnemar } from '../../statistics/index.ts';
import type { MetricName } from './assertion.ts';
import { type Bounds, boundedEstimate, inferTogether, isBounded } from './evaluate.ts';
import { type Compared, measureGate } from './metric.ts';

export interface Comparison {
  readonly rows: readonly ComparisonRow[];
  readonly items: number;
  readonly clusters: number;
  /** Of the paired difference of quality. */
  readonly designEffect: number;
  readonly worse: number;
  readonly better: number;
  /** McNemar's exact two-sided p-value of better against worse; null where quality is graded or requests come in clusters. */
  readonly p: number | null;
  readonly confidence: number;
}

export interface ComparisonRow {
  readonly metric: MetricName;
  readonly baseline: Estimate | null;
  readonly candidate: Estimate | null;
  readonly delta: Estimate | null;
  /** The delta as a share of the baseline's, for money and times. */
  readonly change: Estimate | null;
  /** Why something is missing. */
  readonly reason: string;
}

const allMetrics: readonly MetricName[] = [
  'quality',
  'cost_per_1k',
  'escalation',
  'error_rate',
  'latency_p50',
  'latency_p95',
  'ttft_p50',
  'ttft_p95',
];
const relativeMetrics: ReadonlySet<MetricName> = new Set(['cost_per_1k', 'latency_p50', 'latency_p95', 'ttft_p50', 'ttft_p95']);

export interface CompareOptions {
  readonly confidence: number;
  readonly seed: number;
  readonly bounds?: Bounds | undefined;
  /** These alone; percentiles take time. */
  readonly metrics?: readonly MetricName[];
}

/** With `bounds` each number reaches from the worst to the best that the unknown outcomes allow; what has no bound is left out. */
export function compare(compared: Compared, options: CompareOptions): Comparison {
  const { bounds } = options;
  const plain = comparisonOf(compared, options);
  if (!bounds) return plain;
  const [worst, best] = [bounds.worst, bounds.best].map(side => inferredRows(side, options));
  const between = (k: number, j: number): Estimate | null => {
    const both = [worst![k]![j]!, best![k]![j]!];
    return both.some(of => typeof of === 'string') ? null : boundedEstimate(both as Inference[], options.confidence);
  };
  return {
    ...plain,
    p: null,
    rows: plain.rows.map((row, k) => {
      if (!isBounded(bounds, row.metric)) return row;
      const [baseline, candidate, delta, change] = [0, 1, 2, 3].map(j => between(k, j));
      return {
        ...row,
        baseline: baseline!,
        candidate: candidate!,
        delta: delta!,
        change: change!,
        reason: delta ? '' : `${row.metric}: it is not known for all requests`,
      };
    }),
  };
}

/** Of each metric: the baseline's own, the candidate's own, the delta and the relative change; all from the same resamples. */
function inferredRows(compared: Compared, { seed, metrics = allMetrics }: CompareOptions): readonly (readonly (Inference | string)[])[] {
  const { answers } = compared;
  const turned: Compared = {
    ...{ ...compared, candidate: compared.baseline, baseline: compared.candidate },
    ...(answers ? { answers: { baseline: answers.candidate, candidate: answers.baseline } } : {}),
  };
  const measurements = metrics.flatMap(metric => [
    measureGate(metric, 'value', turned),
    measureGate(metric, 'value', compared),
    measureGate(metric, 'delta', compared),
    relativeMetrics.has(metric) ? measureGate(metric, 'change', compared) : '',
  ]);
  const inferred = inferTogether(measurements, compared.clusters, seed);
  return metrics.map((_, k) => inferred.slice(4 * k, 4 * k + 4));
}

function comparisonOf(compared: Compared, options: CompareOptions): Comparison {
  const { baseline, candidate, clusters } = compared;
  const { metrics = allMetrics, confidence } = options;
  const inferred = inferredRows(compared, options);
  const rows = metrics.map((metric, k): ComparisonRow => {
    const own = inferred[k]!;
    const [base, head, delta, change] = own.map(of => (typeof of === 'string' ? null : of.interval(confidence)));
    const reason = own.slice(0, 3).find(of => typeof of === 'string');
    return { metric, baseline: base!, candidate: head!, delta: delta!, change: change!, reason: typeof reason === 'string' ? reason : '' };
  });
  const gap = differences(candidate.quality, baseline.quality);
  const [worse, better] = [gap.filter(d => d < 0).length, gap.filter(d => d > 0).length];
  const paired = !compared.draws && clusters.count === gap.length && isBinary(candidate.quality) && isBinary(baseline.quality);
  return {
    rows,
    items: gap.length,
    clusters: clusters.count,
    designEffect: clusteredMean(gap, clusters).designEffect,
    worse,
    better,
    p: paired ? mcnemar(better, worse) : null,
    confidence: options.confidence,
  };
}
