/** What the gateway knows about every target right now: a fold over observations, asked by the router through `closedAt`. */
import { blamesTarget, type Failure } from './failure.ts';
import type { Instant, Milliseconds } from './time.ts';

export type Fleet = ReadonlyMap<string, TargetHealth>;

export interface TargetHealth {
  /** Failures in a row that the target is to blame for. */
  readonly failures: number;
  /** Refused until then: the breaker is open, or the provider asked for a pause. */
  readonly closedUntil: Instant;
  /** Counts of attempts by time to first content, in buckets a quarter octave wide; old ones fade. */
  readonly latency: ReadonlyMap<number, number>;
}

export type Observation = { readonly target: string; readonly at: Instant } & (
  | { readonly type: 'answered'; readonly firstTokenMs: Milliseconds }
  | { readonly type: 'failed'; readonly failure: Failure }
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

const bucketsPerOctave = 4;
const fade = 0.98;
const samplesMin = 20;
const fresh: TargetHealth = { failures: 0, closedUntil: 0, latency: new Map() };

export function observe(fleet: Fleet, seen: Observation, breaker: BreakerPolicy = breakerDefault): Fleet {
  const before = fleet.get(seen.target) ?? fresh;
  return new Map(fleet).set(seen.target, seen.type === 'answered' ? answered(before, seen.firstTokenMs) : failed(before, seen, breaker));
}

function answered(before: TargetHealth, firstTokenMs: Milliseconds): TargetHealth {
  const bucket = Math.ceil(bucketsPerOctave * Math.log2(Math.max(1, firstTokenMs)));
  const latency = new Map([...before.latency].map(([b, weight]) => [b, weight * fade] as const).filter(([, weight]) => weight > 0.01));
  latency.set(bucket, (latency.get(bucket) ?? 0) + 1);
  return { failures: 0, closedUntil: 0, latency };
}

function failed(before: TargetHealth, seen: Observation & { type: 'failed' }, breaker: BreakerPolicy): TargetHealth {
  if (!blamesTarget(seen.failure)) return before;
  const failures = before.failures + 1;
  const opened = failures >= breaker.failuresMax ? seen.at + breaker.openMs : 0;
  const wish = seen.failure.retryAfterMs;
  const cooling = wish === undefined ? 0 : seen.at + Math.min(coolingMsMax, Math.max(coolingMsMin, wish));
  return { ...before, failures, closedUntil: Math.max(before.closedUntil, opened, cooling) };
}

/** The targets that are refused at this instant, and until when: what the router sees of the fleet. */
export function closedAt(fleet: Fleet, at: Instant): Readonly<Record<string, Instant>> {
  const closed: Record<string, Instant> = {};
  for (const [target, health] of fleet) if (health.closedUntil > at) closed[target] = health.closedUntil;
  return closed;
}

/** A quantile of the time to first content, in ms, to a quarter octave; undefined before there is enough to tell. */
export function latencyQuantile(fleet: Fleet, target: string, q: number): Milliseconds | undefined {
  const latency = fleet.get(target)?.latency ?? new Map<number, number>();
  const total = [...latency.values()].reduce((sum, weight) => sum + weight, 0);
  if (total < samplesMin) return undefined;
  let seen = 0;
  for (const [bucket, weight] of [...latency].sort(([a], [b]) => a - b)) {
    seen += weight;
    if (seen >= q * total) return 2 ** (bucket / bucketsPerOctave);
  }
  return undefined;
}
