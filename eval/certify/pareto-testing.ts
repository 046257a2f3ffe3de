/** Several thresholds or constraints: candidates are chosen on other requests than those they are tested on. */
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import { weightedMean } from '../../statistics/index.ts';
import { isComplete, isUndrawn } from '../identification/population.ts';
import { worstCaseItems } from '../identification/worst-case.ts';
import { type Item, weightsOf } from '../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, singleTargetPolicy, withThresholds } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { candidatesMax, combinations, distinctValues, thresholdGrid } from '../sweep/thresholds.ts';
import { allBinary, type Constraint, type LossTest, lossesOf, lossTestOf, type Method } from './constraint.ts';

export interface OrderedCandidates {
  readonly candidates: readonly (readonly number[])[];
  /** How many were looked at on the tuning requests. */
  readonly examined: number;
}

export interface ParetoOptions {
  readonly signal: SweptSignal;
  readonly constraints: readonly Constraint[];
  readonly confidence: number;
  readonly seed: number;
  readonly thresholds?: readonly (readonly number[])[];
  readonly conversationCap: number;
  readonly chanceMin?: number | undefined;
  readonly mode?: 'expected' | undefined;
}

/** Steps in a sequence; further ones would be reached only if all of these held. */
const orderedMax = 100;

/**
 * Pareto Testing (Laufer-Goldshtein et al., arXiv 2210.07913): on the tuning requests, the candidates that no other beats in both the
 * p-value and the cost, from the safest to the cheapest.
 */
export function orderCandidates(chain: Chain, tune: readonly Item[], options: ParetoOptions): OrderedCandidates {
  const tester = policyTester(chain, tune, options);
  const found = (options.thresholds ?? candidatesOf(chain, tune, options.signal)).map(thresholds => {
    const trials = tester.runTrials(thresholds);
    return { thresholds, p: tester.pValue(trials), risk: tester.relativeRisk(trials), cost: costOf(trials, tester.weights) };
  });
  // Safest first; among equals the cheapest. What is not cheaper than all that are safer is beaten by one of them.
  const safest = found.toSorted((a, b) => a.p - b.p || a.risk - b.risk || a.cost - b.cost);
  const front: (readonly number[])[] = [];
  let cheapest = Number.POSITIVE_INFINITY;
  for (const { thresholds, cost } of safest) {
    if (cost >= cheapest) continue;
    cheapest = cost;
    front.push(thresholds);
  }
  return { candidates: front.slice(0, orderedMax), examined: found.length };
}

const candidatesOf = (chain: Chain, items: readonly Item[], signal: SweptSignal): readonly (readonly number[])[] => {
  const most = Math.max(64, candidatesMax(items.length));
  const perStep = chain.targets.slice(0, -1).map(target => thresholdGrid(distinctValues(items, target, signal), most));
  return perStep.some(values => values.length === 0) ? [] : combinations(perStep, most);
};

/** Without a known price, the share answered by stronger targets replaces the cost. */
const costOf = ({ cost, step }: Trials, weights?: Float64Array): number => {
  const mean = weightedMean(cost, weights);
  return Number.isFinite(mean) ? mean : step.reduce((s, k) => s + k, 0) / step.length;
};

export interface PolicyTester {
  readonly method: Method;
  readonly reference: Trials;
  policy(thresholds: readonly number[]): RoutePolicy;
  runTrials(thresholds: readonly number[]): Trials;
  /** The greatest over all constraints: all must hold, so none is corrected. */
  pValue(trials: Trials): number;
  /** The measured loss closest to its bound or furthest above it, as a share of the bound. */
  relativeRisk(trials: Trials): number;
  readonly lossTest: LossTest;
  /** Of the items, where they stand for unequally many. */
  readonly weights: Float64Array | undefined;
}

/** Over the whole population: what is not known counts as the worst, and an unknown time or failure as one that breaks its bound. */
export function policyTester(chain: Chain, population: readonly Item[], options: ParetoOptions): PolicyTester {
  const { signal, constraints, seed, conversationCap, chanceMin, mode } = options;
  const items = worstCaseItems(population, chain, signal);
  const known = Uint8Array.from(population, item => Number(isComplete(item, chain.targets)));
  const weights = weightsOf(items);
  const decide = trialRunner(items, chain.targets);
  const reference = decide(singleTargetPolicy(chain, chain.targets.at(-1)!));
  const drawn = Uint8Array.from(population, item => Number(!isUndrawn(item)));
  const test = lossTestOf(items, drawn, { exact: allBinary(constraints, items, chain.targets), seed, conversationCap, chanceMin, mode });
  const losses = (constraint: Constraint, trials: Trials): Float64Array => {
    const found = lossesOf(constraint, trials, reference);
    return constraint.kind === 'harm' || constraint.kind === 'net' ? found : found.map((loss, i) => (known[i] === 1 ? loss : 1));
  };
  return {
    method: test.method,
    reference,
    lossTest: test,
    weights,
    policy: thresholds => withThresholds(chain, thresholds, signal),
    runTrials: thresholds => decide(withThresholds(chain, thresholds, signal)),
    pValue: trials => constraints.reduce((worst, constraint) => Math.max(worst, test.p(losses(constraint, trials), constraint)), 0),
    relativeRisk: trials =>
      Math.max(...constraints.map(c => weightedMean(losses(c, trials), weights) / (c.kind.endsWith('p95') ? 0.05 : c.max))),
  };
}
