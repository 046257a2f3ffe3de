/** When a target may be asked again: after its own wish or ours, never at once, and only if the wait is bearable. */
import { retryOf } from './failure.ts';
import { coin } from './random.ts';
import type { Moment, RouteState } from './routing.ts';
import { providerOf } from './target.ts';
import type { Instant, Milliseconds } from './time.ts';

/** Nothing is asked again sooner than this, whatever the policy or the provider says: `retry-after: 0` is no invitation to hammer. */
export const waitMsMin: Milliseconds = 100;
/** A wait that a provider asks for is obeyed up to this long; longer, and the caller is told at once. */
export const waitMsMax: Milliseconds = 30_000;

/** Until when the fleet refuses a target, by itself or with all of its provider; 0 when it takes calls. */
export function closedUntil(now: Moment, target: string): Instant {
  return Math.max(now.closed[target] ?? 0, now.closed[providerOf(target)] ?? 0);
}

/** When the target's rate limit lets a call of this request in; 0 for at once. */
export const waitUntil = (now: Moment, target: string): Instant => now.waits?.[target] ?? 0;

/** The step that may be asked again first: one that failed for a passing reason, has tries left, and is open by then. */
export function soonestRetry(state: RouteState, now: Moment): { readonly step: number; readonly at: Instant } | undefined {
  let soonest: { readonly step: number; readonly at: Instant } | undefined;
  for (const [step, { target, retries, backoffMs }] of state.policy.steps.entries()) {
    const asked = state.attempts.filter(a => a.step === step && a.of === undefined);
    const failure = asked.at(-1)?.failure;
    const retried = asked.filter(a => a.kind === 'retry').length;
    if (!failure || retryOf(failure) !== 'same' || retried >= retries || asked.some(a => a.status === 'declined' || a.status === 'held'))
      continue;
    const backoff = backoffMs * 2 ** retried * (1 - coin(state.seed, `retry ${step} ${retried}`) / 2);
    const wait = Math.max(waitMsMin, backoff, failure.retryAfterMs ?? 0, waitUntil(now, target) - now.at);
    const at = now.at + wait;
    if (wait > waitMsMax || at >= state.deadlineAt || closedUntil(now, target) > at) continue;
    if (!soonest || at < soonest.at) soonest = { step, at };
  }
  return soonest;
}
