/** A staged rollout: a variant's share grows by stages while its metrics stay within bounds, and drops to zero when one does not. */

import {
  type DecayingHistogram,
  emptyHistogram,
  histogramQuantile,
  withSample,
} from '../../../statistics/estimation/decaying-histogram.ts';
import type { NanoUsd } from '../money/price.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';

/** The stages and bounds of a rollout. An absent bound is not checked. */
export interface RolloutPolicy {
  /** Shares in [0, 1], ascending. */
  readonly stages: readonly number[];
  /** The minimum duration of a stage and the minimum number of the variant's requests in it. */
  readonly everyMs: Milliseconds;
  readonly requestsMin: number;
  readonly errorRateMax?: number;
  /** Of the complete response. */
  readonly p95MsMax?: Milliseconds;
  /** Mean cost of a request relative to the route without the variant. */
  readonly costRatioMax?: number;
}

interface RolloutWindow {
  readonly count: number;
  readonly failures: number;
  readonly priced: number;
  readonly costNanoUsd: NanoUsd;
  readonly latency: DecayingHistogram;
}

/** The state of a rollout, kept as JSON in the state store. */
export interface Rollout {
  readonly stage: number;
  readonly since: Instant;
  readonly variant: RolloutWindow;
  readonly base: RolloutWindow;
  readonly rolledBack?: { readonly at: Instant; readonly why: string };
}

/** One finished request of the route, with the variant or without. */
export interface RolloutSample {
  readonly isVariant: boolean;
  readonly at: Instant;
  readonly failed: boolean;
  readonly totalMs: Milliseconds;
  readonly costNanoUsd: NanoUsd | undefined;
}

const emptyWindow: RolloutWindow = { count: 0, failures: 0, priced: 0, costNanoUsd: 0, latency: emptyHistogram };

/** The first stage of a rollout, with empty windows for variant and base. */
export const beginRollout = (at: Instant): Rollout => ({ stage: 0, since: at, variant: emptyWindow, base: emptyWindow });

/** The variant's share of requests, in [0, 1]; 0 after a rollback. */
export const shareAt = ({ stage, rolledBack }: Rollout, { stages }: RolloutPolicy): number => (rolledBack ? 0 : (stages[stage] ?? 0));

/** A rollback is final. */
export function observeRollout(before: Rollout, sample: RolloutSample, policy: RolloutPolicy): Rollout {
  if (before.rolledBack) return before;
  if (!sample.isVariant) return { ...before, base: withRequest(before.base, sample) };
  const after = { ...before, variant: withRequest(before.variant, sample) };
  const why = exceededBound(after, policy);
  if (why !== undefined) return { ...after, rolledBack: { at: sample.at, why } };
  const isDone = sample.at - after.since >= policy.everyMs && after.variant.count >= policy.requestsMin;
  return isDone && after.stage < policy.stages.length - 1
    ? { stage: after.stage + 1, since: sample.at, variant: emptyWindow, base: emptyWindow }
    : after;
}

const withRequest = ({ count, failures, priced, costNanoUsd, latency }: RolloutWindow, sample: RolloutSample): RolloutWindow => ({
  count: count + 1,
  failures: failures + (sample.failed ? 1 : 0),
  priced: priced + (sample.costNanoUsd === undefined ? 0 : 1),
  costNanoUsd: costNanoUsd + (sample.costNanoUsd ?? 0),
  latency: withSample(latency, sample.totalMs),
});

/** The exceeded bound. Failures count early when even success of all remaining requests of the stage would exceed it. */
function exceededBound(
  { variant, base }: Rollout,
  { requestsMin, errorRateMax, p95MsMax, costRatioMax }: RolloutPolicy,
): string | undefined {
  const { count, failures } = variant;
  if (errorRateMax !== undefined && failures > errorRateMax * Math.max(count, requestsMin)) {
    return `${failures} of ${count} requests failed, over ${errorRateMax * 100} %`;
  }
  if (count < requestsMin) return undefined;
  const p95 = histogramQuantile(variant.latency, 0.95);
  if (p95MsMax !== undefined && p95 !== undefined && p95 > p95MsMax) return `p95 is ${Math.round(p95)} ms, over ${p95MsMax} ms`;
  if (costRatioMax === undefined || variant.priced === 0 || base.priced === 0) return undefined;
  const ratio = variant.costNanoUsd / variant.priced / (base.costNanoUsd / base.priced);
  return ratio > costRatioMax ? `a request costs ${ratio.toFixed(2)} times what it does without, over ${costRatioMax}` : undefined;
}
