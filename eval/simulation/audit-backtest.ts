/** The backtest that sees selection: what escalated requests foretell of accepted ones, held against what their audits then showed. */
import { clustersOf, type Estimate, type Inference, meanInference, normalQuantile, weightedMeanInference } from '../../statistics/index.ts';
import type { Item, Outcome } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';

export interface AuditBacktest {
  readonly target: string;
  /** Accepted requests whose audit asked the target, and escalated ones that it answered. */
  readonly audited: number;
  readonly escalated: number;
  /** The audited mean less the escalated one, as a share of the escalated; null where it is not known for both. */
  readonly cost: Estimate | null;
  readonly latency: Estimate | null;
  /** The difference itself. */
  readonly quality: Estimate | null;
}

const eachMin = 10;

/**
 * Undefined with fewer than ten of either. The simulation of the deployed route cannot show what selection does, because it comes to no
 * outcome that the route did not come to; an audit is one that it did not. Two independent means, asymptotic; audits weigh one over their chance.
 */
export function auditBacktest({ targets }: Chain, items: readonly Item[], confidence: number): AuditBacktest | undefined {
  const target = targets.at(-1)!;
  const known = items.filter(({ outcomes }) => outcomes.get(target) && !outcomes.get(target)!.failure);
  const audited = known.filter(({ outcomes }) => outcomes.get(target)!.drawn);
  const escalated = known.filter(({ outcomes }) => !outcomes.get(target)!.drawn);
  if (audited.length < eachMin || escalated.length < eachMin) return undefined;
  const compared = (of: (outcome: Outcome) => number | undefined, isShare: boolean): Estimate | null => {
    const value = (item: Item): number => of(item.outcomes.get(target)!) ?? Number.NaN;
    const [drawn, foretold] = [audited, escalated].map(some => some.filter(item => Number.isFinite(value(item))));
    if (drawn!.length < eachMin || foretold!.length < eachMin) return null;
    const clusters = (some: readonly Item[]) => clustersOf(some.map(({ cluster }) => cluster));
    const weights = Float64Array.from(drawn!, ({ weight = 1 }) => weight);
    return differenceOf(
      weightedMeanInference(Float64Array.from(drawn!, value), weights, clusters(drawn!)),
      meanInference(Float64Array.from(foretold!, value), clusters(foretold!)),
      { confidence, isShare },
    );
  };
  return {
    ...{ target, audited: audited.length, escalated: escalated.length },
    cost: compared(({ costNanoUsd }) => costNanoUsd, true),
    latency: compared(({ latencyMs }) => latencyMs, true),
    quality: compared(({ quality }) => quality, false),
  };
}

/** Their half-widths add in squares. */
function differenceOf(
  shown: Inference,
  foretold: Inference,
  { confidence, isShare }: { readonly confidence: number; readonly isShare: boolean },
): Estimate | null {
  const scale = isShare ? foretold.value : 1;
  if (!(scale > 0)) return null;
  const [a, b] = [shown.interval(confidence), foretold.interval(confidence)];
  const z = normalQuantile((1 + confidence) / 2);
  const errorOf = ({ low, high }: Estimate): number => (high - low) / (2 * z);
  const halfWidth = z * Math.hypot(errorOf(a), errorOf(b));
  const value = shown.value - foretold.value;
  return { value: value / scale, low: (value - halfWidth) / scale, high: (value + halfWidth) / scale };
}
