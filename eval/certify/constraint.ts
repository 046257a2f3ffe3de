/** Constraints of a certified policy, and the p-value of violating one. */

import {
  bettingOrder,
  clustersOf,
  conformalRiskHolds,
  conversationPayoffs,
  deltaBets,
  drawnOnlyPayoffs,
  harmBets,
  type KnownChances,
  type LossMethod,
  type LossSample,
  meanLossTest,
  mixturePValue,
  requestsBeyond,
  tabulate,
} from '../../statistics/index.ts';
import type { Item } from '../outcomes/outcomes.ts';
import type { Trials } from '../policies/trials.ts';
import { failures, harms } from '../sweep/measure.ts';

export type Constraint =
  /** `harm`: quality lost where the response is worse than the reference's. `net`: the same, less the quality gained where it is better. */
  | { readonly kind: 'harm' | 'net'; readonly max: number }
  /** Share of the requests that get no answer. */
  | { readonly kind: 'errors'; readonly max: number }
  /** At most one request in twenty takes longer. */
  | { readonly kind: 'latency_p95' | 'ttft_p95'; readonly max: number };

/** The share of requests that may exceed a p95 bound. */
const tail = 0.05;

/** The loss whose mean is bounded: in [0, 1], or in [-1, 1] for `net`. NaN where an outcome has no time. */
export function lossesOf({ kind, max }: Constraint, trials: Trials, reference: Trials): Float64Array {
  const n = trials.step.length;
  switch (kind) {
    case 'harm':
      return harms(trials, reference);
    case 'net':
      return tabulate(n, i => reference.quality[i]! - trials.quality[i]!);
    case 'errors':
      return failures(trials);
    default: {
      const times = kind === 'latency_p95' ? trials.latencyMs : trials.firstTokenMs;
      // A request without a response counts as infinitely slow.
      return tabulate(n, i => (trials.step[i]! < 0 ? 1 : Number.isNaN(times[i]!) ? Number.NaN : Number(times[i]! > max)));
    }
  }
}

/** The bound of the constraint's mean; for a latency, the share of requests that may be slower. */
export const boundOf = ({ kind, max }: Constraint): number => (kind === 'latency_p95' || kind === 'ttft_p95' ? tail : max);

export type Method = LossMethod | 'betting on drawn requests' | 'conformal risk control';

export interface LossTest {
  readonly method: Method;
  /** The maximum number of requests of a conversation that the claim covers, and how many exceed it; 1 and 0 for independent requests. */
  readonly conversationCap: number;
  readonly requestsBeyondCap: number;
  /** Of "the constraint is broken"; losses that are NaN count as the worst. */
  p(losses: Float64Array, constraint: Constraint): number;
}

export interface LossTestOptions {
  /** Every loss is yes or no. */
  readonly exact: boolean;
  readonly seed: number;
  /** Fixed before these requests are read. */
  readonly conversationCap: number;
  /** The least chance that the configuration can give a draw, where only drawn requests are at hand. */
  readonly chanceMin?: number | undefined;
  readonly mode?: 'expected' | undefined;
}

/**
 * The mean loss per request, over all requests of the population: `meanLossTest` chooses the valid test for how outcomes are known.
 * `items` are filled with the worst case; `drawn` is 0 where
 * an outcome is missing because the request was not drawn, which is no loss but no observation. Where only drawn requests are at hand, a weight has no
 * limit but the configured chance: without it nothing can be claimed.
 */
export function lossTestOf(
  items: readonly Item[],
  drawn: Uint8Array,
  { exact, seed, conversationCap, chanceMin, mode }: LossTestOptions,
): LossTest {
  const keys = items.map(({ cluster }) => cluster);
  const clusters = clustersOf(keys);
  const order = bettingOrder(keys, String(seed));
  const isSingle = clusters.count === items.length;
  const cap = isSingle ? 1 : conversationCap;
  const common = { conversationCap: cap, requestsBeyondCap: isSingle ? 0 : requestsBeyond(clusters, cap) };
  const worst = (losses: Float64Array): Float64Array => losses.map(loss => (Number.isNaN(loss) ? 1 : loss));
  if (mode === 'expected') {
    const holds = (losses: Float64Array, constraint: Constraint): boolean =>
      conformalRiskHolds(conversationPayoffs(worst(losses), clusters, { bound: boundOf(constraint), cap }));
    return { ...common, method: 'conformal risk control', p: (losses, constraint) => (holds(losses, constraint) ? 0 : 1) };
  }
  if (items.some(({ chance, weight }) => weight !== undefined && chance === undefined)) {
    const weights = tabulate(items.length, i => items[i]!.weight ?? 1);
    const weightMax = chanceMin === undefined ? Number.POSITIVE_INFINITY : 1 / chanceMin;
    return {
      ...common,
      method: 'betting on drawn requests',
      p: (losses, constraint) =>
        mixturePValue(
          drawnOnlyPayoffs(worst(losses), weights, clusters, { bound: boundOf(constraint), cap, weightMax }),
          constraint.kind === 'net' ? deltaBets : harmBets,
          order,
        ),
    };
  }
  const chances = knownChancesOf(items, drawn);
  const sample: LossSample = { clusters, order, cap, chances, thin: chances && { ids: items.map(({ id }) => id), seed: String(seed) } };
  const harmTest = meanLossTest(sample, { loss: 'harm', binary: exact });
  const netTest = meanLossTest(sample, { loss: 'net', binary: false });
  return {
    ...common,
    method: harmTest.method,
    p: (losses, constraint) => (constraint.kind === 'net' ? netTest : harmTest).p(worst(losses), boundOf(constraint)),
  };
}

/** A request whose outcomes were all known without a draw has the chance 1; undefined where none was drawn. */
function knownChancesOf(items: readonly Item[], drawn: Uint8Array): KnownChances | undefined {
  const chance = tabulate(items.length, i => items[i]!.chance ?? 1);
  const chanceMin = chance.reduce((least, one) => Math.min(least, one), 1);
  return chanceMin === 1 ? undefined : { chance, drawn, chanceMin };
}

/** Whether every loss is yes or no, whatever the thresholds. */
export const allBinary = (constraints: readonly Constraint[], items: readonly Item[], targets: readonly string[]): boolean =>
  constraints.every(({ kind }) => kind !== 'net') &&
  (constraints.every(({ kind }) => kind !== 'harm') ||
    items.every(({ outcomes }) => targets.every(target => isYesOrNo(outcomes.get(target)?.quality))));

const isYesOrNo = (quality: number | undefined): boolean => quality === undefined || quality === 0 || quality === 1;
