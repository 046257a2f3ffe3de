/** How many calls may be made beyond the first of each request: retries and fallbacks within 20 % and ten a second, hedges within a share and a price. */
import type { AttemptKind } from './exchange.ts';
import type { Observation } from './fleet.ts';
import type { NanoUsd } from './price.ts';
import type { Instant, Milliseconds } from './time.ts';

export interface AllowancePolicy {
  /** Retries and fallbacks to each first call, of the last ten seconds, and as many a second on top. */
  readonly retryShare: number;
  readonly retriesPerSecond: number;
  /** Hedges to each first call. */
  readonly hedgeShare: number;
  /** What hedges may cost an hour; undefined sets no limit to it. */
  readonly hedgeNanoUsdPerHour?: NanoUsd;
}

export const allowanceDefault: AllowancePolicy = { retryShare: 0.2, retriesPerSecond: 10, hedgeShare: 0.05 };

export interface Allowance {
  readonly at: Instant;
  /** Retries earned by first calls; they are forgotten over ten seconds. */
  readonly earned: number;
  /** Retries of the seconds themselves. */
  readonly steady: number;
  readonly hedges: number;
  /** Spent on hedges, worn off by the hour's rate. */
  readonly hedgeNanoUsd: NanoUsd;
}

const memoryMs: Milliseconds = 10_000;
const hourMs: Milliseconds = 3_600_000;
/** Hedges that may be saved up for a bad minute. */
const hedgesMax = 10;

export const fullAllowance = (policy: AllowancePolicy = allowanceDefault): Allowance => ({
  at: 0,
  earned: 0,
  steady: policy.retriesPerSecond,
  hedges: policy.hedgeShare > 0 ? 1 : 0,
  hedgeNanoUsd: 0,
});

export function observeAllowance(before: Allowance, seen: Observation, policy: AllowancePolicy = allowanceDefault): Allowance {
  if (seen.type === 'charged') {
    const now = passed(before, seen.at, policy);
    return seen.kind === 'hedge' ? { ...now, hedgeNanoUsd: now.hedgeNanoUsd + seen.costNanoUsd } : before;
  }
  if (seen.type !== 'asked') return before;
  const now = passed(before, seen.at, policy);
  switch (seen.kind) {
    case undefined:
    case 'primary':
      return { ...now, earned: now.earned + policy.retryShare, hedges: Math.min(hedgesMax, now.hedges + policy.hedgeShare) };
    case 'retry':
    case 'fallback': {
      const fromEarned = Math.min(1, now.earned);
      return { ...now, earned: now.earned - fromEarned, steady: Math.max(0, now.steady - (1 - fromEarned)) };
    }
    case 'hedge':
      return { ...now, hedges: now.hedges - 1 };
    default:
      return now;
  }
}

function passed(before: Allowance, at: Instant, { retriesPerSecond, hedgeNanoUsdPerHour = 0 }: AllowancePolicy): Allowance {
  const elapsed = Math.max(0, at - before.at);
  if (elapsed === 0) return before;
  return {
    at,
    earned: before.earned * Math.exp(-elapsed / memoryMs),
    steady: Math.min(retriesPerSecond, before.steady + (retriesPerSecond * elapsed) / 1000),
    hedges: before.hedges,
    hedgeNanoUsd: Math.max(0, before.hedgeNanoUsd - (hedgeNanoUsdPerHour * elapsed) / hourMs),
  };
}

export type Extra = Extract<AttemptKind, 'retry' | 'hedge'>;

const neither: readonly Extra[] = [];

/** Which extra calls are refused just now. */
export function spentAt(allowance: Allowance, at: Instant, policy: AllowancePolicy = allowanceDefault): readonly Extra[] {
  const now = passed(allowance, at, policy);
  const retry = now.earned + now.steady < 1 - 1e-9;
  const { hedgeNanoUsdPerHour: priceMax } = policy;
  const hedge = now.hedges < 1 - 1e-9 || (priceMax !== undefined && now.hedgeNanoUsd >= priceMax);
  if (!retry && !hedge) return neither;
  return [...(retry ? (['retry'] as const) : []), ...(hedge ? (['hedge'] as const) : [])];
}
