import {
  type DecayingCounts,
  type DecayingHistogram,
  emptyHistogram,
  quantileOf,
  withCount,
  withSample,
} from '../shared/decaying-histogram.ts';
import { type FailureKind, isTargetFault } from '../shared/failure.ts';
import { putLruEntry, withLruEntry } from '../shared/lru-map.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Observation } from './observation.ts';

export type TargetHealthMap = ReadonlyMap<string, TargetHealth>;

export interface TargetHealth {
  /** Failures in a row that the target is to blame for. */
  readonly failures: number;
  /** The breaker is open until then; afterwards one call is let through, to probe. */
  readonly circuitOpenUntil: Instant;
  /** The provider asked for a pause until then. What it asks with a 429 is its limits' business. */
  readonly cooldownUntil: Instant;
  /** Calls that may be under way at once after a probe was answered: doubles with each answer until nobody counts any more. */
  readonly concurrencyLimit?: number;
  readonly inFlight: number;
  /** Time to first content; of a call that was given up before, how long it had shown none. */
  readonly ttft: DecayingHistogram;
  /** Time to the end of an answer. */
  readonly totalLatency: DecayingHistogram;
  /** When either was last heard of. */
  readonly lastObservedAt: Instant;
  /** What became of its calls lately: `ok`, or how they failed. */
  readonly outcomes: DecayingCounts<FailureKind | 'ok'>;
  /** The time to first content, quick to rise and slow to fall, as it was at `heardAt`. */
  readonly peakTtftMs: Milliseconds;
}

export interface CircuitBreakerPolicy {
  /** Failures in a row that open the breaker. */
  readonly failuresMax: number;
  readonly openMs: Milliseconds;
}

export const circuitBreakerDefault: CircuitBreakerPolicy = { failuresMax: 5, openMs: 10_000 };

/** A provider's own wish for a pause is obeyed between these bounds. */
const cooldownMsMin: Milliseconds = 100;
const cooldownMsMax: Milliseconds = 300_000;
/** Model names come from callers, so their number is bounded: the target that was silent longest is forgotten. */
export const targetsMax = 1_000;

/** Beyond this many calls at once a target that came back is trusted again. */
const concurrencyLimitMax = 64;
/** How soon a target that ramps up is looked at again. */
const concurrencyRecheckMs: Milliseconds = 250;
/** How long a peak takes to wear off. */
const peakDecayMs: Milliseconds = 10_000;
/** What was not heard of for so long is not predicted any more, so that it is tried again. */
const predictionMaxAgeMs: Milliseconds = 30_000;

export const initialHealth: TargetHealth = {
  failures: 0,
  circuitOpenUntil: 0,
  cooldownUntil: 0,
  inFlight: 0,
  ttft: emptyHistogram,
  totalLatency: emptyHistogram,
  lastObservedAt: 0,
  outcomes: {},
  peakTtftMs: 0,
};

export function observeHealth(
  fleet: TargetHealthMap,
  observation: Observation,
  breaker: CircuitBreakerPolicy = circuitBreakerDefault,
): TargetHealthMap {
  const before = fleet.get(observation.target) ?? initialHealth;
  const after = nextHealth(before, observation, breaker);
  return after === before ? fleet : withLruEntry(fleet, observation.target, after, targetsMax);
}

/** The same in place: with hundreds of targets a copy for every observation would cost more than all the rest. */
export function observeHealthInPlace(
  fleet: Map<string, TargetHealth>,
  observation: Observation,
  breaker: CircuitBreakerPolicy = circuitBreakerDefault,
): void {
  const before = fleet.get(observation.target) ?? initialHealth;
  const after = nextHealth(before, observation, breaker);
  if (after !== before) putLruEntry(fleet, observation.target, after, targetsMax);
}

function nextHealth(before: TargetHealth, observation: Observation, breaker: CircuitBreakerPolicy): TargetHealth {
  switch (observation.type) {
    case 'asked': {
      const inFlight = before.inFlight + 1;
      // The first call after the breaker's time is the probe: nobody else gets through until it has told, or for as long again.
      return before.failures >= breaker.failuresMax && before.circuitOpenUntil <= observation.at
        ? { ...before, inFlight, circuitOpenUntil: observation.at + breaker.openMs }
        : { ...before, inFlight };
    }
    case 'answered':
      return answered(ended(before), observation, breaker);
    case 'failed':
      return failed(ended(before), observation, breaker);
    case 'aborted': {
      const after = ended(before);
      // It would have taken longer still: worth noting when that is unusual already.
      const isSlow = !observation.opened && observation.afterMs > (quantileOf(before.ttft, 0.5) ?? Number.POSITIVE_INFINITY);
      return isSlow ? { ...after, ...latencyAfter(after, observation.afterMs, observation.at) } : after;
    }
    case 'probed':
      return probed(before, observation, breaker);
    case 'charged':
      return before;
  }
}

/** A target that lives lets the next call through its open breaker; one that does not costs no caller a try. Neither counts among its calls. */
function probed(
  before: TargetHealth,
  { at, failure, againMs }: Observation & { type: 'probed' },
  breaker: CircuitBreakerPolicy,
): TargetHealth {
  if (!failure) return before.circuitOpenUntil > at ? { ...before, circuitOpenUntil: at } : before;
  if (!isTargetFault(failure) || failure.kind === 'rate-limited') return before;
  const failures = before.failures + 1;
  const openMs = Math.max(breaker.openMs, Math.min(cooldownMsMax, againMs));
  return {
    ...before,
    failures,
    circuitOpenUntil: failures >= breaker.failuresMax ? Math.max(before.circuitOpenUntil, at + openMs) : before.circuitOpenUntil,
  };
}

const ended = (before: TargetHealth): TargetHealth => ({ ...before, inFlight: Math.max(0, before.inFlight - 1) });

function answered(before: TargetHealth, observation: Observation & { type: 'answered' }, breaker: CircuitBreakerPolicy): TargetHealth {
  const wasOpen = before.failures >= breaker.failuresMax;
  const ramp = wasOpen ? 2 : before.concurrencyLimit === undefined ? concurrencyLimitMax : before.concurrencyLimit * 2;
  const { ttft, peakTtftMs, lastObservedAt } = latencyAfter(before, observation.firstTokenMs, observation.at);
  // Member by member, for this is the path of every answer.
  const after: TargetHealth = {
    failures: 0,
    circuitOpenUntil: 0,
    cooldownUntil: before.cooldownUntil,
    inFlight: before.inFlight,
    ttft,
    totalLatency: observation.totalMs === undefined ? before.totalLatency : withSample(before.totalLatency, observation.totalMs),
    lastObservedAt,
    outcomes: withCount(before.outcomes, 'ok'),
    peakTtftMs,
  };
  return ramp < concurrencyLimitMax ? { ...after, concurrencyLimit: ramp } : after;
}

function latencyAfter(
  before: TargetHealth,
  firstTokenMs: Milliseconds,
  at: Instant,
): Pick<TargetHealth, 'ttft' | 'peakTtftMs' | 'lastObservedAt'> {
  const decay = Math.exp(-Math.max(0, at - before.lastObservedAt) / peakDecayMs);
  const peakMs = firstTokenMs > before.peakTtftMs ? firstTokenMs : before.peakTtftMs * decay + firstTokenMs * (1 - decay);
  return { ttft: withSample(before.ttft, firstTokenMs), peakTtftMs: peakMs, lastObservedAt: Math.max(at, before.lastObservedAt) };
}

function failed(before: TargetHealth, observation: Observation & { type: 'failed' }, breaker: CircuitBreakerPolicy): TargetHealth {
  const { at, failure, afterMs } = observation;
  const outcomes = withCount(before.outcomes, failure.kind);
  // What a 429 asks for is kept by the limits of the key that got it.
  if (!isTargetFault(failure) || failure.kind === 'rate-limited') {
    // Whoever refuses a request with a status is alive.
    return failure.status === undefined || before.failures === 0
      ? { ...before, outcomes }
      : { ...before, outcomes, failures: 0, circuitOpenUntil: 0 };
  }
  // One failure while it ramps up opens the breaker again.
  const failures = before.concurrencyLimit === undefined ? before.failures + 1 : Math.max(breaker.failuresMax, before.failures + 1);
  const openUntil = failures >= breaker.failuresMax ? Math.max(before.circuitOpenUntil, at + breaker.openMs) : before.circuitOpenUntil;
  const { retryAfterMs } = failure;
  const requested = retryAfterMs === undefined ? 0 : at + Math.min(cooldownMsMax, Math.max(cooldownMsMin, retryAfterMs));
  const slow = failure.kind === 'timeout' && afterMs !== undefined ? latencyAfter(before, afterMs, at) : {};
  const { concurrencyLimit: _, ...rest } = before;
  return { ...rest, ...slow, outcomes, failures, circuitOpenUntil: openUntil, cooldownUntil: Math.max(before.cooldownUntil, requested) };
}

/** The targets that are refused at this instant, and until when: what the router sees of the fleet. */
export function cooldownsAt(fleet: TargetHealthMap, at: Instant): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  for (const [target, { circuitOpenUntil, cooldownUntil, concurrencyLimit, inFlight }] of fleet) {
    const isAtLimit = concurrencyLimit !== undefined && inFlight >= concurrencyLimit;
    const until = Math.max(circuitOpenUntil, cooldownUntil, isAtLimit ? at + concurrencyRecheckMs : 0);
    if (until > at) closed[target] = until;
  }
  return closed;
}

/** A quantile of the time to first content, in ms; undefined before there is enough to tell. */
export function latencyQuantile(fleet: TargetHealthMap, target: string, q: number): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && quantileOf(health.ttft, q);
}

/** The time to first content that nine of ten calls keep, as far as it was heard of lately. */
export function predictedMs(fleet: TargetHealthMap, target: string, at: Instant): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && at - health.lastObservedAt <= predictionMaxAgeMs ? quantileOf(health.ttft, 0.9) : undefined;
}

/** How loaded a target is: its peak, worn off since, for each call under way and one more. Less is better; unknown ones are worth a try. */
export function loadOf(fleet: TargetHealthMap, target: string, at: Instant): number {
  const { peakTtftMs, lastObservedAt, inFlight } = fleet.get(target) ?? initialHealth;
  return (1 + peakTtftMs * Math.exp(-Math.max(0, at - lastObservedAt) / peakDecayMs)) * (1 + inFlight);
}

/** Whether a probe would tell something: a target that answered lately, and is not held back, is known to live. */
export function needsProbe(fleet: TargetHealthMap, target: string, at: Instant, freshForMs: Milliseconds): boolean {
  const { failures, circuitOpenUntil, lastObservedAt } = fleet.get(target) ?? initialHealth;
  return failures > 0 || circuitOpenUntil > at || at - lastObservedAt >= freshForMs;
}

/** It failed, but not yet so often that its breaker is open. */
export function isFailing(fleet: TargetHealthMap, target: string, breaker: CircuitBreakerPolicy = circuitBreakerDefault): boolean {
  const { failures } = fleet.get(target) ?? initialHealth;
  return failures > 0 && failures < breaker.failuresMax;
}
