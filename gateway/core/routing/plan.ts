/** Makes of a route, as configured, the policy of one request: which targets may be asked, in which order, and why. */
import {
  capabilityGap,
  type ModelFacts,
  outputTokensDefault,
  type RequestRequirements,
  type TargetRequirements,
  unmetRequirement,
} from '../money/catalogue.ts';
import { type NanoUsd, type Price, usd } from '../money/price.ts';
import { seededUniform } from '../shared/random.ts';
import type { Milliseconds } from '../shared/time.ts';
import type { Candidate, RoutePolicy, RouteStep } from './contract.ts';

export type Strategy = 'order' | 'weighted' | 'cost' | 'cheapest-capable' | 'latency' | 'sticky';
export type Quantile = 'p50' | 'p90' | 'p95' | 'p99';

export interface PlannedStep extends Omit<RouteStep, 'hedgeAfterMs'> {
  readonly hedgeAfter?: Milliseconds | Quantile;
  /** For `weighted` and `sticky`; 1 when absent. */
  readonly weight?: number;
}

export interface RoutePlan extends Omit<RoutePolicy, 'steps' | 'considered'> {
  readonly steps: readonly PlannedStep[];
  readonly strategy?: Strategy;
  readonly require?: TargetRequirements;
  /** What a request may cost, reckoned before it is asked. */
  readonly maxPriceNanoUsd?: NanoUsd;
  /** A target that is likely to show nothing for longer is asked after the others. */
  readonly slowAfterMs?: Milliseconds;
}

/** What is known of a target when a request arrives. */
export interface TargetEstimate {
  readonly facts: ModelFacts;
  readonly price: Price | undefined;
  /** As `loadOf` the fleet. */
  readonly load: number;
  readonly predictedMs: Milliseconds | undefined;
  quantileMs(q: Quantile): Milliseconds | undefined;
}

export interface PlanningContext {
  readonly requirements: RequestRequirements;
  /** The request's id. */
  readonly seed: string;
  /** What stays the same over a conversation. */
  readonly stickyKey: string;
}

interface PlanOption extends TargetEstimate {
  readonly step: PlannedStep;
  readonly position: number;
  readonly costNanoUsd: NanoUsd | undefined;
}

/** The policy has no steps when no target may be asked; `considered` says why. */
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
    ...ordered.map((option, place) => toCandidate(option, true, selectionReason(strategy, option, place, slowAfterMs))),
    ...options.flatMap(option => (refusals.get(option) ? [toCandidate(option, false, refusals.get(option)!)] : [])),
  ];
  return { ...policy, steps: ordered.map(stepOf), considered };
}

/** What a call is likely to cost; undefined when its price is not known. */
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
  if (costNanoUsd === undefined) return 'its price is not known, and the request has a ceiling';
  return costNanoUsd > maxPriceNanoUsd
    ? `it would cost about ${dollars(costNanoUsd)}, over the ceiling of ${dollars(maxPriceNanoUsd)}`
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
      // Highest random weight: a target that comes or goes moves only its own share of the conversations.
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

/** The lighter of two that the coin names goes first: following the lightest of all would send everybody to the same one. */
function powerOfTwoChoices(byLoad: readonly PlanOption[], options: readonly PlanOption[], seed: string): readonly PlanOption[] {
  if (options.length < 3) return byLoad;
  const one = Math.floor(seededUniform(seed, 'choice 1') * options.length);
  const other = (one + 1 + Math.floor(seededUniform(seed, 'choice 2') * (options.length - 1))) % options.length;
  const first = byLoad.find(option => option === options[one] || option === options[other])!;
  return [first, ...byLoad.filter(option => option !== first)];
}

/** An exponential wait: the first of several to end is each one's with a chance in the measure of its weight. */
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
  // Where half of the calls take longer, everything is slow: another one beside each would make it slower.
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
    return `number ${position + 1}: likely to show nothing for ${Math.round(predictedMs)} ms, over ${slowAfterMs}`;
  }
  switch (strategy) {
    case 'order':
      return `number ${position + 1}: ${position === written ? 'as the route orders them' : 'those before it were refused or are slow'}`;
    case 'weighted':
      return `number ${position + 1}: by the coin, with weight ${step.weight ?? 1}`;
    case 'sticky':
      return `number ${position + 1}: where this conversation belongs`;
    case 'cost':
    case 'cheapest-capable':
      return `number ${position + 1}: by its cost, ${costNanoUsd === undefined ? 'which is not known' : `about ${dollars(costNanoUsd)}`}`;
    case 'latency':
      return `number ${position + 1}: the lighter of two, load ${Math.round(load)}`;
  }
}

const dollars = (nano: NanoUsd): string => `$${usd(nano).toPrecision(3)}`;
