/** What the gateway knows about every target right now: a fold over observations, asked by the router through `closedAt`. */
import type { AttemptKind } from './exchange.ts';
import { blamesTarget, type Failure, type FailureKind } from './failure.ts';
import { putLatest, withLatest } from './latest.ts';
import type { RateLimitSeen } from './limits.ts';
import { counted, emptySpread, quantileOf, type Spread, type Tally, withSample } from './quantile.ts';
import type { Instant, Milliseconds } from './time.ts';

export type Fleet = ReadonlyMap<string, TargetHealth>;

export interface TargetHealth {
  /** Failures in a row that the target is to blame for. */
  readonly failures: number;
  /** The breaker is open until then; afterwards one call is let through, to probe. */
  readonly openUntil: Instant;
  /** The provider asked for a pause until then. What it asks with a 429 is its limits' business. */
  readonly coolingUntil: Instant;
  /** Calls that may be under way at once after a probe was answered: doubles with each answer until nobody counts any more. */
  readonly ramp?: number;
  readonly inFlight: number;
  /** Time to first content; of a call that was given up before, how long it had shown none. */
  readonly latency: Spread;
  /** Time to the end of an answer. */
  readonly total: Spread;
  /** When either was last heard of. */
  readonly heardAt: Instant;
  /** What became of its calls lately: `ok`, or how they failed. */
  readonly outcomes: Tally<FailureKind | 'ok'>;
  /** The time to first content, quick to rise and slow to fall, as it was at `heardAt`. */
  readonly peakMs: Milliseconds;
}

/**
 * What an attempt did. `credential` is the fingerprint of the provider key in use, '' for none; `tokens` is what the call was reckoned to
 * need when it was asked, and the same in what ends it. Each `asked` is followed by exactly one of answered, failed and aborted.
 */
export type Observation = { readonly target: string; readonly credential: string; readonly at: Instant; readonly tokens?: number } & (
  | { readonly type: 'asked'; readonly kind?: AttemptKind }
  | {
      readonly type: 'answered';
      readonly firstTokenMs: Milliseconds;
      readonly totalMs?: Milliseconds;
      readonly tokensUsed?: number;
      readonly limits?: RateLimitSeen;
    }
  | { readonly type: 'failed'; readonly failure: Failure; readonly afterMs?: Milliseconds; readonly limits?: RateLimitSeen }
  /** Its answer was no longer needed. `opened` when it had shown content by then. */
  | { readonly type: 'aborted'; readonly afterMs: Milliseconds; readonly opened: boolean }
  /** Somebody asked whether it lives, beside all callers, and will ask again after so long. Absent `failure`: it does. */
  | { readonly type: 'probed'; readonly failure?: Failure; readonly againMs: Milliseconds }
  /** What it cost in the end. */
  | { readonly type: 'charged'; readonly kind: AttemptKind; readonly costNanoUsd: number }
);

export interface BreakerPolicy {
  /** Failures in a row that open the breaker. */
  readonly failuresMax: number;
  readonly openMs: Milliseconds;
}

export const breakerDefault: BreakerPolicy = { failuresMax: 5, openMs: 10_000 };

/** A provider's own wish for a pause is obeyed between these bounds. */
const coolingMsMin: Milliseconds = 100;
const coolingMsMax: Milliseconds = 300_000;
/** Model names come from callers, so their number is bounded: the target that was silent longest is forgotten. */
export const targetsMax = 1_000;

/** Beyond this many calls at once a target that came back is trusted again. */
const rampMax = 64;
/** How soon a target that ramps up is looked at again. */
const rampMs: Milliseconds = 250;
/** How long a peak takes to wear off. */
const peakMemoryMs: Milliseconds = 10_000;
/** What was not heard of for so long is not predicted any more, so that it is tried again. */
const predictableMs: Milliseconds = 30_000;

export const fresh: TargetHealth = {
  failures: 0,
  openUntil: 0,
  coolingUntil: 0,
  inFlight: 0,
  latency: emptySpread,
  total: emptySpread,
  heardAt: 0,
  outcomes: {},
  peakMs: 0,
};

export function observe(fleet: Fleet, seen: Observation, breaker: BreakerPolicy = breakerDefault): Fleet {
  const before = fleet.get(seen.target) ?? fresh;
  const after = healthAfter(before, seen, breaker);
  return after === before ? fleet : withLatest(fleet, seen.target, after, targetsMax);
}

/** The same in place: with hundreds of targets a copy for every observation would cost more than all the rest. */
export function observeHere(fleet: Map<string, TargetHealth>, seen: Observation, breaker: BreakerPolicy = breakerDefault): void {
  const before = fleet.get(seen.target) ?? fresh;
  const after = healthAfter(before, seen, breaker);
  if (after !== before) putLatest(fleet, seen.target, after, targetsMax);
}

function healthAfter(before: TargetHealth, seen: Observation, breaker: BreakerPolicy): TargetHealth {
  switch (seen.type) {
    case 'asked': {
      const inFlight = before.inFlight + 1;
      // The first call after the breaker's time is the probe: nobody else gets through until it has told, or for as long again.
      return before.failures >= breaker.failuresMax && before.openUntil <= seen.at
        ? { ...before, inFlight, openUntil: seen.at + breaker.openMs }
        : { ...before, inFlight };
    }
    case 'answered':
      return answered(ended(before), seen, breaker);
    case 'failed':
      return failed(ended(before), seen, breaker);
    case 'aborted': {
      const after = ended(before);
      // It would have taken longer still: worth noting when that is unusual already.
      const isSlow = !seen.opened && seen.afterMs > (quantileOf(before.latency, 0.5) ?? Number.POSITIVE_INFINITY);
      return isSlow ? { ...after, ...latencyAfter(after, seen.afterMs, seen.at) } : after;
    }
    case 'probed':
      return probed(before, seen, breaker);
    case 'charged':
      return before;
  }
}

/** A target that lives lets the next call through its open breaker; one that does not costs no caller a try. Neither counts among its calls. */
function probed(before: TargetHealth, { at, failure, againMs }: Observation & { type: 'probed' }, breaker: BreakerPolicy): TargetHealth {
  if (!failure) return before.openUntil > at ? { ...before, openUntil: at } : before;
  if (!blamesTarget(failure) || failure.kind === 'rate-limited') return before;
  const failures = before.failures + 1;
  const openMs = Math.max(breaker.openMs, Math.min(coolingMsMax, againMs));
  return { ...before, failures, openUntil: failures >= breaker.failuresMax ? Math.max(before.openUntil, at + openMs) : before.openUntil };
}

const ended = (before: TargetHealth): TargetHealth => ({ ...before, inFlight: Math.max(0, before.inFlight - 1) });

function answered(before: TargetHealth, seen: Observation & { type: 'answered' }, breaker: BreakerPolicy): TargetHealth {
  const wasOpen = before.failures >= breaker.failuresMax;
  const ramp = wasOpen ? 2 : before.ramp === undefined ? rampMax : before.ramp * 2;
  const { latency, peakMs, heardAt } = latencyAfter(before, seen.firstTokenMs, seen.at);
  // Member by member, for this is the path of every answer.
  const after: TargetHealth = {
    failures: 0,
    openUntil: 0,
    coolingUntil: before.coolingUntil,
    inFlight: before.inFlight,
    latency,
    total: seen.totalMs === undefined ? before.total : withSample(before.total, seen.totalMs),
    heardAt,
    outcomes: counted(before.outcomes, 'ok'),
    peakMs,
  };
  return ramp < rampMax ? { ...after, ramp } : after;
}

function latencyAfter(before: TargetHealth, firstTokenMs: Milliseconds, at: Instant): Pick<TargetHealth, 'latency' | 'peakMs' | 'heardAt'> {
  const worn = Math.exp(-Math.max(0, at - before.heardAt) / peakMemoryMs);
  const peakMs = firstTokenMs > before.peakMs ? firstTokenMs : before.peakMs * worn + firstTokenMs * (1 - worn);
  return { latency: withSample(before.latency, firstTokenMs), peakMs, heardAt: Math.max(at, before.heardAt) };
}

function failed(before: TargetHealth, seen: Observation & { type: 'failed' }, breaker: BreakerPolicy): TargetHealth {
  const { at, failure, afterMs } = seen;
  const outcomes = counted(before.outcomes, failure.kind);
  // What a 429 asks for is kept by the limits of the key that got it.
  if (!blamesTarget(failure) || failure.kind === 'rate-limited') {
    // Whoever refuses a request with a status is alive.
    return failure.status === undefined || before.failures === 0
      ? { ...before, outcomes }
      : { ...before, outcomes, failures: 0, openUntil: 0 };
  }
  // One failure while it ramps up opens the breaker again.
  const failures = before.ramp === undefined ? before.failures + 1 : Math.max(breaker.failuresMax, before.failures + 1);
  const openUntil = failures >= breaker.failuresMax ? Math.max(before.openUntil, at + breaker.openMs) : before.openUntil;
  const { retryAfterMs } = failure;
  const wish = retryAfterMs === undefined ? 0 : at + Math.min(coolingMsMax, Math.max(coolingMsMin, retryAfterMs));
  const slow = failure.kind === 'timeout' && afterMs !== undefined ? latencyAfter(before, afterMs, at) : {};
  const { ramp: _, ...rest } = before;
  return { ...rest, ...slow, outcomes, failures, openUntil, coolingUntil: Math.max(before.coolingUntil, wish) };
}

/** The targets that are refused at this instant, and until when: what the router sees of the fleet. */
export function closedAt(fleet: Fleet, at: Instant): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  for (const [target, { openUntil, coolingUntil, ramp, inFlight }] of fleet) {
    const isCrowded = ramp !== undefined && inFlight >= ramp;
    const until = Math.max(openUntil, coolingUntil, isCrowded ? at + rampMs : 0);
    if (until > at) closed[target] = until;
  }
  return closed;
}

/** A quantile of the time to first content, in ms; undefined before there is enough to tell. */
export function latencyQuantile(fleet: Fleet, target: string, q: number): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && quantileOf(health.latency, q);
}

/** The time to first content that nine of ten calls keep, as far as it was heard of lately. */
export function predictedMs(fleet: Fleet, target: string, at: Instant): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && at - health.heardAt <= predictableMs ? quantileOf(health.latency, 0.9) : undefined;
}

/** How loaded a target is: its peak, worn off since, for each call under way and one more. Less is better; unknown ones are worth a try. */
export function loadOf(fleet: Fleet, target: string, at: Instant): number {
  const { peakMs, heardAt, inFlight } = fleet.get(target) ?? fresh;
  return (1 + peakMs * Math.exp(-Math.max(0, at - heardAt) / peakMemoryMs)) * (1 + inFlight);
}

/** Whether a probe would tell something: a target that answered lately, and is not held back, is known to live. */
export function isUnknown(fleet: Fleet, target: string, at: Instant, lately: Milliseconds): boolean {
  const { failures, openUntil, heardAt } = fleet.get(target) ?? fresh;
  return failures > 0 || openUntil > at || at - heardAt >= lately;
}

/** It failed, but not yet so often that its breaker is open. */
export function isDoubtful(fleet: Fleet, target: string, breaker: BreakerPolicy = breakerDefault): boolean {
  const { failures } = fleet.get(target) ?? fresh;
  return failures > 0 && failures < breaker.failuresMax;
}
