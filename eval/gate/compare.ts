/** Two sides on the same requests: every number of both, and what lies between them, in pairs and by clusters. */

import { clusteredMean, differences, type Estimate, isBinary, mcnemar } from '../../statistics/index.ts';
import type { MetricName } from './assertion.ts';
import { inferTogether } from './evaluate.ts';
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

const metrics: readonly MetricName[] = [
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

export function compare(compared: Compared, options: { readonly confidence: number; readonly seed: number }): Comparison {
  const { baseline, candidate, clusters } = compared;
  const turned: Compared = { ...compared, candidate: baseline, baseline: candidate };
  const measurements = metrics.flatMap(metric => [
    measureGate(metric, 'value', turned),
    measureGate(metric, 'value', compared),
    measureGate(metric, 'delta', compared),
    relativeMetrics.has(metric) ? measureGate(metric, 'change', compared) : '',
  ]);
  const inferred = inferTogether(measurements, clusters, options.seed);
  const estimateAt = (i: number): Estimate | null => {
    const inference = inferred[i]!;
    return typeof inference === 'string' ? null : inference.interval(options.confidence);
  };
  const rows = metrics.map((metric, k): ComparisonRow => {
    const reasons = [0, 1, 2].map(j => inferred[4 * k + j]!).filter(x => typeof x === 'string');
    return {
      metric,
      baseline: estimateAt(4 * k),
      candidate: estimateAt(4 * k + 1),
      delta: estimateAt(4 * k + 2),
      change: estimateAt(4 * k + 3),
      reason: reasons[0] ?? '',
    };
  });
  const gap = differences(candidate.quality, baseline.quality);
  const [worse, better] = [gap.filter(d => d < 0).length, gap.filter(d => d > 0).length];
  const paired = clusters.count === gap.length && isBinary(candidate.quality) && isBinary(baseline.quality);
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
