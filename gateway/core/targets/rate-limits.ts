import { putLruEntry, withLruEntry } from '../shared/lru-map.ts';
import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Observation } from './observation.ts';
import type { ReportedLimit, ReportedRateLimits } from './rate-limit-headers.ts';

/** As configured, per minute. */
export interface RateLimitPolicy {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** A token bucket that refills evenly up to `burst`. Below 0 when actual tokens exceed the estimate. */
export interface TokenBucket {
  readonly perMs: number;
  readonly burst: number;
  readonly level: number;
  readonly at: Instant;
  /** Derived from 429s alone: the call rate at that time minus a tenth; every response raises it by a quarter. */
  readonly isEstimated?: true;
}

/** The rate-limit state of one key at one model. */
export interface KeyRateLimits {
  readonly requests?: TokenBucket;
  readonly tokens?: TokenBucket;
  /** The provider answered 429; no call is admitted before this instant. */
  readonly blockedUntil: Instant;
  /** The last 429, or the last call that was sent in spite of it; absent while there was none. */
  readonly refusedAt?: Instant;
  /** 429s, until an answer comes ten seconds after the last; absent for none. */
  readonly refusals?: number;
  /** Answers in a row without the headers from which a limit was learned; absent for none. */
  readonly unreportedAnswers?: number;
  /** Consecutive 429s without a wait. */
  readonly consecutive429s: number;
  /** Recently admitted calls, decaying over ten seconds. */
  readonly recentCalls: { readonly count: number; readonly at: Instant };
}

/** By `provider/model fingerprint`. */
export type RateLimits = ReadonlyMap<string, KeyRateLimits>;

export type RateLimitPolicyOf = (target: string) => RateLimitPolicy | undefined;

const minuteMs = 60_000;
/** Bounds of a provider's wait after a 429. Without one, a second, which doubles with each in a row up to a minute. */
const backoffMsMin: Milliseconds = 100;
const backoffMsMax: Milliseconds = 300_000;
const backoffMsDefault: Milliseconds = 1_000;
/** Model names come from callers, so their number is bounded: the least recently updated entry is evicted. */
export const trackedLimitsMax = 2_000;

const decayMs: Milliseconds = 10_000;

const initialLimits: KeyRateLimits = { blockedUntil: 0, consecutive429s: 0, recentCalls: { count: 0, at: 0 } };

/** The map key of a target and a key's fingerprint. */
/** The last name made, which most calls need again. */
let lastName = { target: '', credential: '', name: ' ' };

/** The name under which limits of a target and a credential are kept. The last name is reused without allocation. */
export function rateLimitNameOf(target: string, credential: string): string {
  if (lastName.target !== target || lastName.credential !== credential) lastName = { target, credential, name: `${target} ${credential}` };
  return lastName.name;
}

/** Folds one observation. `policyOf` gives a target's configured limits, which headers do not change. */
export function observeRateLimits(limits: RateLimits, observation: Observation, policyOf: RateLimitPolicyOf): RateLimits {
  const name = rateLimitNameOf(observation.target, observation.credential);
  const before = limits.get(name) ?? initialLimits;
  const after = nextKeyLimits(before, observation, policyOf);
  return after === before ? limits : withLruEntry(limits, name, after, trackedLimitsMax);
}

/** The same in place, for the owner of the map. */
export function observeRateLimitsInPlace(limits: Map<string, KeyRateLimits>, observation: Observation, policyOf: RateLimitPolicyOf): void {
  const name = rateLimitNameOf(observation.target, observation.credential);
  const before = limits.get(name) ?? initialLimits;
  const after = nextKeyLimits(before, observation, policyOf);
  if (after !== before) putLruEntry(limits, name, after, trackedLimitsMax);
}

function nextKeyLimits(before: KeyRateLimits, observation: Observation, policyOf: RateLimitPolicyOf): KeyRateLimits {
  const policy = policyOf(observation.target);
  return nextLimits(applyPolicy(before, policy, observation.at), observation, policy);
}

function nextLimits(before: KeyRateLimits, observation: Observation, policy: RateLimitPolicy | undefined): KeyRateLimits {
  const { at, tokens = 0 } = observation;
  switch (observation.type) {
    case 'sent': {
      const sent = {
        ...take(take(before, 'requests', 1, at), 'tokens', tokens, at),
        recentCalls: { count: recentCallsAt(before, at) + 1, at },
      };
      return before.blockedUntil > at ? { ...sent, refusedAt: at } : sent;
    }
    case 'answered': {
      // Returns the estimate and takes the actual usage.
      const settled = take(before, 'tokens', (observation.tokensUsed ?? tokens) - tokens, at);
      const recovered = raiseEstimate(forgetRefusals(settled, observation), at);
      return forgetUnreported(applyReported(recovered, observation.limits, policy, at), observation.limits, policy);
    }
    case 'failed': {
      const settled = take(before, 'tokens', -tokens, at);
      return blockAfter429(estimateFrom429(applyReported(settled, observation.limits, policy, at), observation), observation);
    }
    case 'aborted':
      // It is unknown how much the provider counted, so nothing is returned.
      return before;
    case 'probed':
    case 'charged':
      return before;
  }
}

function take(limits: KeyRateLimits, dimension: 'requests' | 'tokens', amount: number, at: Instant): KeyRateLimits {
  const bucket = limits[dimension];
  if (!bucket || amount === 0) return limits;
  const level = Math.min(bucket.burst, levelAt(bucket, at) - amount);
  return { ...limits, [dimension]: { ...bucket, level, at: Math.max(at, bucket.at) } };
}

function blockAfter429(limits: KeyRateLimits, { at, failure }: Observation & { type: 'failed' }): KeyRateLimits {
  if (failure.kind !== 'rate-limited') return limits;
  const { retryAfterMs } = failure;
  const defaultWait = Math.min(minuteMs, backoffMsDefault * 2 ** Math.min(limits.consecutive429s, 10));
  const wait = retryAfterMs === undefined ? defaultWait : Math.min(backoffMsMax, Math.max(backoffMsMin, retryAfterMs));
  const strikes = retryAfterMs === undefined ? limits.consecutive429s + 1 : limits.consecutive429s;
  const refusals = (limits.refusals ?? 0) + 1;
  return { ...limits, consecutive429s: strikes, refusals, refusedAt: at, blockedUntil: Math.max(limits.blockedUntil, at + wait) };
}

/** An answer ends the count of refusals that are ten seconds old; one to a call that was sent after the last refusal ends the wait as well. */
function forgetRefusals(limits: KeyRateLimits, { at, totalMs, firstTokenMs }: Observation & { type: 'answered' }): KeyRateLimits {
  if (limits.refusals === undefined && limits.consecutive429s === 0) return limits;
  const { refusals, refusedAt, ...others } = limits;
  // Answers between refusals are what a limit looks like; only time shows that a refusal had another reason.
  const isRecent = refusedAt !== undefined && at - refusedAt < decayMs;
  const rest = isRecent && refusals !== undefined ? { ...others, refusals } : others;
  const isLater = refusedAt !== undefined && at - (totalMs ?? firstTokenMs) >= refusedAt;
  if (isLater) return { ...rest, consecutive429s: 0, blockedUntil: Math.min(limits.blockedUntil, at) };
  return { ...rest, ...(refusedAt === undefined ? {} : { refusedAt }), consecutive429s: 0 };
}

/** Answers that no longer report a limit show that it is not what refuses. */
const unreportedMax = 3;

function forgetUnreported(
  limits: KeyRateLimits,
  reported: ReportedRateLimits | undefined,
  policy: RateLimitPolicy | undefined,
): KeyRateLimits {
  const { requests, tokens, unreportedAnswers = 0, ...rest } = limits;
  const isLearned = (bucket: TokenBucket | undefined, configured: number | undefined): boolean =>
    bucket !== undefined && !bucket.isEstimated && configured === undefined;
  const forgetsRequests = isLearned(requests, policy?.requestsPerMinute);
  const forgetsTokens = isLearned(tokens, policy?.tokensPerMinute);
  if (!forgetsRequests && !forgetsTokens) return limits;
  if (reported) return unreportedAnswers === 0 ? limits : { ...limits, unreportedAnswers: 0 };
  if (unreportedAnswers + 1 < unreportedMax) return { ...limits, unreportedAnswers: unreportedAnswers + 1 };
  return { ...rest, ...(requests && !forgetsRequests ? { requests } : {}), ...(tokens && !forgetsTokens ? { tokens } : {}) };
}

/** How long a refusal may keep a last target silent. */
const silenceMsMax: Milliseconds = 30_000;

/** Whether a blocked key was left alone for long enough that one call may try it, when there is no other target. */
export function mayProbe(limits: RateLimits, target: string, credential: string, at: Instant): boolean {
  const known = limits.get(rateLimitNameOf(target, credential));
  return known?.refusedAt !== undefined && known.blockedUntil > at && at - known.refusedAt >= silenceMsMax;
}

/** Fewer calls give no rate. */
const estimateCallsMin = 10;

const recentCallsAt = ({ recentCalls }: KeyRateLimits, at: Instant): number =>
  recentCalls.count * Math.exp(-Math.max(0, at - recentCalls.at) / decayMs);

/** For a provider that reports no limits except by 429: it admits less than the recent call rate. */
function estimateFrom429(limits: KeyRateLimits, { at, failure }: Observation & { type: 'failed' }): KeyRateLimits {
  if (failure.kind !== 'rate-limited' || (limits.requests && !limits.requests.isEstimated)) return limits;
  const lately = recentCallsAt(limits, at);
  // One refusal may have any reason.
  if (lately < estimateCallsMin || (limits.refusals ?? 0) < 1) return limits;
  const perMs = (0.9 * lately) / decayMs;
  return { ...limits, requests: { perMs, burst: burstOf(perMs), level: 0, at, isEstimated: true } };
}

/** A second's worth, so that waiting calls do not all arrive at once. */
const burstOf = (perMs: number): number => Math.max(1, perMs * 1_000);

/** An estimate far above the actual rate is meaningless and dropped. */
function raiseEstimate(limits: KeyRateLimits, at: Instant): KeyRateLimits {
  const { requests, ...rest } = limits;
  if (!requests?.isEstimated) return limits;
  const perMs = requests.perMs * 1.25;
  if (perMs * decayMs > 4 * Math.max(1, recentCallsAt(limits, at))) return rest;
  return { ...rest, requests: { ...requests, level: levelAt(requests, at), at, perMs, burst: burstOf(perMs) } };
}

/** Configured limits take precedence over the provider's. */
function applyReported(
  limits: KeyRateLimits,
  seen: ReportedRateLimits | undefined,
  policy: RateLimitPolicy | undefined,
  at: Instant,
): KeyRateLimits {
  if (!seen) return limits;
  const requests = policy?.requestsPerMinute === undefined ? bucketFromReport(limits.requests, seen.requests, at) : limits.requests;
  const tokens = policy?.tokensPerMinute === undefined ? bucketFromReport(limits.tokens, seen.tokens, at) : limits.tokens;
  if (requests === limits.requests && tokens === limits.tokens) return limits;
  return { ...limits, ...(requests ? { requests } : {}), ...(tokens ? { tokens } : {}) };
}

/**
 * A bucket from a provider's report, at most the amount already known, because other calls are in flight.
 * The rate is the missing amount over its reset time, or a minute's worth where that is unknown.
 */
function bucketFromReport(known: TokenBucket | undefined, report: ReportedLimit | undefined, at: Instant): TokenBucket | undefined {
  const limit = report?.limit ?? known?.burst;
  if (!report || limit === undefined || !(limit > 0)) return known;
  const remaining = Math.min(limit, Math.max(0, report.remaining ?? limit));
  const missing = limit - remaining;
  const reportedPerMs = report.resetMs !== undefined && report.resetMs > 0 && missing > 0 ? missing / report.resetMs : undefined;
  const perMs = reportedPerMs ?? known?.perMs ?? limit / minuteMs;
  const level = Math.min(remaining, known ? levelAt(known, at) : remaining);
  return { perMs, burst: limit, level, at };
}

function applyPolicy(limits: KeyRateLimits, policy: RateLimitPolicy | undefined, at: Instant): KeyRateLimits {
  if (!policy) return limits;
  const requests = bucketFromPolicy(limits.requests, policy.requestsPerMinute, at);
  const tokens = bucketFromPolicy(limits.tokens, policy.tokensPerMinute, at);
  if (requests === limits.requests && tokens === limits.tokens) return limits;
  return { ...limits, ...(requests ? { requests } : {}), ...(tokens ? { tokens } : {}) };
}

/** The burst is a tenth of a minute's worth and at least one request, because providers count an even flow. */
function bucketFromPolicy(known: TokenBucket | undefined, perMinute: number | undefined, at: Instant): TokenBucket | undefined {
  if (perMinute === undefined) return known;
  const burst = Math.max(1, perMinute / 10);
  const perMs = perMinute / minuteMs;
  if (known?.perMs === perMs && known.burst === burst) return known;
  return { perMs, burst, level: known ? Math.min(known.level, burst) : burst, at };
}

/** The tokens in a bucket at `now`, at most its burst. */
export function levelAt({ perMs, burst, level, at }: TokenBucket, now: Instant): number {
  return Math.min(burst, level + perMs * Math.max(0, now - at));
}

/** The demand on each dimension. */
export interface QueuedDemand {
  readonly requests: number;
  readonly tokens: number;
}

export const noQueuedDemand: QueuedDemand = { requests: 0, tokens: 0 };

/**
 * The first instant at which a key admits a call after those ahead of it; `at` when it does now. A call larger than a bucket waits until
 * that is full.
 */
export function readyAt(limits: RateLimits, target: string, credential: string, tokens: number, ahead: QueuedDemand, at: Instant): Instant {
  const known = limits.get(rateLimitNameOf(target, credential));
  if (!known) return at;
  const from = Math.max(at, known.blockedUntil);
  return Math.max(filledAt(known.requests, 1, ahead.requests, from), filledAt(known.tokens, tokens, ahead.tokens, from));
}

function filledAt(bucket: TokenBucket | undefined, own: number, ahead: number, from: Instant): Instant {
  if (!bucket || own <= 0) return from;
  const missing = ahead + Math.min(own, bucket.burst) - levelAt(bucket, from);
  return missing <= 1e-6 ? from : Math.ceil(from + missing / bucket.perMs);
}

/** The earliest such instant over an account's usable keys. */
export function earliestReadyAt(
  limits: RateLimits,
  target: string,
  credentials: readonly string[],
  tokens: number,
  ahead: QueuedDemand,
  at: Instant,
): Instant {
  if (limits.size === 0) return at;
  if (credentials.length === 0) return readyAt(limits, target, '', tokens, ahead, at);
  let earliest = Number.POSITIVE_INFINITY;
  for (const credential of credentials) earliest = Math.min(earliest, readyAt(limits, target, credential, tokens, ahead, at));
  return earliest;
}
