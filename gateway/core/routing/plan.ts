/** Turns a configured route into the policy of one request: the targets allowed, their order, and the reasons. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import {
  capabilityGap,
  type ModelFacts,
  outputTokensDefault,
  type RequestRequirements,
  type TargetRequirements,
  unmetRequirement,
} from '../money/catalogue.ts';
import { type NanoUsd, type Price, usd } from '../money/price.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { Candidate, RoutePolicy, RouteStep } from './contract.ts';

export type Strategy = 'order' | 'weighted' | 'cost' | 'cheapest-capable' | 'latency' | 'sticky';
export type Quantile = 'p50' | 'p90' | 'p95' | 'p99';

/** A step as configured, before its hedge delay is known. */
export interface PlannedStep extends Omit<RouteStep, 'hedgeAfterMs'> {
  readonly hedgeAfter?: Milliseconds | Quantile;
  /** For `weighted` and `sticky`; 1 when absent. */
  readonly weight?: number;
}

/** A route as configured, which the planner turns into a policy. */
export interface RoutePlan extends Omit<RoutePolicy, 'steps' | 'considered'> {
  readonly steps: readonly PlannedStep[];
  readonly strategy?: Strategy;
  readonly require?: TargetRequirements;
  /** The maximum estimated cost of a request. */
  readonly maxPriceNanoUsd?: NanoUsd;
  /** A target with a longer predicted time to first content comes after the others. */
  readonly slowAfterMs?: Milliseconds;
}

/** Estimates of a target when a request arrives. */
export interface TargetEstimate {
  readonly facts: ModelFacts;
  readonly price: Price | undefined;
  /** As `loadOf` in health.ts. */
  readonly load: number;
  readonly predictedMs: Milliseconds | undefined;
  quantileMs(q: Quantile): Milliseconds | undefined;
}

/** The parts of a request that decide the order of targets. */
export interface PlanningContext {
  readonly requirements: RequestRequirements;
  /** The request's id. */
  readonly seed: string;
  /** Constant over a conversation. */
  readonly stickyKey: string;
}

interface PlanOption extends TargetEstimate {
  readonly step: PlannedStep;
  readonly position: number;
  readonly costNanoUsd: NanoUsd | undefined;
}

/** The policy has no steps when no target is allowed; `considered` says why. */
export function planRoute(plan: RoutePlan, context: PlanningContext, estimateOf: (target: string) => TargetEstimate): RoutePolicy {
  const { steps, strategy = 'order', require, maxPriceNanoUsd, slowAfterMs, ...policy } = plan;
  const options = steps.map((step, place): PlanOption => {
    const estimate = estimateOf(step.target);
    return { ...estimate, step, position: place, costNanoUsd: estimateCost(estimate.price, context.requirements) };
  });
  const refusals = new Map(options.map(option => [option, refusalReason(plan, option, context.requirements)]));
  const able = orderOptions(
    strategy,
    options.filter(option => refusals.get(option) === undefined),
    context,
  );
  const ordered = slowOptionsLast(able, slowAfterMs);
  const considered = [
    ...ordered.map((option, rank) => toCandidate(option, true, selectionReason(strategy, option, rank, slowAfterMs))),
    ...options.flatMap(option => (refusals.get(option) ? [toCandidate(option, false, refusals.get(option)!)] : [])),
  ];
  return { ...policy, steps: ordered.map(stepOf), considered };
}

/** The estimated cost of a call; undefined when its price is unknown. */
export function estimateCost(
  price: Price | undefined,
  { inputTokens, outputTokens = outputTokensDefault }: RequestRequirements,
): NanoUsd | undefined {
  return price && Math.round((inputTokens * price.input + outputTokens * price.output) / 1e6);
}

function refusalReason(
  { strategy, require, maxPriceNanoUsd }: RoutePlan,
  { facts, price, costNanoUsd }: PlanOption,
  need: RequestRequirements,
): string | undefined {
  const unmet = require && unmetRequirement(facts, require, price);
  if (unmet !== undefined) return unmet;
  const gap = require || strategy === 'cheapest-capable' ? capabilityGap(facts, need) : undefined;
  if (gap !== undefined) return gap;
  if (maxPriceNanoUsd === undefined) return undefined;
  if (costNanoUsd === undefined) return 'its price is unknown, and the route sets max_price';
  return costNanoUsd > maxPriceNanoUsd
    ? `its estimated cost of ${dollars(costNanoUsd)} exceeds max_price, ${dollars(maxPriceNanoUsd)}`
    : undefined;
}

function orderOptions(strategy: Strategy, options: readonly PlanOption[], { seed, stickyKey }: PlanningContext): readonly PlanOption[] {
  const by = (rank: (option: PlanOption) => number): readonly PlanOption[] =>
    options.toSorted((a, b) => rank(a) - rank(b) || a.position - b.position);
  switch (strategy) {
    case 'order':
      return options;
    case 'weighted':
      return by(option => exponentialSample(seededUniform(seed, `weight ${option.position}`), option.step.weight));
    case 'sticky':
      // Highest random weight: adding or removing a target moves only its own share of the conversations.
      return by(option => exponentialSample(seededUniform(stickyKey, `sticky ${option.step.target}`), option.step.weight));
    case 'cost':
    case 'cheapest-capable':
      return by(option => option.costNanoUsd ?? Number.MAX_SAFE_INTEGER);
    case 'latency':
      return powerOfTwoChoices(
        by(option => option.load),
        options,
        seed,
      );
  }
}

/**
 * Power of two choices: of two random targets the one with the lower load goes first. Choosing the lowest of all would send every request
 * to one target.
 */
function powerOfTwoChoices(byLoad: readonly PlanOption[], options: readonly PlanOption[], seed: string): readonly PlanOption[] {
  if (options.length < 3) return byLoad;
  const a = Math.floor(seededUniform(seed, 'choice 1') * options.length);
  const b = (a + 1 + Math.floor(seededUniform(seed, 'choice 2') * (options.length - 1))) % options.length;
  const first = byLoad.find(option => option === options[a] || option === options[b])!;
  return [first, ...byLoad.filter(option => option !== first)];
}

/** An exponential sample. The smallest of several belongs to each with a probability proportional to its weight. */
const exponentialSample = (chance: number, weight = 1): number => (weight > 0 ? -Math.log(1 - chance) / weight : Number.MAX_SAFE_INTEGER);

function slowOptionsLast(options: readonly PlanOption[], slowAfterMs: Milliseconds | undefined): readonly PlanOption[] {
  const isSlow = ({ predictedMs, step }: PlanOption): boolean =>
    slowAfterMs !== undefined && predictedMs !== undefined && predictedMs > slowAfterMs && !step.accept;
  const quick = options.filter(option => !isSlow(option));
  return quick.length === 0 || quick.length === options.length ? options : [...quick, ...options.filter(isSlow)];
}

function stepOf({ step: { hedgeAfter, weight: _, ...step }, quantileMs }: PlanOption): RouteStep {
  const hedgeAfterMs = typeof hedgeAfter === 'string' ? quantileMs(hedgeAfter) : hedgeAfter;
  if (hedgeAfterMs === undefined) return step;
  // When half of the calls take longer, the target is overloaded, and hedges would make it slower.
  const isUsual = typeof hedgeAfter === 'number' && (quantileMs('p50') ?? 0) >= hedgeAfterMs;
  return isUsual ? step : { ...step, hedgeAfterMs };
}

const toCandidate = ({ step, costNanoUsd }: PlanOption, taken: boolean, why: string): Candidate => ({
  target: step.target,
  taken,
  why,
  ...(costNanoUsd === undefined ? {} : { costNanoUsd }),
});

function selectionReason(
  strategy: Strategy,
  { predictedMs, costNanoUsd, load, step, position: written }: PlanOption,
  position: number,
  slowAfterMs?: Milliseconds,
): string {
  if (slowAfterMs !== undefined && predictedMs !== undefined && predictedMs > slowAfterMs) {
    return `number ${position + 1}: predicted time to first content of ${Math.round(predictedMs)} ms exceeds ${slowAfterMs} ms`;
  }
  switch (strategy) {
    case 'order':
      return `number ${position + 1}: ${position === written ? 'as the route orders them' : 'earlier targets were refused or are slow'}`;
    case 'weighted':
      return `number ${position + 1}: by weighted draw, weight ${step.weight ?? 1}`;
    case 'sticky':
      return `number ${position + 1}: sticky to this conversation`;
    case 'cost':
    case 'cheapest-capable':
      return `number ${position + 1}: by cost, ${costNanoUsd === undefined ? 'unknown' : `about ${dollars(costNanoUsd)}`}`;
    case 'latency':
      return `number ${position + 1}: lower load of two random targets, load ${Math.round(load)}`;
  }
}

const dollars = (nano: NanoUsd): string => `$${usd(nano).toPrecision(3)}`;
