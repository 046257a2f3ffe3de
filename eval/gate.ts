/** Judges a candidate against a baseline by a list of assertions: each passes, fails or cannot be told, by its confidence interval. */
import { usd } from '../gateway/core/price.ts';
import type { Assertion, MetricName } from './gate/assertion.ts';
import { type Compared, type Measurement, measureGate } from './gate/metric.ts';
import { type Clusters, clusterBootstrap, type Estimate, holm, type Inference, sum, timesNeeded } from './statistics.ts';

export type Verdict = 'pass' | 'fail' | 'inconclusive';

export interface GateRule {
  readonly name: string;
  readonly metric: MetricName;
  readonly assertion: Assertion;
  /** Where it stands in the gate file. */
  readonly line: number;
}

export interface GateOptions {
  /** Of the intervals that decide, two-sided, in (0, 1). */
  readonly confidence: number;
  readonly seed: number;
  /** With fewer clusters nothing is told. */
  readonly clustersMin: number;
}

export interface Finding {
  readonly rule: GateRule;
  readonly verdict: Verdict;
  /** Of what the assertion is about; null when it cannot be measured. */
  readonly estimate: Estimate | null;
  readonly baseline: number | null;
  readonly candidate: number | null;
  /** What would decide it, or why nothing does; '' when it is decided. */
  readonly reason: string;
  /** Further requests that would decide it with a power of 80 %, and what asking them costs. */
  readonly needed: { readonly requests: number; readonly usd: number | null } | null;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  readonly items: number;
  readonly clusters: number;
  readonly confidence: number;
}

/**
 * PASS when the whole interval lies on the good side: all rules must hold, so each is tested at the full level (intersection-union).
 * FAIL when it lies wholly on the bad side, Holm-corrected over the rules so that ten of them do not raise ten chances of a false alarm.
 */
export function judge(rules: readonly GateRule[], compared: Compared, options: GateOptions): Judgement {
  const measurements = rules.map(({ metric, assertion }) => measureGate(metric, assertion.subject, compared));
  const inferences = inferTogether(measurements, compared.clusters, options.seed);
  const alpha = (1 - options.confidence) / 2;
  const bad = holm(inferences.map((inference, i) => (typeof inference === 'string' ? 1 : against(inference, rules[i]!.assertion))));
  const enough = compared.clusters.count >= options.clustersMin;
  const findings = rules.map((rule, i): Finding => {
    const inference = inferences[i]!;
    if (typeof inference === 'string')
      return { rule, verdict: 'inconclusive', estimate: null, ...sides(rule.metric, compared), reason: inference, needed: null };
    const passes = inFavour(inference, rule.assertion) <= alpha;
    const verdict = enough && passes ? 'pass' : enough && bad[i]! <= alpha ? 'fail' : 'inconclusive';
    const needed = verdict === 'inconclusive' ? neededOf(inference, rule.assertion, compared, options) : null;
    const estimate = inference.interval(options.confidence);
    return {
      rule,
      verdict,
      estimate,
      ...sides(rule.metric, compared),
      reason: reasonOf(verdict, enough, needed, inference, rule, options),
      needed,
    };
  });
  const any = (verdict: Verdict): boolean => findings.some(finding => finding.verdict === verdict);
  return {
    verdict: any('fail') ? 'fail' : any('inconclusive') ? 'inconclusive' : 'pass',
    findings,
    items: compared.candidate.step.length,
    clusters: compared.clusters.count,
    confidence: options.confidence,
  };
}

const inFavour = (inference: Inference, { side, bound }: Assertion): number =>
  side === 'below' ? inference.below(bound) : inference.above(bound);
const against = (inference: Inference, { side, bound }: Assertion): number =>
  side === 'below' ? inference.above(bound) : inference.below(bound);

/** Whatever needs resampling is resampled together, so that all metrics see the same draws. */
export function inferTogether(measurements: readonly Measurement[], clusters: Clusters, seed: number): (Inference | string)[] {
  const statistics = measurements.flatMap(m => (typeof m === 'object' && 'resample' in m ? [m.resample] : []));
  const resampled = statistics.length > 0 ? clusterBootstrap(clusters.count, statistics, { seed }) : [];
  let next = 0;
  return measurements.map(m => (typeof m === 'object' && 'resample' in m ? resampled[next++]! : m));
}

/** Both sides' own numbers, for the reader. */
function sides(metric: MetricName, compared: Compared): { readonly baseline: number | null; readonly candidate: number | null } {
  const value = (side: Compared): number | null => {
    const measured = measureGate(metric, 'value', side);
    if (typeof measured === 'string') return null;
    return 'resample' in measured ? measured.resample(new Float64Array(compared.clusters.count).fill(1)) : measured.value;
  };
  const own = value(compared);
  // Harm and the lead over a mix are comparisons already: the baseline has none.
  if (metric === 'harm' || metric === 'beats_random_mix') return { baseline: null, candidate: own };
  return { baseline: value({ ...compared, candidate: compared.baseline }), candidate: own };
}

function neededOf(inference: Inference, { side, bound }: Assertion, compared: Compared, { confidence }: GateOptions): Finding['needed'] {
  const good = side === 'below' ? inference.value < bound : inference.value > bound;
  const times = good ? timesNeeded(inference, bound, confidence) : undefined;
  if (times === undefined) return null;
  const n = compared.candidate.step.length;
  const requests = Math.max(1, Math.ceil(n * (times - 1)));
  const nano = (requests * (sum(compared.baseline.cost) + sum(compared.candidate.cost))) / n;
  return { requests, usd: Number.isFinite(nano) ? usd(nano) : null };
}

function reasonOf(
  verdict: Verdict,
  enough: boolean,
  needed: Finding['needed'],
  inference: Inference,
  { assertion }: GateRule,
  options: GateOptions,
): string {
  if (verdict !== 'inconclusive') return '';
  if (!enough) return `fewer than the ${options.clustersMin} clusters that the gate file asks for`;
  if (needed) return 'the interval reaches over the bound';
  const { low, high } = inference.interval(options.confidence);
  const wholly = assertion.side === 'below' ? low > assertion.bound : high < assertion.bound;
  return wholly ? 'on the bad side, but not surely so among so many assertions' : 'the value itself is on the bad side, but not surely so';
}
