/** What the gateway knows about every target right now: a fold over observations, asked by the router through `closedAt`. */
import type { AttemptKind } from './exchange.ts';
import { blamesTarget, type Failure } from './failure.ts';
import type { RateLimitSeen } from './limits.ts';
import type { Instant, Milliseconds } from './time.ts';

export type Fleet = ReadonlyMap<string, TargetHealth>;

export interface TargetHealth {
  /** Failures in a row that the target is to blame for. */
  readonly failures: number;
  /** The breaker is open until then; afterwards one call is let through, to probe. */
  readonly openUntil: Instant;
  /** The provider asked for a pause until then. */
  readonly coolingUntil: Instant;
  /** Counts of attempts by time to first content, in buckets a quarter octave wide; old ones fade. */
  readonly latency: ReadonlyMap<number, number>;
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

const bucketsPerOctave = 4;
const fade = 0.98;
const samplesMin = 20;
const fresh: TargetHealth = { failures: 0, openUntil: 0, coolingUntil: 0, latency: new Map() };

export function observe(fleet: Fleet, seen: Observation, breaker: BreakerPolicy = breakerDefault): Fleet {
  const before = fleet.get(seen.target) ?? fresh;
  const after = healthAfter(before, seen, breaker);
  if (after === before) return fleet;
  const next = new Map(fleet);
  next.delete(seen.target);
  if (next.size >= targetsMax) next.delete(next.keys().next().value!);
  return next.set(seen.target, after);
}

function healthAfter(before: TargetHealth, seen: Observation, breaker: BreakerPolicy): TargetHealth {
  switch (seen.type) {
    case 'asked':
      // The first call after the breaker's time is the probe: nobody else gets through until it has told, or for as long again.
      return before.failures >= breaker.failuresMax && before.openUntil <= seen.at
        ? { ...before, openUntil: seen.at + breaker.openMs }
        : before;
    case 'answered':
      return { ...before, failures: 0, openUntil: 0, latency: withLatency(before.latency, seen.firstTokenMs) };
    case 'failed':
      if (blamesTarget(seen.failure)) return failed(before, seen.at, seen.failure, breaker);
      // Whoever refuses a request with a status is alive.
      return seen.failure.status === undefined || before.failures === 0 ? before : { ...before, failures: 0, openUntil: 0 };
    case 'aborted':
    case 'charged':
      return before;
  }
}

function withLatency(before: TargetHealth['latency'], firstTokenMs: Milliseconds): TargetHealth['latency'] {
  const bucket = Math.ceil(bucketsPerOctave * Math.log2(Math.max(1, firstTokenMs)));
  const latency = new Map<number, number>();
  for (const [b, weight] of before) if (weight * fade > 0.01) latency.set(b, weight * fade);
  return latency.set(bucket, (latency.get(bucket) ?? 0) + 1);
}

function failed(before: TargetHealth, at: Instant, { retryAfterMs }: Failure, breaker: BreakerPolicy): TargetHealth {
  const failures = before.failures + 1;
  const openUntil = failures >= breaker.failuresMax ? Math.max(before.openUntil, at + breaker.openMs) : before.openUntil;
  const wish = retryAfterMs === undefined ? 0 : at + Math.min(coolingMsMax, Math.max(coolingMsMin, retryAfterMs));
  return { ...before, failures, openUntil, coolingUntil: Math.max(before.coolingUntil, wish) };
}

/** The targets that are refused at this instant, and until when: what the router sees of the fleet. */
export function closedAt(fleet: Fleet, at: Instant): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  for (const [target, { openUntil, coolingUntil }] of fleet) {
    const until = Math.max(openUntil, coolingUntil);
    if (until > at) closed[target] = until;
  }
  return closed;
}

/** A quantile of the time to first content, in ms, to a quarter octave; undefined before there is enough to tell. */
export function latencyQuantile(fleet: Fleet, target: string, q: number): Milliseconds | undefined {
  const latency = fleet.get(target)?.latency ?? fresh.latency;
  const total = [...latency.values()].reduce((sum, weight) => sum + weight, 0);
  if (total < samplesMin) return undefined;
  let seen = 0;
  for (const [bucket, weight] of [...latency].sort(([a], [b]) => a - b)) {
    seen += weight;
    if (seen >= q * total) return 2 ** (bucket / bucketsPerOctave);
  }
  return undefined;
}
