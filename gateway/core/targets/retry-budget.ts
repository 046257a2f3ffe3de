import type { NanoUsd } from '../money/price.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { ExtraCall } from './attempt-kind.ts';
import type { Observation } from './observation.ts';

/** Limits on extra calls, relative to first calls. */
export interface RetryBudgetPolicy {
  /** Retries and fallbacks per first call of the last ten seconds, plus a fixed number a second. */
  readonly retryShare: number;
  readonly retriesPerSecond: number;
  /** Hedges per first call. */
  readonly hedgeShare: number;
  /** Maximum hourly cost of hedges; undefined for no limit. */
  readonly hedgeNanoUsdPerHour?: NanoUsd;
}

export const retryBudgetDefault: RetryBudgetPolicy = { retryShare: 0.2, retriesPerSecond: 10, hedgeShare: 0.05 };

/** The retries and hedges that may still be made, decaying over time. */
export interface RetryBudget {
  readonly at: Instant;
  /** Retries earned by first calls, decaying over ten seconds. */
  readonly earnedRetries: number;
  /** Retries earned by elapsed time. */
  readonly steadyRetries: number;
  readonly hedges: number;
  /** Cost of hedges, decaying at the hourly rate. */
  readonly hedgeNanoUsd: NanoUsd;
}

const decayMs: Milliseconds = 10_000;
const hourMs: Milliseconds = 3_600_000;
/** Maximum accumulated hedges. */
const hedgesMax = 10;

/** A full retry budget: no earned retries, and the steady rate available at once. */
export const initialRetryBudget = (policy: RetryBudgetPolicy = retryBudgetDefault): RetryBudget => ({
  at: 0,
  earnedRetries: 0,
  steadyRetries: policy.retriesPerSecond,
  hedges: policy.hedgeShare > 0 ? 1 : 0,
  hedgeNanoUsd: 0,
});

/** The budget after one observation: first calls earn, extra calls spend. */
export function observeRetryBudget(
  before: RetryBudget,
  observation: Observation,
  policy: RetryBudgetPolicy = retryBudgetDefault,
): RetryBudget {
  if (observation.type === 'charged') {
    const now = refilled(before, observation.at, policy);
    return observation.kind === 'hedge' ? { ...now, hedgeNanoUsd: now.hedgeNanoUsd + observation.costNanoUsd } : before;
  }
  if (observation.type !== 'sent' || observation.otherKey) return before;
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

/** The kinds of extra calls that are refused now. */
export function refusedExtraCalls(budget: RetryBudget, at: Instant, policy: RetryBudgetPolicy = retryBudgetDefault): readonly ExtraCall[] {
  const { hedgeNanoUsdPerHour: priceMax } = policy;
  // As much as that is left however long ago it was: nothing of it is computed.
  if (budget.steadyRetries >= 1 && budget.hedges >= 1 && priceMax === undefined) return noneRefused;
  const now = refilled(budget, at, policy);
  const retry = now.earnedRetries + now.steadyRetries < 1 - 1e-9;
  const hedge = now.hedges < 1 - 1e-9 || (priceMax !== undefined && now.hedgeNanoUsd >= priceMax);
  if (!retry && !hedge) return noneRefused;
  return [...(retry ? (['retry'] as const) : []), ...(hedge ? (['hedge'] as const) : [])];
}
