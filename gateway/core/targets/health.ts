import {
  addCount,
  addSample,
  type DecayingCounts,
  type DecayingHistogram,
  emptyHistogram,
  histogramQuantile,
  withCount,
  withSample,
} from '../../../statistics/estimation/decaying-histogram.ts';
import { type FailureKind, isTargetFault } from '../shared/failure.ts';
import { putLruEntry, withLruEntry } from '../shared/lru-map.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Observation } from './observation.ts';

export type TargetHealthMap = ReadonlyMap<string, TargetHealth>;

/** The health of one target: circuit, cooldown, concurrency, latency and recent outcomes. */
export interface TargetHealth {
  /** Consecutive failures that are the target's fault. */
  readonly failures: number;
  /** The circuit is open until then; afterwards one call probes it. */
  readonly circuitOpenUntil: Instant;
  /** Cooldown requested by the provider. The wait of a 429 belongs to the key's rate limits. */
  readonly cooldownUntil: Instant;
  /** Maximum calls in flight after a successful probe. It doubles with each response until the limit is lifted. */
  readonly concurrencyLimit?: number;
  readonly inFlight: number;
  /** Time to first content. For an aborted call, the time it had shown none. */
  readonly ttft: DecayingHistogram;
  /** Time to the end of a response. */
  readonly totalLatency: DecayingHistogram;
  /** The last observation of either. */
  readonly lastObservedAt: Instant;
  /** Recent outcomes of its calls: `ok`, or the failure kind. */
  readonly outcomes: DecayingCounts<FailureKind | 'ok'>;
  /** Time to first content as a decaying peak, quick to rise and slow to fall, at `lastObservedAt`. */
  readonly peakTtftMs: Milliseconds;
}

/** When a circuit opens, and for how long. */
export interface CircuitBreakerPolicy {
  /** Consecutive failures that open the circuit. */
  readonly failuresMax: number;
  readonly openMs: Milliseconds;
}

export const circuitBreakerDefault: CircuitBreakerPolicy = { failuresMax: 5, openMs: 10_000 };

/** Bounds of a cooldown that a provider requests. */
const cooldownMsMin: Milliseconds = 100;
const cooldownMsMax: Milliseconds = 300_000;
/** Model names come from callers, so their number is bounded: the least recently observed target is evicted. */
export const targetsMax = 1_000;

/** Above this many calls in flight, a recovered target is unlimited again. */
const concurrencyLimitMax = 64;
/** How often a ramping target's limit is checked again. */
const concurrencyRecheckMs: Milliseconds = 250;
/** Time constant of the peak's decay. */
const peakDecayMs: Milliseconds = 10_000;
/** Older observations give no prediction, so that the target is tried again. */
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

/** The health of all targets after one observation; unchanged targets are the same objects. */
export function observeHealth(
  fleet: TargetHealthMap,
  observation: Observation,
  breaker: CircuitBreakerPolicy = circuitBreakerDefault,
): TargetHealthMap {
  const before = fleet.get(observation.target) ?? initialHealth;
  const after = nextHealth(before, observation, breaker);
  return after === before ? fleet : withLruEntry(fleet, observation.target, after, targetsMax);
}

/** A record that its owner changes, histograms and counts included. */
type OwnHealth = { -readonly [Member in keyof TargetHealth]: TargetHealth[Member] } & {
  readonly ttft: Map<number, number>;
  readonly totalLatency: Map<number, number>;
  readonly outcomes: Partial<Record<FailureKind | 'ok', number>>;
};

/** The health of targets, one record each that changes in place: a copy for every observation would dominate the cost of a call. */
export class OwnHealthMap extends Map<string, TargetHealth> {
  /** Records without another reference. */
  readonly #own = new WeakSet<TargetHealth>();

  /** Equal to `observeHealth`. */
  observe(observation: Observation, breaker: CircuitBreakerPolicy = circuitBreakerDefault): void {
    const known = this.get(observation.target);
    const isPlain = known && known.failures === 0 && known.circuitOpenUntil === 0 && known.concurrencyLimit === undefined;
    if (isPlain && (observation.type === 'sent' || observation.type === 'answered')) {
      const health = this.#ownOf(observation.target, known);
      if (observation.type === 'sent') health.inFlight++;
      else answerInPlace(health, observation);
      return;
    }
    const before = known ?? initialHealth;
    const after = nextHealth(before, observation, breaker);
    if (after !== before) putLruEntry(this, observation.target, after, targetsMax);
  }

  #ownOf(target: string, known: TargetHealth): OwnHealth {
    const isOwn = this.#own.has(known);
    const health = (
      isOwn ? known : { ...known, ttft: new Map(known.ttft), totalLatency: new Map(known.totalLatency), outcomes: { ...known.outcomes } }
    ) as OwnHealth;
    if (!isOwn) this.#own.add(health);
    if (!isOwn || this.size > targetsMax / 2) putLruEntry(this, target, health, targetsMax);
    return health;
  }
}

/** What `answered` does to a target without failures, and without a limit of calls at once. */
function answerInPlace(health: OwnHealth, { firstTokenMs, totalMs, at }: Observation & { type: 'answered' }): void {
  health.inFlight = Math.max(0, health.inFlight - 1);
  health.peakTtftMs = peakAfter(health, firstTokenMs, at);
  health.lastObservedAt = Math.max(at, health.lastObservedAt);
  addSample(health.ttft, firstTokenMs);
  if (totalMs !== undefined) addSample(health.totalLatency, totalMs);
  addCount(health.outcomes, 'ok');
}

function nextHealth(before: TargetHealth, observation: Observation, breaker: CircuitBreakerPolicy): TargetHealth {
  switch (observation.type) {
    case 'sent': {
      const inFlight = before.inFlight + 1;
      // The first call after the circuit's time is the probe. Others wait for its result, at most for the same time again.
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
      // The aborted call would have taken longer still, so it counts when that is already unusual.
      const isSlow = !observation.opened && observation.afterMs > (histogramQuantile(before.ttft, 0.5) ?? Number.POSITIVE_INFINITY);
      return isSlow ? { ...after, ...latencyAfter(after, observation.afterMs, observation.at) } : after;
    }
    case 'probed':
      return probed(before, observation, breaker);
    case 'charged':
      return before;
  }
}

/** A successful probe allows the next call through an open circuit; a failed one spares callers the attempt. Neither counts as a call. */
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
  // Written out member by member, because every response passes here.
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
  const peakTtftMs = peakAfter(before, firstTokenMs, at);
  return { ttft: withSample(before.ttft, firstTokenMs), peakTtftMs, lastObservedAt: Math.max(at, before.lastObservedAt) };
}

function peakAfter({ lastObservedAt, peakTtftMs }: TargetHealth, firstTokenMs: Milliseconds, at: Instant): Milliseconds {
  const decay = Math.exp(-Math.max(0, at - lastObservedAt) / peakDecayMs);
  return firstTokenMs > peakTtftMs ? firstTokenMs : peakTtftMs * decay + firstTokenMs * (1 - decay);
}

function failed(before: TargetHealth, observation: Observation & { type: 'failed' }, breaker: CircuitBreakerPolicy): TargetHealth {
  const { at, failure, afterMs } = observation;
  const outcomes = withCount(before.outcomes, failure.kind);
  // The wait of a 429 is kept by the rate limits of its key.
  if (!isTargetFault(failure) || failure.kind === 'rate-limited') {
    // A target that refuses a request with a status is alive.
    return failure.status === undefined || before.failures === 0
      ? { ...before, outcomes }
      : { ...before, outcomes, failures: 0, circuitOpenUntil: 0 };
  }
  // While it ramps up, one failure opens the circuit again.
  const failures = before.concurrencyLimit === undefined ? before.failures + 1 : Math.max(breaker.failuresMax, before.failures + 1);
  const openUntil = failures >= breaker.failuresMax ? Math.max(before.circuitOpenUntil, at + breaker.openMs) : before.circuitOpenUntil;
  const { retryAfterMs } = failure;
  const requested = retryAfterMs === undefined ? 0 : at + Math.min(cooldownMsMax, Math.max(cooldownMsMin, retryAfterMs));
  const slow = failure.kind === 'timeout' && afterMs !== undefined ? latencyAfter(before, afterMs, at) : {};
  const { concurrencyLimit: _, ...rest } = before;
  return { ...rest, ...slow, outcomes, failures, circuitOpenUntil: openUntil, cooldownUntil: Math.max(before.cooldownUntil, requested) };
}

/** The targets in cooldown at this instant, and until when: the router's view of health. */
export function cooldownsAt(fleet: TargetHealthMap, at: Instant): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  for (const [target, { circuitOpenUntil, cooldownUntil, concurrencyLimit, inFlight }] of fleet) {
    const isAtLimit = concurrencyLimit !== undefined && inFlight >= concurrencyLimit;
    const until = Math.max(circuitOpenUntil, cooldownUntil, isAtLimit ? at + concurrencyRecheckMs : 0);
    if (until > at) closed[target] = until;
  }
  return closed;
}

/** A quantile of the time to first content, in ms; undefined with too few samples. */
export function latencyQuantile(fleet: TargetHealthMap, target: string, q: number): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && histogramQuantile(health.ttft, q);
}

/** The 90th percentile of time to first content, from recent observations. */
export function predictedMs(fleet: TargetHealthMap, target: string, at: Instant): Milliseconds | undefined {
  const health = fleet.get(target);
  return health && at - health.lastObservedAt <= predictionMaxAgeMs ? histogramQuantile(health.ttft, 0.9) : undefined;
}

/** A target's load: its decayed peak times (calls in flight + 1). Lower is better; an unknown target has the lowest. */
export function loadOf(fleet: TargetHealthMap, target: string, at: Instant): number {
  const { peakTtftMs, lastObservedAt, inFlight } = fleet.get(target) ?? initialHealth;
  return (1 + peakTtftMs * Math.exp(-Math.max(0, at - lastObservedAt) / peakDecayMs)) * (1 + inFlight);
}

/** Whether a probe is useful: a target that responded recently and has no limit is known to be alive. */
export function needsProbe(fleet: TargetHealthMap, target: string, at: Instant, freshForMs: Milliseconds): boolean {
  const { failures, circuitOpenUntil, lastObservedAt } = fleet.get(target) ?? initialHealth;
  return failures > 0 || circuitOpenUntil > at || at - lastObservedAt >= freshForMs;
}

/** It failed, but not often enough to open its circuit. */
export function isFailing(fleet: TargetHealthMap, target: string, breaker: CircuitBreakerPolicy = circuitBreakerDefault): boolean {
  const { failures } = fleet.get(target) ?? initialHealth;
  return failures > 0 && failures < breaker.failuresMax;
}
