/** When a target may be asked again: after its own wish or ours, never at once, and only if the wait is bearable. */
import { retryScopeOf } from '../shared/failure.ts';
import { seededUniform } from '../shared/random.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import { providerOf } from '../targets/target-name.ts';
import type { RouteState, RoutingInput } from './contract.ts';

/** Nothing is asked again sooner than this, whatever the policy or the provider says: `retry-after: 0` is no invitation to hammer. */
export const retryWaitMsMin: Milliseconds = 100;
/** A wait that a provider asks for is obeyed up to this long; longer, and the caller is told at once. */
export const retryWaitMsMax: Milliseconds = 30_000;

/** Until when the fleet refuses a target, by itself or with all of its provider; 0 when it takes calls. */
export function cooldownUntil(now: RoutingInput, target: string): Instant {
  return Math.max(now.closed[target] ?? 0, now.closed[providerOf(target)] ?? 0);
}

/** When the target's rate limit lets a call of this request in; 0 for at once. */
export const rateLimitedUntil = (now: RoutingInput, target: string): Instant => now.waits?.[target] ?? 0;

/** The step that may be asked again first: one that failed for a passing reason, has tries left, and is open by then. */
export function soonestRetry(state: RouteState, now: RoutingInput): { readonly step: number; readonly at: Instant } | undefined {
  let soonest: { readonly step: number; readonly at: Instant } | undefined;
  for (const [step, { target, retries, backoffMs }] of state.policy.steps.entries()) {
    const attempts = state.attempts.filter(a => a.step === step && a.of === undefined);
    const failure = attempts.at(-1)?.failure;
    const retried = attempts.filter(a => a.kind === 'retry').length;
    if (
      !failure ||
      retryScopeOf(failure) !== 'same' ||
      retried >= retries ||
      attempts.some(a => a.status === 'declined' || a.status === 'held')
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
