import type { NanoUsd } from '../money/price.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { ExtraCall } from './attempt-kind.ts';
import type { Observation } from './observation.ts';

export interface RetryBudgetPolicy {
  /** Retries and fallbacks to each first call, of the last ten seconds, and as many a second on top. */
  readonly retryShare: number;
  readonly retriesPerSecond: number;
  /** Hedges to each first call. */
  readonly hedgeShare: number;
  /** What hedges may cost an hour; undefined sets no limit to it. */
  readonly hedgeNanoUsdPerHour?: NanoUsd;
}

export const retryBudgetDefault: RetryBudgetPolicy = { retryShare: 0.2, retriesPerSecond: 10, hedgeShare: 0.05 };

export interface RetryBudget {
  readonly at: Instant;
  /** Retries earned by first calls; they are forgotten over ten seconds. */
  readonly earnedRetries: number;
  /** Retries of the seconds themselves. */
  readonly steadyRetries: number;
  readonly hedges: number;
  /** Spent on hedges, worn off by the hour's rate. */
  readonly hedgeNanoUsd: NanoUsd;
}

const decayMs: Milliseconds = 10_000;
const hourMs: Milliseconds = 3_600_000;
/** Hedges that may be saved up for a bad minute. */
const hedgesMax = 10;

export const initialRetryBudget = (policy: RetryBudgetPolicy = retryBudgetDefault): RetryBudget => ({
  at: 0,
  earnedRetries: 0,
  steadyRetries: policy.retriesPerSecond,
  hedges: policy.hedgeShare > 0 ? 1 : 0,
  hedgeNanoUsd: 0,
});

export function observeRetryBudget(
  before: RetryBudget,
  observation: Observation,
  policy: RetryBudgetPolicy = retryBudgetDefault,
): RetryBudget {
  if (observation.type === 'charged') {
    const now = refilled(before, observation.at, policy);
    return observation.kind === 'hedge' ? { ...now, hedgeNanoUsd: now.hedgeNanoUsd + observation.costNanoUsd } : before;
  }
  if (observation.type !== 'asked') return before;
  const now = refilled(before, observation.at, policy);
  switch (observation.kind) {
    case undefined:
    case 'primary':
      return { ...now, earnedRetries: now.earnedRetries + policy.retryShare, hedges: Math.min(hedgesMax, now.hedges + policy.hedgeShare) };
    case 'retry':
    case 'fallback': {
      const fromEarned = Math.min(1, now.earnedRetries);
      return { ...now, earnedRetries: now.earnedRetries - fromEarned, steadyRetries: Math.max(0, now.steadyRetries - (1 - fromEarned)) };
    }
    case 'hedge':
      return { ...now, hedges: now.hedges - 1 };
    default:
      return now;
  }
}

function refilled(before: RetryBudget, at: Instant, { retriesPerSecond, hedgeNanoUsdPerHour = 0 }: RetryBudgetPolicy): RetryBudget {
  const elapsed = Math.max(0, at - before.at);
  if (elapsed === 0) return before;
  return {
    at,
    earnedRetries: before.earnedRetries * Math.exp(-elapsed / decayMs),
    steadyRetries: Math.min(retriesPerSecond, before.steadyRetries + (retriesPerSecond * elapsed) / 1000),
    hedges: before.hedges,
    hedgeNanoUsd: Math.max(0, before.hedgeNanoUsd - (hedgeNanoUsdPerHour * elapsed) / hourMs),
  };
}

const noneRefused: readonly ExtraCall[] = [];

/** Which extra calls are refused just now. */
export function refusedExtraCalls(budget: RetryBudget, at: Instant, policy: RetryBudgetPolicy = retryBudgetDefault): readonly ExtraCall[] {
  const now = refilled(budget, at, policy);
  const retry = now.earnedRetries + now.steadyRetries < 1 - 1e-9;
  const { hedgeNanoUsdPerHour: priceMax } = policy;
  const hedge = now.hedges < 1 - 1e-9 || (priceMax !== undefined && now.hedgeNanoUsd >= priceMax);
  if (!retry && !hedge) return noneRefused;
  return [...(retry ? (['retry'] as const) : []), ...(hedge ? (['hedge'] as const) : [])];
}
