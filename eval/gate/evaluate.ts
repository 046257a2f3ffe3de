/** Judges a candidate against a baseline by assertions: each passes, fails or is inconclusive, by its confidence interval. */
import { usd } from '../../gateway/core/money/price.ts';
import { type Clusters, clusterBootstrap, type Estimate, holm, type Inference, sampleSizeFactor, sum } from '../../statistics/index.ts';
import type { Dropped } from '../outcomes/outcomes.ts';
import type { Assertion, MetricName } from './assertion.ts';
import { type ComparedSides, subsetOf } from './compared-sides.ts';
import { type Measurement, measureGate } from './metric.ts';
import type { Where } from './where.ts';

/** `skipped`: an earlier assertion with `abort_on_fail` failed. */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'skipped';

export interface GateRule {
  readonly name: string;
  readonly metric: MetricName;
  readonly assertion: Assertion;
  /** Position in the gate file. */
  readonly line: number;
  /** Only these requests. */
  readonly filter?: { readonly where: Where; readonly text: string };
  /** `warn` is reported and does not change the verdict. */
  readonly severity?: 'error' | 'warn';
  /** The measured value decides, without a confidence interval. */
  readonly isPoint?: boolean;
  readonly abortOnFail?: boolean;
}

/** The same comparison with every unknown outcome as bad, and as good, for the candidate as it can be. */
export interface Bounds {
  readonly worst: ComparedSides;
  readonly best: ComparedSides;
  /** Every outcome is known, only some qualities are not: costs, times and failures are then numbers without bounds. */
  readonly isQualityAlone: boolean;
  readonly problem: string;
}

export interface GateOptions {
  /** Undefined when all that is compared is known. */
  readonly bounds?: Bounds;
  /** Of the intervals that decide, two-sided, in (0, 1). */
  readonly confidence: number;
  readonly seed: number;
  /** With fewer clusters every rule is inconclusive. */
  readonly clustersMin: number;
}

export interface Finding {
  readonly rule: GateRule;
  readonly verdict: Verdict;
  /** Of what the assertion is about; null when it cannot be measured. */
  readonly estimate: Estimate | null;
  readonly baseline: number | null;
  readonly candidate: number | null;
  readonly items: number;
  readonly clusters: number;
  /** Requests that come out worse and better. */
  readonly worse: number;
  readonly better: number;
  /** What would decide it, or why it cannot be decided; '' when it is decided. */
  readonly reason: string;
  /** Further requests that would decide it with a power of 80 %, and their cost. */
  readonly needed: { readonly requests: number; readonly usd: number | null } | null;
}

export interface GateResult {
  readonly verdict: Exclude<Verdict, 'skipped'>;
  readonly findings: readonly Finding[];
  readonly items: number;
  readonly clusters: number;
  readonly confidence: number;
}

interface MeasuredRule {
  readonly rule: GateRule;
  readonly compared: ComparedSides;
  readonly inference: Inference | string;
  /** Of the worst and the best that is possible, where something is not known. */
  readonly bounds?: readonly (Inference | string)[];
}

/**
 * PASS when the whole interval lies on the good side: all rules must hold, so each is tested at the full level (intersection-union).
 * FAIL when it lies wholly on the bad side, Holm-corrected over the rules so that ten of them do not raise ten chances of a false alarm.
 */
export function evaluateGate(rules: readonly GateRule[], compared: ComparedSides, options: GateOptions): GateResult {
  const { bounds } = options;
  const plain = measureRules(rules, compared, options.seed);
  const extremes = bounds ? [measureRules(rules, bounds.worst, options.seed), measureRules(rules, bounds.best, options.seed)] : [];
  const weighed = plain.map((one, i) =>
    isBounded(bounds, one.rule.metric) ? { ...one, bounds: extremes.map(of => of[i]!.inference) } : one,
  );
  const bad = correctedFails(weighed);
  const evaluated = weighed.map((one, i) => findingOf(one, bad[i]!, options));
  const findings = skipAfterAbort(evaluated);
  const counted = findings.filter(({ rule }) => rule.severity !== 'warn');
  const any = (verdict: Verdict): boolean => counted.some(finding => finding.verdict === verdict);
  return {
    verdict: any('fail') ? 'fail' : any('inconclusive') ? 'inconclusive' : 'pass',
    findings,
    items: compared.candidate.step.length,
    clusters: compared.clusters.count,
    confidence: options.confidence,
  };
}

/** Rules about the same requests are measured together. */
function measureRules(rules: readonly GateRule[], compared: ComparedSides, seed: number): readonly MeasuredRule[] {
  const parts = new Map<string, ComparedSides>();
  const partFor = ({ filter }: GateRule): ComparedSides => {
    if (!filter) return compared;
    const part = parts.get(filter.text) ?? subsetOf(compared, item => filter.where(item.tags ?? {}));
    parts.set(filter.text, part);
    return part;
  };
  const found = rules.map(rule => ({ rule, compared: partFor(rule) }));
  const inferred = new Map<GateRule, Inference | string>();
  for (const [part, group] of Map.groupBy(found, one => one.compared)) {
    const measurements = group.map(({ rule: { metric, assertion } }) => measureGate(metric, assertion.subject, part));
    const inferences = inferTogether(measurements, part.clusters, seed);
    for (const [i, { rule }] of group.entries()) inferred.set(rule, inferences[i]!);
  }
  return found.map(one => ({ ...one, inference: inferred.get(one.rule)! }));
}

/** Only assertions that can fail the gate count in the correction for multiple tests. */
function correctedFails(weighed: readonly MeasuredRule[]): readonly number[] {
  const tested = [...weighed.keys()].filter(i => weighed[i]!.rule.severity !== 'warn' && !weighed[i]!.rule.isPoint);
  const p = ({ rule, inference, bounds = [inference] }: MeasuredRule): number =>
    bounds.reduce<number>((worst, of) => Math.max(worst, typeof of === 'string' ? 1 : failPValue(of, rule.assertion)), 0);
  const corrected = holm(tested.map(i => p(weighed[i]!)));
  return weighed.map((one, i) => (tested.includes(i) ? corrected[tested.indexOf(i)]! : p(one)));
}

function findingOf({ rule, compared, inference, bounds }: MeasuredRule, bad: number, options: GateOptions): Finding {
  const alpha = (1 - options.confidence) / 2;
  const gaps = compared.candidate.quality.map((quality, i) => quality - compared.baseline.quality[i]!);
  const common = {
    ...{ rule, ...ownValues(rule.metric, compared), items: gaps.length, clusters: compared.clusters.count },
    ...{ worse: gaps.filter(gap => gap < 0).length, better: gaps.filter(gap => gap > 0).length },
  };
  if (typeof inference === 'string') return { ...common, verdict: 'inconclusive', estimate: null, reason: inference, needed: null };
  const known = (bounds ?? [inference]).filter(of => typeof of !== 'string');
  if (known.length < (bounds?.length ?? 1)) {
    const reason = `${(bounds ?? []).find(of => typeof of === 'string')}. ${options.bounds!.problem}`;
    return { ...common, verdict: 'inconclusive', estimate: null, reason, needed: null };
  }
  const estimate = bounds ? boundedEstimate(known, options.confidence) : inference.interval(options.confidence);
  if (rule.isPoint) {
    const holds = rule.assertion.side === 'below' ? inference.value < rule.assertion.bound : inference.value > rule.assertion.bound;
    return { ...common, verdict: holds ? 'pass' : 'fail', estimate, reason: 'by the number alone, without statistics', needed: null };
  }
  const enough = compared.clusters.count >= options.clustersMin;
  const passes = known.every(of => passPValue(of, rule.assertion) <= alpha);
  const decided = enough && passes ? 'pass' : enough && bad <= alpha ? 'fail' : 'inconclusive';
  // Two answers of one model differ as well: what the candidate harms is known only beside what the baseline harms itself.
  const isNoise = decided === 'fail' && rule.metric === 'harm';
  const verdict = isNoise ? 'inconclusive' : decided;
  if (isNoise) return { ...common, verdict, estimate, reason: harmReason, needed: null };
  if (verdict === 'inconclusive' && bounds && options.bounds)
    return { ...common, verdict, estimate, reason: options.bounds.problem, needed: null };
  const needed = verdict === 'inconclusive' ? neededOf(inference, rule.assertion, compared, options) : null;
  return { ...common, verdict, estimate, reason: reasonOf(verdict, enough, needed, inference, rule, options), needed };
}

const harmReason =
  'harm counts answers that differ by the baseline’s own run-to-run noise, so it cannot fail a gate; gate on quality: delta, which nets the noise out';

/** Whether unknown outcomes affect the metric. */
export const isBounded = (bounds: Bounds | undefined, metric: MetricName): boolean =>
  bounds !== undefined && (!bounds.isQualityAlone || metric === 'quality' || metric === 'harm' || metric === 'beats_random_mix');

/** From the lower limit of the worst to the upper limit of the best; the value is their middle. Imbens and Manski (2004), not narrowed. */
export function boundedEstimate(known: readonly Inference[], confidence: number): Estimate {
  const ends = known.map(of => of.interval(confidence));
  const values = ends.map(({ value }) => value);
  return {
    value: (Math.min(...values) + Math.max(...values)) / 2,
    low: Math.min(...ends.map(({ low }) => low)),
    high: Math.max(...ends.map(({ high }) => high)),
  };
}

/** Rules after a failure with `abort_on_fail` are skipped. */
function skipAfterAbort(findings: readonly Finding[]): readonly Finding[] {
  const abort = findings.findIndex(({ rule, verdict }) => rule.abortOnFail && verdict === 'fail');
  if (abort < 0) return findings;
  const reason = `not judged, because "${findings[abort]!.rule.name}" failed`;
  return findings.map((finding, i) => (i <= abort ? finding : { ...finding, verdict: 'skipped', reason, needed: null }));
}

const passPValue = (inference: Inference, { side, bound }: Assertion): number =>
  side === 'below' ? inference.pValueBelow(bound) : inference.pValueAbove(bound);
const failPValue = (inference: Inference, { side, bound }: Assertion): number =>
  side === 'below' ? inference.pValueAbove(bound) : inference.pValueBelow(bound);

/** All metrics that need resampling share the same resamples. */
export function inferTogether(measurements: readonly Measurement[], clusters: Clusters, seed: number): (Inference | string)[] {
  const statistics = measurements.flatMap(m => (typeof m === 'object' && 'resample' in m ? [m.resample] : []));
  const resampled = statistics.length > 0 ? clusterBootstrap(clusters.count, statistics, { seed }) : [];
  let next = 0;
  return measurements.map(m => (typeof m === 'object' && 'resample' in m ? resampled[next++]! : m));
}

/** What is a comparison already: the baseline has none. */
const comparisons: ReadonlySet<MetricName> = new Set(['harm', 'beats_random_mix', 'certificate.psi'] as const);

/** Both sides' own numbers, for the reader. */
function ownValues(metric: MetricName, compared: ComparedSides): { readonly baseline: number | null; readonly candidate: number | null } {
  const value = (side: ComparedSides): number | null => {
    const measured = measureGate(metric, 'value', side);
    if (typeof measured === 'string') return null;
    return 'resample' in measured ? measured.resample(new Float64Array(compared.clusters.count).fill(1)) : measured.value;
  };
  const own = value(compared);
  if (comparisons.has(metric)) return { baseline: null, candidate: own };
  const { answers } = compared;
  const turned = answers ? { answers: { baseline: answers.baseline, candidate: answers.baseline } } : {};
  return { baseline: value({ ...compared, candidate: compared.baseline, ...turned }), candidate: own };
}

function neededOf(
  inference: Inference,
  { side, bound }: Assertion,
  compared: ComparedSides,
  { confidence }: GateOptions,
): Finding['needed'] {
  const good = side === 'below' ? inference.value < bound : inference.value > bound;
  const times = good ? sampleSizeFactor(inference, bound, confidence) : undefined;
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

/** A request that came out worse. */
export interface ItemChange {
  readonly id: string;
  readonly baseline: number;
  readonly candidate: number;
}

export interface GateReport extends GateResult {
  /** Its name in the gate file. */
  readonly name: string | undefined;
  readonly baseline: string;
  readonly candidate: string;
  readonly label: string;
  readonly dropped: readonly Dropped[];
  readonly notes: readonly string[];
  readonly changes: readonly ItemChange[];
}
