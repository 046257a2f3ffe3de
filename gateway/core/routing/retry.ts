/** When a target may be retried: after the provider's wait or the backoff, never at once, and only if the wait is acceptable. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { retryScopeOf } from '../shared/failure.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import { providerOf } from '../targets/target-name.ts';
import type { RouteState, RoutingInput } from './contract.ts';

/** The minimum wait before any retry, whatever the policy or the provider says, so that `retry-after: 0` does not cause a tight loop. */
export const retryWaitMsMin: Milliseconds = 100;
/** The maximum provider wait that is honoured; a longer one goes to the caller at once. */
export const retryWaitMsMax: Milliseconds = 30_000;

/** The end of a target's cooldown, its own or its provider's; 0 when it is available. */
export function cooldownUntil(now: RoutingInput, target: string): Instant {
  return Math.max(now.closed[target] ?? 0, now.closed[providerOf(target)] ?? 0);
}

/** When the target's rate limit admits a call of this request; 0 for now. */
export const rateLimitedUntil = (now: RoutingInput, target: string): Instant => now.waits?.[target] ?? 0;

/** The first step that may be retried: it failed with a retryable failure, has retries left, and is available by then. */
export function soonestRetry(state: RouteState, now: RoutingInput): { readonly step: number; readonly at: Instant } | undefined {
  let soonest: { readonly step: number; readonly at: Instant } | undefined;
  for (const [step, { target, retries, backoffMs }] of state.policy.steps.entries()) {
    const attempts = state.attempts.filter(a => a.step === step && a.of === undefined);
    const failure = attempts.at(-1)?.failure;
    const retried = attempts.filter(a => a.kind === 'retry' && !a.otherKey).length;
    if (
      !failure ||
      retryScopeOf(failure) !== 'same' ||
      retried >= retries ||
      attempts.some(a => a.status === 'declined' || a.status === 'buffered')
    )
      continue;
    const backoff = backoffMs * 2 ** retried * (1 - seededUniform(state.seed, `retry ${step} ${retried}`) / 2);
    const wait = Math.max(retryWaitMsMin, backoff, failure.retryAfterMs ?? 0, rateLimitedUntil(now, target) - now.at);
    const at = now.at + wait;
    if (wait > retryWaitMsMax || at >= state.deadlineAt || cooldownUntil(now, target) > at) continue;
    if (!soonest || at < soonest.at) soonest = { step, at };
  }
  return soonest;
}
