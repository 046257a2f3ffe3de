/** How fast each provider key may be asked each model: token buckets, configured, or learned from what the provider says of its limits. */
import type { Observation } from './fleet.ts';
import { putLatest, withLatest } from './latest.ts';
import type { Instant, Milliseconds } from './time.ts';

/** One dimension of a limit as a provider's headers tell it; whatever they do not tell is absent. */
export interface LimitSeen {
  readonly limit?: number;
  readonly remaining?: number;
  /** Until all of the limit is there again. */
  readonly resetMs?: Milliseconds;
}

/** What the headers of an answer, good or bad, say of the limits of its key and model. */
export interface RateLimitSeen {
  readonly requests?: LimitSeen;
  readonly tokens?: LimitSeen;
}

/** As configured, per minute. */
export interface LimitPolicy {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** Refills evenly up to `burst`. Below 0 when more was taken than there was: tokens are reckoned before they are known. */
export interface Bucket {
  readonly perMs: number;
  readonly burst: number;
  readonly level: number;
  readonly at: Instant;
  /** Made of a 429 alone: the rate at which it was asked then, less a tenth; every answer raises it a little. */
  readonly guessed?: true;
}

export interface KeyLimits {
  readonly requests?: Bucket;
  readonly tokens?: Bucket;
  /** The provider answered 429; nothing is let in before. */
  readonly blockedUntil: Instant;
  /** 429s in a row that named no wait. */
  readonly strikes: number;
  /** Calls that were let in lately; they are forgotten over ten seconds. */
  readonly lately: { readonly count: number; readonly at: Instant };
}

/** By `provider/model fingerprint`. */
export type Limits = ReadonlyMap<string, KeyLimits>;

export type LimitPolicyOf = (target: string) => LimitPolicy | undefined;

const minuteMs = 60_000;
/** A provider's wish after a 429 is kept between these bounds; without a wish, a second, doubling with each in a row up to a minute. */
const blockMsMin: Milliseconds = 100;
const blockMsMax: Milliseconds = 300_000;
const unsaidMs: Milliseconds = 1_000;
/** Model names come from callers, so their number is bounded: what was silent longest is forgotten. */
export const limitedMax = 2_000;

const memoryMs: Milliseconds = 10_000;

const fresh: KeyLimits = { blockedUntil: 0, strikes: 0, lately: { count: 0, at: 0 } };

export const limitNameOf = (target: string, credential: string): string => `${target} ${credential}`;

/** Folds one observation. `policyOf` is what the configuration says of a target; what it says, headers do not change. */
export function observeLimits(limits: Limits, seen: Observation, policyOf: LimitPolicyOf): Limits {
  const name = limitNameOf(seen.target, seen.credential);
  const before = limits.get(name) ?? fresh;
  const after = keyAfter(before, seen, policyOf);
  return after === before ? limits : withLatest(limits, name, after, limitedMax);
}

/** The same in place, for the one who owns the map. */
export function observeLimitsHere(limits: Map<string, KeyLimits>, seen: Observation, policyOf: LimitPolicyOf): void {
  const name = limitNameOf(seen.target, seen.credential);
  const before = limits.get(name) ?? fresh;
  const after = keyAfter(before, seen, policyOf);
  if (after !== before) putLatest(limits, name, after, limitedMax);
}

function keyAfter(before: KeyLimits, seen: Observation, policyOf: LimitPolicyOf): KeyLimits {
  const policy = policyOf(seen.target);
  return limitsAfter(withPolicy(before, policy, seen.at), seen, policy);
}

function limitsAfter(before: KeyLimits, seen: Observation, policy: LimitPolicy | undefined): KeyLimits {
  const { at, tokens = 0 } = seen;
  switch (seen.type) {
    case 'asked':
      return { ...take(take(before, 'requests', 1, at), 'tokens', tokens, at), lately: { count: latelyAt(before, at) + 1, at } };
    case 'answered': {
      // What was reckoned is given back, what was used is taken.
      const settled = take(before, 'tokens', (seen.tokensUsed ?? tokens) - tokens, at);
      const calm = raised(settled.strikes === 0 ? settled : { ...settled, strikes: 0 }, at);
      return learned(calm, seen.limits, policy, at);
    }
    case 'failed': {
      const settled = take(before, 'tokens', -tokens, at);
      return blocked(guessed(learned(settled, seen.limits, policy, at), seen), seen);
    }
    case 'aborted':
      // Nobody knows how much of it the provider counted; nothing is given back.
      return before;
    case 'probed':
    case 'charged':
      return before;
  }
}

function take(limits: KeyLimits, dimension: 'requests' | 'tokens', amount: number, at: Instant): KeyLimits {
  const bucket = limits[dimension];
  if (!bucket || amount === 0) return limits;
  const level = Math.min(bucket.burst, levelAt(bucket, at) - amount);
  return { ...limits, [dimension]: { ...bucket, level, at: Math.max(at, bucket.at) } };
}

function blocked(limits: KeyLimits, { at, failure }: Observation & { type: 'failed' }): KeyLimits {
  if (failure.kind !== 'rate-limited') return limits;
  const { retryAfterMs } = failure;
  const unsaid = Math.min(minuteMs, unsaidMs * 2 ** Math.min(limits.strikes, 10));
  const wait = retryAfterMs === undefined ? unsaid : Math.min(blockMsMax, Math.max(blockMsMin, retryAfterMs));
  const strikes = retryAfterMs === undefined ? limits.strikes + 1 : limits.strikes;
  return { ...limits, strikes, blockedUntil: Math.max(limits.blockedUntil, at + wait) };
}

/** Of fewer calls no rate can be told. */
const guessedMin = 10;

const latelyAt = ({ lately }: KeyLimits, at: Instant): number => lately.count * Math.exp(-Math.max(0, at - lately.at) / memoryMs);

/** A provider that says nothing of its limits but 429: it takes less than it was asked lately. */
function guessed(limits: KeyLimits, { at, failure }: Observation & { type: 'failed' }): KeyLimits {
  if (failure.kind !== 'rate-limited' || (limits.requests && !limits.requests.guessed)) return limits;
  const lately = latelyAt(limits, at);
  if (lately < guessedMin) return limits;
  const perMs = (0.9 * lately) / memoryMs;
  return { ...limits, requests: { perMs, burst: burstOf(perMs), level: 0, at, guessed: true } };
}

/** A second's worth, so that those who wait do not come all at once. */
const burstOf = (perMs: number): number => Math.max(1, perMs * 1_000);

/** A guess that is far over what is asked of it says nothing any more. */
function raised(limits: KeyLimits, at: Instant): KeyLimits {
  const { requests, ...rest } = limits;
  if (!requests?.guessed) return limits;
  const perMs = requests.perMs * 1.02;
  if (perMs * memoryMs > 4 * Math.max(1, latelyAt(limits, at))) return rest;
  return { ...rest, requests: { ...requests, level: levelAt(requests, at), at, perMs, burst: burstOf(perMs) } };
}

/** What the configuration says has the word; of the rest, the provider. */
function learned(limits: KeyLimits, seen: RateLimitSeen | undefined, policy: LimitPolicy | undefined, at: Instant): KeyLimits {
  if (!seen) return limits;
  const requests = policy?.requestsPerMinute === undefined ? bucketSeen(limits.requests, seen.requests, at) : limits.requests;
  const tokens = policy?.tokensPerMinute === undefined ? bucketSeen(limits.tokens, seen.tokens, at) : limits.tokens;
  if (requests === limits.requests && tokens === limits.tokens) return limits;
  return { ...limits, ...(requests ? { requests } : {}), ...(tokens ? { tokens } : {}) };
}

/** The rate is what is missing by the time it takes to come back; a minute's worth where that cannot be told. Other calls are under way: never more than we thought. */
function bucketSeen(known: Bucket | undefined, seen: LimitSeen | undefined, at: Instant): Bucket | undefined {
  const limit = seen?.limit ?? known?.burst;
  if (!seen || limit === undefined || !(limit > 0)) return known;
  const remaining = Math.min(limit, Math.max(0, seen.remaining ?? limit));
  const missing = limit - remaining;
  const told = seen.resetMs !== undefined && seen.resetMs > 0 && missing > 0 ? missing / seen.resetMs : undefined;
  const perMs = told ?? known?.perMs ?? limit / minuteMs;
  const level = Math.min(remaining, known ? levelAt(known, at) : remaining);
  return { perMs, burst: limit, level, at };
}

function withPolicy(limits: KeyLimits, policy: LimitPolicy | undefined, at: Instant): KeyLimits {
  if (!policy) return limits;
  const requests = bucketOf(limits.requests, policy.requestsPerMinute, at);
  const tokens = bucketOf(limits.tokens, policy.tokensPerMinute, at);
  if (requests === limits.requests && tokens === limits.tokens) return limits;
  return { ...limits, ...(requests ? { requests } : {}), ...(tokens ? { tokens } : {}) };
}

/** The burst is a tenth of a minute's worth, and at least one request: an even flow is what providers count by. */
function bucketOf(known: Bucket | undefined, perMinute: number | undefined, at: Instant): Bucket | undefined {
  if (perMinute === undefined) return known;
  const burst = Math.max(1, perMinute / 10);
  const perMs = perMinute / minuteMs;
  if (known?.perMs === perMs && known.burst === burst) return known;
  return { perMs, burst, level: known ? Math.min(known.level, burst) : burst, at };
}

export function levelAt({ perMs, burst, level, at }: Bucket, now: Instant): number {
  return Math.min(burst, level + perMs * Math.max(0, now - at));
}

/** What a call takes of each dimension. */
export interface Demand {
  readonly requests: number;
  readonly tokens: number;
}

export const nothing: Demand = { requests: 0, tokens: 0 };

/** The first instant at which a key lets a call in after those ahead of it; `at` when it does now. A call larger than a bucket waits until that is full. */
export function readyAt(limits: Limits, target: string, credential: string, tokens: number, ahead: Demand, at: Instant): Instant {
  const known = limits.get(limitNameOf(target, credential));
  if (!known) return at;
  const from = Math.max(at, known.blockedUntil);
  return Math.max(filledAt(known.requests, 1, ahead.requests, from), filledAt(known.tokens, tokens, ahead.tokens, from));
}

function filledAt(bucket: Bucket | undefined, own: number, ahead: number, from: Instant): Instant {
  if (!bucket || own <= 0) return from;
  const missing = ahead + Math.min(own, bucket.burst) - levelAt(bucket, from);
  return missing <= 1e-6 ? from : Math.ceil(from + missing / bucket.perMs);
}

/** The same over those keys of an account that may be used: the soonest. */
export function soonestReady(
  limits: Limits,
  target: string,
  credentials: readonly string[],
  tokens: number,
  ahead: Demand,
  at: Instant,
): Instant {
  if (limits.size === 0) return at;
  if (credentials.length === 0) return readyAt(limits, target, '', tokens, ahead, at);
  return Math.min(...credentials.map(credential => readyAt(limits, target, credential, tokens, ahead, at)));
}
