/** The cheapest thresholds of a chain whose loss against always using the last target is bounded, with a stated chance of being wrong. */
import {
  clusteredMean,
  clustersOf,
  conversationCap,
  type Estimate,
  sum,
  tabulate,
  upperBound,
  weightedMean,
} from '../../statistics/index.ts';
import { assumedSample } from '../identification/missing-at-random.ts';
import { isUndrawn, type Population, populationOf } from '../identification/population.ts';
import { worstCaseItems } from '../identification/worst-case.ts';
import { type CompleteItems, type Item, weightsOf } from '../outcomes/outcomes.ts';
import { type Chain, type SweptSignal, singleTargetPolicy, thresholdsOf } from '../policies/chain.ts';
import { type Trials, trialRunner } from '../policies/trials.ts';
import { type Measured, measurePolicy } from '../sweep/measure.ts';
import { gainOverRandomMix, mixingHull } from '../sweep/random-mix.ts';
import { distinctValues, thresholdGrid } from '../sweep/thresholds.ts';
import { type Constraint, type LossTest, lossesOf, type Method } from './constraint.ts';
import { orderCandidates, type PolicyTester, policyTester } from './pareto-testing.ts';
import { type Slice, slicesOf } from './slice.ts';
import { itemsInRole, type Split, splitOf } from './split.ts';

export interface CertifyOptions {
  readonly signal: SweptSignal;
  /** `harm`: quality lost where the response is worse. `net`: the same, less the quality gained where it is better. */
  readonly loss: 'harm' | 'net';
  /** The loss must be at most this, a share. */
  readonly lossMax: number;
  /** Further constraints, which must hold as well. */
  readonly constraints?: readonly Constraint[];
  /** Probability that all constraints hold, in (0, 1); not read in the mode `expected`. */
  readonly confidence: number;
  /** `expected`: the harm is bounded on average over data sets. Two targets, harm, and every outcome known. */
  readonly mode?: 'expected' | undefined;
  readonly seed: number;
  /** Chosen without looking at these outcomes, from the strictest down; undefined takes the values that the signal shows, at most 500. */
  readonly thresholds?: readonly number[] | readonly (readonly number[])[];
  /** A split from a manifest. */
  readonly split?: Split;
  /** Requests of one conversation that the claim is about; found on the tuning requests when absent. */
  readonly conversationMax?: number;
  /** The user's assumption that outcomes are missing at random, given the confidence. */
  readonly assume?: 'missing-at-random';
  /** The least chance with which the configuration draws, where a file holds the drawn requests alone. */
  readonly chanceMin?: number;
  /** The tags by which slices are certified of their own. */
  readonly slices?: readonly string[];
}

/** Chosen by the signal's ranks alone, which looks at no loss. */
const thresholdsMax = 500;

export interface TestedThreshold {
  /** The first step's. */
  readonly threshold: number;
  readonly thresholds: readonly number[];
  readonly accept: number;
  readonly loss: number;
  readonly p: number;
  readonly quality: number;
  /** NaN when a price is unknown. */
  readonly relativeCost: number;
  readonly worse: number;
  readonly better: number;
  /** The exact upper bound of the harm; null where it is no yes or no of independent requests. */
  readonly lossUpper: number | null;
}

export interface CertifiedThreshold extends Measured {
  readonly threshold: number;
  readonly thresholds: readonly number[];
  readonly lossUpper: number | null;
  readonly vsRandomMix: Estimate | null;
  /** Not surely cheaper than always using the reference: true, and of no use. */
  readonly savesNothing: boolean;
}

export interface Certificate {
  readonly chain: string;
  readonly targets: readonly string[];
  readonly reference: string;
  readonly signal: SweptSignal;
  readonly loss: 'harm' | 'net';
  readonly lossMax: number;
  readonly constraints: readonly Constraint[];
  readonly confidence: number;
  /** The population of the claim, and how each target's outcomes are known. */
  readonly population: Population;
  /** Assumptions beyond the data that the user made; none by default. */
  readonly assumptions: readonly string[];
  readonly mode: 'certified' | 'expected';
  /** The maximum number of requests of a conversation that the claim covers, and how many requests exceed it. */
  readonly conversationCap: number;
  readonly requestsBeyondCap: number;
  readonly method: Method;
  readonly procedure: 'fixed sequence' | 'Pareto testing';
  /** The items that it was certified on. */
  readonly items: number;
  readonly clusters: number;
  readonly designEffect: number;
  /** In the order they were tested; the last one is the first that was not rejected, if any was not. */
  readonly tested: readonly TestedThreshold[];
  /** Named by the caller and never reached. */
  readonly notReached: readonly TestedThreshold[];
  /** Looked at on the tuning requests. */
  readonly candidates: number;
  readonly certified: CertifiedThreshold | null;
  /** Always the reference, and the route as it is configured. */
  readonly always: Measured;
  readonly current: (Measured & { readonly thresholds: readonly number[] | null }) | null;
  /** How many requests each role has; undefined when nothing had to be set aside. */
  readonly split: Readonly<Record<'tune' | 'certify' | 'audit', number>> | undefined;
  /** The requests that the printed numbers describe. */
  readonly measuredOn: 'all' | 'certify' | 'audit';
  readonly slices: readonly Slice[];
}

/** What was used, for a file to keep. */
export type CertificationData = { readonly split: Split | undefined; readonly certifyItems: readonly Item[] };

/** The items that thresholds are certified on, and the split when one is needed. */
export const certificationDataOf = (chain: Chain, { population: items }: CompleteItems, options: CertifyOptions): CertificationData => {
  if (!needsSplit(chain, items, options)) return { split: undefined, certifyItems: items };
  const split = splitOf(items, options.seed, options.split);
  return { split, certifyItems: itemsInRole(items, split, 'certify') };
};

/**
 * Harm of one threshold gets no worse as the threshold rises: its candidates have their order beforehand. All else is ordered by other data:
 * several thresholds or constraints, net losses, drawn requests alone; a scorer was fitted to some, and a conversation's size is capped by some.
 */
function needsSplit(
  chain: Chain,
  items: readonly Item[],
  { constraints = [], loss, thresholds, conversationMax }: CertifyOptions,
): boolean {
  if (chain.targets.length > 2 || constraints.length > 0 || chain.policy.steps.some(step => step.scorer !== undefined)) return true;
  const isDrawnOnly = items.some(({ chance, weight }) => weight !== undefined && chance === undefined);
  if (thresholds === undefined && (loss === 'net' || isDrawnOnly)) return true;
  return conversationMax === undefined && new Set(items.map(({ cluster }) => cluster)).size < items.length;
}

/** All constraints: the bound on the loss first. */
export const constraintsOf = ({ loss, lossMax, constraints = [] }: CertifyOptions): readonly Constraint[] => [
  { kind: loss, max: lossMax },
  ...constraints,
];

/**
 * Fixed-sequence testing (Learn-then-Test, arXiv 2110.01052): each candidate at the whole level, up to the first that cannot be told from
 * one that breaks a constraint. One threshold goes from the strictest down and needs no other data; nothing is fitted, so all items
 * serve. Otherwise other requests give the order. Of those that hold, the cheapest is certified.
 */
export function certify(chain: Chain, kept: CompleteItems, options: CertifyOptions): Certificate {
  const { split, certifyItems: selectedItems } = certificationDataOf(chain, kept, options);
  const assumed = options.assume ? assumedSample(selectedItems, chain.targets, options.signal, options.seed) : undefined;
  const certifyItems = assumed?.items ?? selectedItems;
  const constraints = constraintsOf(options);
  const { signal, confidence, seed } = options;
  const tuneItems = split ? itemsInRole(kept.population, split, 'tune') : [];
  const cap = options.conversationMax ?? conversationCap(clustersOf(tuneItems.map(item => item.cluster)));
  const testing = {
    signal,
    constraints,
    confidence,
    seed,
    conversationCap: cap,
    chanceMin: options.chanceMin,
    mode: options.mode,
  };
  const tester = policyTester(chain, certifyItems, testing);
  const named = options.thresholds?.map(t => (typeof t === 'number' ? [t] : t));
  const ordered = split
    ? orderCandidates(chain, tuneItems, { ...testing, ...(named ? { thresholds: named } : {}) })
    : { candidates: named ?? thresholdsFromStrictest(chain, certifyItems, signal), examined: 0 };
  const row = testedThresholdOf(tester, constraints[0]!, confidence);
  const { tested, beyond } = testInSequence(ordered.candidates, row, confidence, named !== undefined && !split);
  const audit = split ? itemsInRole(kept.population, split, 'audit') : [];
  const measured = measuredItems(audit.length > 0 ? audit : certifyItems, chain, signal);
  const winner = cheapestOf(tested.filter(({ p }) => p <= 1 - confidence));
  const shown = policyMeasurer(chain, measured, confidence);
  const clusters = clustersOf(certifyItems.map(item => item.cluster));
  return {
    ...{ chain: chain.name, targets: chain.targets, reference: chain.targets.at(-1)!, signal },
    ...{ loss: options.loss, lossMax: options.lossMax, mode: options.mode ?? ('certified' as const) },
    population: populationOf(kept.population, chain.targets),
    assumptions: assumed ? [assumed.text] : [],
    ...{ conversationCap: tester.lossTest.conversationCap, requestsBeyondCap: tester.lossTest.requestsBeyondCap },
    ...{ constraints, confidence, method: tester.method, procedure: split ? 'Pareto testing' : 'fixed sequence' },
    ...{ items: certifyItems.length, clusters: clusters.count, tested, notReached: beyond, candidates: ordered.examined },
    designEffect: clusteredMean(tester.reference.quality, clusters).designEffect,
    certified: winner ? shown.certified(winner, tester) : null,
    always: shown.always(),
    current: chain.configured ? { ...shown.of(chain.policy), thresholds: thresholdsOf(chain.policy, signal) ?? null } : null,
    split: split && { tune: tuneItems.length, certify: certifyItems.length, audit: audit.length },
    measuredOn: !split ? 'all' : audit.length > 0 ? 'audit' : 'certify',
    slices: options.slices?.length
      ? slicesOf(chain, certifyItems, {
          ...testing,
          tags: options.slices,
          tested: tested.map(t => t.thresholds),
          chosen: winner?.thresholds,
        })
      : [],
  };
}

/** Requests represented by drawn ones are not counted twice. */
const measuredItems = (items: readonly Item[], chain: Chain, signal: SweptSignal): readonly Item[] =>
  worstCaseItems(
    items.filter(item => !isUndrawn(item)),
    chain,
    signal,
  );

const thresholdsFromStrictest = (chain: Chain, items: readonly Item[], signal: SweptSignal): readonly (readonly number[])[] =>
  thresholdGrid(distinctValues(items, chain.targets[0]!, signal), thresholdsMax).map(t => [t]);

function testInSequence(
  candidates: readonly (readonly number[])[],
  row: (thresholds: readonly number[]) => TestedThreshold,
  confidence: number,
  all: boolean,
): { readonly tested: readonly TestedThreshold[]; readonly beyond: readonly TestedThreshold[] } {
  const tested: TestedThreshold[] = [];
  for (const [i, thresholds] of candidates.entries()) {
    const candidate = row(thresholds);
    tested.push(candidate);
    if (!(candidate.p <= 1 - confidence)) return { tested, beyond: all ? candidates.slice(i + 1).map(row) : [] };
  }
  return { tested, beyond: [] };
}

/** The last of equals, which is the one that accepts most. */
const cheapestOf = (held: readonly TestedThreshold[]): TestedThreshold | undefined =>
  held.reduce<TestedThreshold | undefined>((best, t) => (!best || weight(t) <= weight(best) ? t : best), undefined);
const weight = ({ relativeCost, accept }: TestedThreshold): number => (Number.isFinite(relativeCost) ? relativeCost : 1 - accept);

function testedThresholdOf(
  tester: PolicyTester,
  first: Constraint,
  confidence: number,
): (thresholds: readonly number[]) => TestedThreshold {
  const { reference, lossTest, weights } = tester;
  const n = reference.step.length;
  const referenceCost = weightedMean(reference.cost, weights);
  return thresholds => {
    const trials = tester.runTrials(thresholds);
    const losses = lossesOf(first, trials, reference);
    const accepted = tabulate(n, i => Number(trials.step[i] === 0));
    let [worse, better] = [0, 0];
    for (let i = 0; i < n; i++) {
      if (weights?.[i] === 0) continue;
      if (trials.quality[i]! < reference.quality[i]!) worse++;
      else if (trials.quality[i]! > reference.quality[i]!) better++;
    }
    return {
      ...{ threshold: thresholds[0]!, thresholds, accept: weightedMean(accepted, weights) },
      ...{ loss: weightedMean(losses, weights), p: tester.pValue(trials), quality: weightedMean(trials.quality, weights) },
      relativeCost: weightedMean(trials.cost, weights) / referenceCost,
      ...{ worse, better, lossUpper: lossUpperBound(lossTest, first, losses, confidence) },
    };
  };
}

const lossUpperBound = ({ method }: LossTest, { kind }: Constraint, losses: Float64Array, confidence: number): number | null =>
  method === 'exact binomial' && kind === 'harm' ? upperBound(Math.round(sum(losses)), losses.length, confidence) : null;

/** The numbers of whole policies, over the requests that are shown. */
function policyMeasurer(chain: Chain, items: readonly Item[], confidence: number) {
  const clusters = clustersOf(items.map(item => item.cluster));
  const weights = weightsOf(items);
  const decide = trialRunner(items, chain.targets);
  const reference = decide(singleTargetPolicy(chain, chain.targets.at(-1)!));
  const measure = (trials: Trials): Measured => measurePolicy(trials, reference, chain.targets.length, clusters, confidence, weights);
  const of = (policy: Chain['policy']): Measured => measure(decide(policy));
  return {
    of,
    always: () => measurePolicy(reference, reference, 1, clusters, confidence, weights),
    certified: (winner: TestedThreshold, tester: PolicyTester): CertifiedThreshold => {
      const policy = tester.policy(winner.thresholds);
      const trials = decide(policy);
      const measured = measure(trials);
      const hull = mixingHull(new Map(chain.targets.map(target => [target, decide(singleTargetPolicy(chain, target))])), weights);
      const { threshold, thresholds, lossUpper } = winner;
      const savesNothing = measured.relativeCost ? !(measured.relativeCost.high < 1) : measured.answered[0] === 0;
      return {
        ...measured,
        threshold,
        thresholds,
        lossUpper,
        vsRandomMix: gainOverRandomMix(trials, hull, clusters, weights)?.interval(confidence) ?? null,
        savesNothing,
      };
    },
  };
}
