/** An arm's differences added up, and each of its numbers as a paired difference with its interval. */
import type { NanoUsd } from '../../gateway/core/money/price.ts';
import type { Milliseconds } from '../../gateway/core/shared/time.ts';
import {
  differences,
  type Estimate,
  type PairWeights,
  pairedMean,
  pairedQuantileDifference,
  weightedQuantile,
} from '../../statistics/index.ts';
import type { Answer } from '../recorded/answer.ts';
import { type AnswerDiff, type ComparisonMethod, comparisonMethods, type Likeness } from './diff.ts';

export interface Pair {
  readonly id: string;
  /** Pairs that are not independent of one another share it: a conversation, or the repeats of one request. */
  readonly cluster: string;
  readonly weight: number;
  readonly recorded: Answer;
  readonly replayed: Answer;
  readonly diff: AnswerDiff;
}

export interface Metric {
  readonly name: string;
  readonly unit: 'usd' | 'tokens' | 'ms' | 'share';
  readonly pairs: number;
  readonly recorded: number;
  readonly replayed: number;
  readonly delta: Estimate;
}

/** Sums and means are over the pairs in which both sides answered. */
export interface Totals {
  readonly pairs: number;
  readonly clusters: number;
  /** Requests of the selection that the pairs stand for. */
  readonly weight: number;
  readonly likeness: Readonly<Record<Likeness, number>>;
  /** The same as shares of the requests that the pairs stand for. */
  readonly shares: Readonly<Record<Likeness, number>>;
  readonly rungs: Readonly<Record<ComparisonMethod, number>>;
  readonly finishChanged: number;
  readonly recorded: Side;
  readonly replayed: Side;
  /** Pairs with a side whose price is unknown; they are in neither cost. */
  readonly unpriced: number;
}

export interface Side {
  readonly costNanoUsd: NanoUsd;
  readonly outputTokens: number;
  readonly latencyMsMean: Milliseconds;
}

/** Pairs, weights, verdicts, tokens, cost and latency of an arm, added up. */
export function totalsOf(pairs: readonly Pair[]): Totals {
  const likeness = { same: 0, equivalent: 0, undecided: 0, different: 0, failed: 0 };
  const decided = Object.fromEntries(comparisonMethods.map(rung => [rung, 0])) as Record<ComparisonMethod, number>;
  const shares = { ...likeness };
  const whole = pairs.reduce((sum, { weight }) => sum + weight, 0);
  for (const { diff, weight } of pairs) {
    likeness[diff.likeness]++;
    shares[diff.likeness] += weight / whole;
    decided[diff.decidedBy]++;
  }
  const answered = pairs.filter(bothAnswered);
  const priced = answered.filter(pair => pair.diff.costNanoUsd !== undefined);
  const side = (of: (pair: Pair) => Answer): Side => ({
    costNanoUsd: priced.reduce((sum, pair) => sum + of(pair).costNanoUsd!, 0),
    outputTokens: answered.reduce((sum, pair) => sum + of(pair).outputTokens, 0),
    latencyMsMean: answered.reduce((sum, pair) => sum + of(pair).latencyMs, 0) / Math.max(1, answered.length),
  });
  return {
    pairs: pairs.length,
    clusters: new Set(pairs.map(pair => pair.cluster)).size,
    weight: whole,
    likeness,
    shares,
    rungs: decided,
    finishChanged: pairs.filter(pair => pair.diff.finishChanged).length,
    recorded: side(pair => pair.recorded),
    replayed: side(pair => pair.replayed),
    unpriced: answered.length - priced.length,
  };
}

const bothAnswered = ({ recorded, replayed }: Pair): boolean => recorded.outcome === 'ok' && replayed.outcome === 'ok';

type MetricDefinition = readonly [
  name: string,
  unit: Metric['unit'],
  of: (answer: Answer) => number | undefined,
  bounds?: readonly [number, number],
];

const answeredOf =
  (of: (answer: Answer) => number | undefined) =>
  (answer: Answer): number | undefined =>
    answer.outcome === 'ok' ? of(answer) : undefined;
const share = (holds: boolean): number => (holds ? 1 : 0);
const rate: readonly [number, number] = [-1, 1];

/** Mean time between tokens after the first; undefined of an answer that came in one piece. */
function interTokenMs({ firstTokenMs, latencyMs, outputTokens }: Answer): number | undefined {
  return firstTokenMs === undefined || outputTokens < 2 || latencyMs <= firstTokenMs
    ? undefined
    : (latencyMs - firstTokenMs) / (outputTokens - 1);
}

const metricDefinitions: readonly MetricDefinition[] = [
  ['cost', 'usd', answer => (answer.costNanoUsd === undefined ? undefined : answer.costNanoUsd / 1e9)],
  ['input tokens', 'tokens', answeredOf(answer => answer.inputTokens)],
  ['output tokens', 'tokens', answeredOf(answer => answer.outputTokens)],
  ['cached tokens', 'tokens', answeredOf(answer => answer.cachedTokens)],
  ['reasoning tokens', 'tokens', answeredOf(answer => answer.reasoningTokens)],
  ['time to first token', 'ms', answeredOf(answer => answer.firstTokenMs)],
  ['time between tokens', 'ms', answeredOf(interTokenMs)],
  ['latency', 'ms', answeredOf(answer => answer.latencyMs)],
  ['errors', 'share', answer => share(answer.outcome !== 'ok'), rate],
  ['refusals', 'share', answer => share(answer.finish === 'refusal' || answer.finish === 'content-filter'), rate],
  ['truncated', 'share', answer => share(answer.finish === 'length' || answer.outcome === 'truncated'), rate],
  ['invalid by schema', 'share', answeredOf(answer => (answer.schemaValid === undefined ? undefined : share(!answer.schemaValid))), rate],
  ['escalated', 'share', answer => share((answer.escalations ?? 0) > 0), rate],
];

const quantiles = [0.5, 0.95, 0.99] as const;

/** Only pairs that have the number on both sides; a metric without any is left out. */
export function metricsOf(pairs: readonly Pair[]): readonly Metric[] {
  return metricDefinitions.flatMap(([name, unit, of, bounds]) => {
    const both = pairs.flatMap(pair => {
      const [before, after] = [of(pair.recorded), of(pair.replayed)];
      return before === undefined || after === undefined ? [] : [{ before, after, weight: pair.weight, cluster: pair.cluster }];
    });
    if (both.length === 0) return [];
    const weights = both.map(one => one.weight);
    const pairWeights = { weights, keys: both.map(one => one.cluster) };
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const mean = (values: readonly number[]): number => values.reduce((total, value, i) => total + value * weights[i]!, 0) / sum;
    const [before, after] = [both.map(one => one.before), both.map(one => one.after)];
    const delta = pairedMean(differences(after, before), pairWeights, bounds);
    const metric: Metric = { name, unit, pairs: both.length, recorded: mean(before), replayed: mean(after), delta };
    return name === 'latency' || name === 'time to first token' ? [metric, ...tails(metric, before, after, pairWeights)] : [metric];
  });
}

function tails(
  { name, unit, pairs }: Metric,
  before: readonly number[],
  after: readonly number[],
  pairWeights: PairWeights,
): readonly Metric[] {
  // A p99 of few answers is the longest of them.
  return quantiles
    .filter(q => pairs * (1 - q) >= 1)
    .map(q => ({
      name: `${name}, p${q * 100}`,
      unit,
      pairs,
      recorded: weightedQuantile(before, pairWeights.weights, q),
      replayed: weightedQuantile(after, pairWeights.weights, q),
      delta: pairedQuantileDifference(before, after, pairWeights, q),
    }));
}
