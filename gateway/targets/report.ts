/** The report of targets for operators: health, rate limits, keys, queue, rollouts and retry budgets. */

import { type DecayingHistogram, histogramQuantile, shareOfCount } from '../../statistics/estimation/decaying-histogram.ts';
import { usd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import { cooldownsAt, loadOf, type TargetHealth } from '../core/targets/health.ts';
import { levelAt } from '../core/targets/rate-limits.ts';
import { refusedExtraCalls } from '../core/targets/retry-budget.ts';
import type { Probes } from './probes.ts';
import type { TargetRegistry } from './registry.ts';

/** The JSON of `GET /admin/fleet`. Durations are milliseconds from `at`. */
export function targetsReport(state: TargetRegistry, probes: Probes['seen'], at: Instant) {
  const cooldowns = cooldownsAt(state.health, at);
  const { retryBudget, queue } = state;
  return {
    targets: [...state.health].map(([target, health]) => ({
      target,
      state: statusOf(health, at),
      ...(cooldowns[target] === undefined ? {} : { closed_for_ms: Math.round(cooldowns[target] - at) }),
      in_flight: health.inFlight,
      failures_in_a_row: health.failures,
      outcomes: sharesOf(health),
      ttft_ms: quantilesOf(health.ttft),
      total_ms: quantilesOf(health.totalLatency),
      load: Math.round(loadOf(state.health, target, at)),
      limits: limitsOf(state, target, at),
      waiting: queue.entries.filter(ticket => ticket.target === target).length,
    })),
    keys: [...state.keyCooldowns].filter(([, until]) => until > at).map(([key, until]) => ({ key, rests_for_ms: Math.round(until - at) })),
    probes: [...probes].map(([provider, { outcome, at: then }]) => ({ provider, outcome, ago_ms: Math.round(at - then) })),
    queue: { requests: queue.entries.length, bytes: queue.bytes },
    rollouts: state.rollouts.report(),
    extra_calls: {
      refused: refusedExtraCalls(retryBudget, at, state.retryBudgetPolicy),
      retries_left: Math.floor(retryBudget.earnedRetries + retryBudget.steadyRetries),
      hedges_left: Math.max(0, Math.floor(retryBudget.hedges)),
      hedges_usd: usd(Math.round(retryBudget.hedgeNanoUsd)),
    },
  };
}

export type TargetStatus = 'open' | 'cooling' | 'probing' | 'ramping' | 'healthy';

/** `open`: the circuit is open, no request is sent. `probing`: the circuit is half-open, a few requests test the target. `ramping`: concurrency is limited. */
export function statusOf({ circuitOpenUntil, cooldownUntil, concurrencyLimit, failures }: TargetHealth, at: Instant): TargetStatus {
  if (circuitOpenUntil > at) return 'open';
  if (cooldownUntil > at) return 'cooling';
  if (circuitOpenUntil > 0 && failures > 0) return 'probing';
  return concurrencyLimit === undefined ? 'healthy' : 'ramping';
}

/** Recent outcomes as shares between 0 and 1. */
export const sharesOf = ({ outcomes }: TargetHealth): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.keys(outcomes).map(word => [word, Math.round(shareOfCount(outcomes, word as keyof typeof outcomes) * 1e4) / 1e4]),
  );

function quantilesOf(spread: DecayingHistogram): Readonly<Record<'p50' | 'p95' | 'p99', number | null>> {
  const of = (q: number): number | null => {
    const value = histogramQuantile(spread, q);
    return value === undefined ? null : Math.round(value);
  };
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

function limitsOf({ limits }: TargetRegistry, target: string, at: Instant) {
  return [...limits]
    .filter(([name]) => name.startsWith(`${target} `))
    .map(([name, { requests, tokens, blockedUntil }]) => ({
      key: name.slice(target.length + 1),
      ...(requests ? { requests: { left: Math.floor(levelAt(requests, at)), per_minute: Math.round(requests.perMs * 60_000) } } : {}),
      ...(tokens ? { tokens: { left: Math.floor(levelAt(tokens, at)), per_minute: Math.round(tokens.perMs * 60_000) } } : {}),
      ...(blockedUntil > at ? { blocked_for_ms: Math.round(blockedUntil - at) } : {}),
    }));
}
