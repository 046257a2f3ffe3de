/** What `--json` prints: the same numbers under the names that scripts read, shares as fractions, estimates as `{value, low, high}`. */

import type { GateReport } from '../gate/evaluate.ts';
import type { Measured } from '../sweep/measure.ts';
import type { RouterMetrics } from '../sweep/router-metrics.ts';
import type { Sweep, SweepRow } from '../sweep/sweep.ts';
import type { ComparisonReport } from './compare.ts';

/** What `eval sweep --json` prints. */
export function sweepJson(sweep: Sweep): object {
  const { chain, reference, signal, label, confidence, items, clusters, designEffect, singles, current, rows, oracle, dropped, notes } =
    sweep;
  return {
    ...{ chain, reference, signal, quality_from: label, confidence, items, clusters, design_effect: designEffect },
    targets: singles.map(({ target, ...single }) => ({
      target,
      coverage: sweep.coverage[target],
      ...(sweep.signalCoverage[target] === undefined ? {} : { signal_coverage: sweep.signalCoverage[target] }),
      dominated_by: sweep.dominated.find(d => d.target === target)?.by ?? null,
      ...measuredJson(single),
    })),
    current: current && rowJson(current),
    rows: rows.map(rowJson),
    oracle: { quality: oracle.quality, cost_per_1k: oracle.costPer1k },
    router_metrics: sweep.routerMetrics && routerMetricsJson(sweep.routerMetrics),
    dropped,
    notes,
  };
}

const routerMetricsJson = ({ apgr, cpt50, cpt80, aiq, aiqRandomMix }: RouterMetrics): object => ({
  ...{ apgr, cpt_50: cpt50, cpt_80: cpt80, aiq, aiq_random_mix: aiqRandomMix },
});

const rowJson = ({ thresholds, vsRandomMix, frontier, ...measured }: SweepRow): object => ({
  threshold: thresholds?.length === 1 ? thresholds[0] : null,
  thresholds,
  ...measuredJson(measured),
  over_mix: vsRandomMix,
  frontier,
});

/** One measured policy, as in every `--json` of eval. */
export const measuredJson = (measured: Measured): object => ({
  accept: measured.answered[0],
  answered: measured.answered,
  escalated: measured.escalated,
  cost_per_1k: measured.costPer1k,
  relative_cost: measured.relativeCost,
  quality: measured.quality,
  quality_delta: measured.qualityDelta,
  harm: measured.harm,
  worse: measured.worse,
  better: measured.better,
  errors: measured.errors,
  latency_ms: measured.latencyMs,
  ttft_ms: measured.firstTokenMs,
});

/** What `eval gate --json` prints. */
export function gateJson(report: GateReport): object {
  const { verdict, baseline, candidate, label, confidence, items, clusters, findings, dropped, notes } = report;
  return {
    ...{ verdict, baseline, candidate, quality_from: label, confidence, items, clusters },
    name: report.name ?? null,
    gates: findings.map(({ rule, verdict: own, estimate, baseline: base, candidate: head, reason, needed, ...n }) => ({
      name: rule.name,
      metric: rule.metric,
      assert: rule.assertion.text,
      line: rule.line,
      where: rule.filter?.text ?? null,
      severity: rule.severity ?? 'error',
      point: rule.isPoint ?? false,
      verdict: own,
      ...{ items: n.items, clusters: n.clusters, worse: n.worse, better: n.better },
      estimate: estimate && finite(estimate),
      baseline: base,
      candidate: head,
      reason,
      needed,
    })),
    regressed: report.changes,
    dropped,
    notes,
  };
}

/** JSON has no infinity: a bound that nothing bounds is null. */
const finite = ({ value, low, high }: { value: number; low: number; high: number }): object => ({
  value,
  low: Number.isFinite(low) ? low : null,
  high: Number.isFinite(high) ? high : null,
});

/** What `eval compare --json` prints. */
export function comparisonJson(report: ComparisonReport): object {
  const { baseline, candidate, label, confidence, items, clusters, designEffect, worse, better, p, rows, dropped, notes } = report;
  return {
    ...{ baseline, candidate, quality_from: label, confidence, items, clusters, design_effect: designEffect, worse, better, mcnemar_p: p },
    metrics: rows.map(row => ({
      metric: row.metric,
      baseline: row.baseline && finite(row.baseline),
      candidate: row.candidate && finite(row.candidate),
      delta: row.delta && finite(row.delta),
      change: row.change && finite(row.change),
      reason: row.reason,
    })),
    dropped,
    notes,
  };
}
