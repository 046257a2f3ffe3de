import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FailureKind } from '../../../gateway/core/shared/failure.ts';
import {
  circuitBreakerDefault,
  cooldownsAt,
  isFailing,
  latencyQuantile,
  needsProbe,
  OwnHealthMap,
  observeHealth,
  type TargetHealthMap,
  targetsMax,
} from '../../../gateway/core/targets/health.ts';
import { chooseKey, type KeyCooldowns, observeKeyCooldown, providersCoolingDown } from '../../../gateway/core/targets/key-cooldowns.ts';
import type { Observation } from '../../../gateway/core/targets/observation.ts';
import { failure, targets } from '../../arbitraries.ts';
import { runs } from '../../runs.ts';

const observation: fc.Arbitrary<Observation> = fc
  .tuple(
    fc.constantFrom(...targets),
    fc.oneof(
      fc.constant({ type: 'sent' as const }),
      fc.nat(5000).map(firstTokenMs => ({ type: 'answered' as const, firstTokenMs })),
      fc.nat(5000).map(totalMs => ({ type: 'answered' as const, firstTokenMs: 10, totalMs })),
      fc.record({ type: fc.constant('aborted' as const), afterMs: fc.nat(9_000), opened: fc.boolean() }),
      failure.map(failure => ({ type: 'failed' as const, failure })),
      failure.map(failure => ({ type: 'probed' as const, failure, againMs: 3_600_000 })),
      fc.constant({ type: 'probed' as const, againMs: 1_000 }),
    ),
  )
  .map(([target, seen]) => ({ target, credential: '', at: 0, ...seen }));

const target = 'a/small';
const about = { target, credential: 'k1' };
const failed = (at: number, kind: FailureKind, retryAfterMs?: number): Observation => ({
  ...about,
  at,
  type: 'failed',
  failure: { kind, message: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
});
const answered = (at: number, firstTokenMs = 100): Observation => ({ ...about, at, type: 'answered', firstTokenMs });
const sentAt = (at: number): Observation => ({ ...about, at, type: 'sent' });
/** All that is known, in order. */
const shown = (fleet: TargetHealthMap): string =>
  JSON.stringify(
    [...fleet].map(([name, health]) => [name, { ...health, ttft: [...health.ttft], totalLatency: [...health.totalLatency] }]).toSorted(),
  );
const fleetOf = (...seen: readonly Observation[]): TargetHealthMap =>
  seen.reduce((fleet, one) => observeHealth(fleet, one), new Map() as TargetHealthMap);
const fiveFailures = [1, 2, 3, 4, 5].map(at => failed(at, 'server-error'));

describe('the circuit breaker', () => {
  test('opens after five failures in a row, for ten seconds', () => {
    expect(cooldownsAt(fleetOf(...fiveFailures.slice(0, 4)), 6)).toEqual({});
    expect(cooldownsAt(fleetOf(...fiveFailures), 6)).toEqual({ [target]: 10_005 });
    expect(cooldownsAt(fleetOf(...fiveFailures), 10_005)).toEqual({});
  });

  test('counts consecutive failures: a response between them resets the count', () => {
    expect(cooldownsAt(fleetOf(...fiveFailures.slice(0, 4), answered(5), failed(6, 'timeout')), 7)).toEqual({});
  });

  test('lets one call through afterwards, and the others when that one succeeded', () => {
    const reopened = fleetOf(...fiveFailures, sentAt(11_000));
    expect(cooldownsAt(reopened, 11_001), 'the probe is under way').toEqual({ [target]: 21_000 });
    expect(cooldownsAt(observeHealth(reopened, answered(11_500)), 11_501)).toEqual({});
  });

  test('opens again when the probe fails', () => {
    const reopened = fleetOf(...fiveFailures, sentAt(11_000), failed(12_000, 'unreachable'));
    expect(cooldownsAt(reopened, 12_001)).toEqual({ [target]: 22_000 });
  });

  test('sends another probe when the first one never ended', () => {
    const reopened = fleetOf(...fiveFailures, sentAt(11_000));
    expect(cooldownsAt(reopened, 21_000)).toEqual({});
  });

  test('counts a refusal with a status as alive, because the request was at fault', () => {
    const refusal: Observation = { ...about, at: 12_000, type: 'failed', failure: { kind: 'invalid-request', message: '', status: 400 } };
    expect(cooldownsAt(fleetOf(...fiveFailures, sentAt(11_000), refusal), 12_001)).toEqual({});
  });

  test('opens by failed probes before any caller is affected, until the next probe', () => {
    const dead = (at: number): Observation => ({
      ...about,
      at,
      type: 'probed',
      againMs: 35_000,
      failure: { kind: 'unreachable', message: '' },
    });
    const fleet = fleetOf(...[1, 2, 3, 4, 5].map(dead));
    expect(cooldownsAt(fleet, 6)).toEqual({ [target]: 35_005 });
    expect(fleet.get(target)).toMatchObject({ inFlight: 0, outcomes: {} });
    expect(isFailing(fleetOf(dead(1)), target)).toBe(true);
    expect(isFailing(fleet, target)).toBe(false);
  });

  test('lets a call through after a successful probe, and that call decides', () => {
    const alive: Observation = { ...about, at: 1_000, type: 'probed', againMs: 35_000 };
    const reopened = fleetOf(...fiveFailures, alive);
    expect(cooldownsAt(reopened, 1_000)).toEqual({});
    const tried = observeHealth(reopened, sentAt(1_001));
    expect(cooldownsAt(tried, 1_002), 'one at a time').toEqual({ [target]: 11_001 });
    expect(cooldownsAt(observeHealth(tried, failed(1_100, 'server-error')), 1_101)).toEqual({ [target]: 11_100 });
  });

  test('probes are needed for targets that did not respond lately or are limited', () => {
    const answeredAt = fleetOf(answered(50_000));
    expect(needsProbe(new Map(), target, 60_000, 30_000)).toBe(true);
    expect(needsProbe(answeredAt, target, 60_000, 30_000)).toBe(false);
    expect(needsProbe(answeredAt, target, 80_000, 30_000)).toBe(true);
    expect(needsProbe(fleetOf(answered(50_000), failed(50_001, 'timeout')), target, 60_000, 30_000)).toBe(true);
  });

  test('ignores failures that are not the target’s fault', () => {
    for (const kind of ['invalid-request', 'content-filtered', 'authentication', 'cancelled', 'unsupported'] as const) {
      expect(cooldownsAt(fleetOf(...Array.from({ length: 20 }, (_, at) => failed(at, kind))), 21), kind).toEqual({});
    }
  });
});

describe('a cooldown that the provider requested', () => {
  test('is kept between a tenth of a second and five minutes', () => {
    expect(cooldownsAt(fleetOf(failed(1000, 'overloaded', 20_000)), 1001)).toEqual({ [target]: 21_000 });
    expect(cooldownsAt(fleetOf(failed(1000, 'overloaded', 0)), 1001)).toEqual({ [target]: 1100 });
    expect(cooldownsAt(fleetOf(failed(1000, 'overloaded', 1e12)), 1001)).toEqual({ [target]: 301_000 });
  });

  test('is not ended by the response of an earlier call', () => {
    expect(cooldownsAt(fleetOf(failed(1000, 'overloaded', 20_000), answered(1500)), 1501)).toEqual({ [target]: 21_000 });
  });
});

describe('target health', () => {
  test('is bounded, and the least recently observed target is evicted', () => {
    let fleet: TargetHealthMap = new Map();
    const named = (i: number): string => `a/${i}`;
    for (let i = 0; i <= targetsMax; i++) {
      fleet = observeHealth(fleet, { ...answered(i), target: named(i) });
      fleet = observeHealth(fleet, { ...answered(i), target: named(0) });
    }
    expect(fleet.size).toBe(targetsMax);
    expect(fleet.has(named(0))).toBe(true);
    expect(fleet.has(named(1))).toBe(false);
    expect(fleet.has(named(targetsMax))).toBe(true);
  });

  test('never cools a target down for longer than five minutes, nor one that only succeeded', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20_000), observation), { maxLength: 40 }), drawn => {
        let at = 0;
        let fleet: TargetHealthMap = new Map();
        for (const [afterMs, seen] of drawn) {
          at += afterMs;
          fleet = observeHealth(fleet, { ...seen, at });
          for (const until of Object.values(cooldownsAt(fleet, at))) expect(until - at).toBeLessThanOrEqual(300_000);
        }
        const blamed = new Set(drawn.filter(([, seen]) => 'failure' in seen).map(([, seen]) => seen.target));
        for (const closed of Object.keys(cooldownsAt(fleet, at))) expect(blamed).toContain(closed);
      }),
      runs(1_000),
    );
  });

  test('changes in place to what the pure fold makes of the same observations, and nothing of anybody else', () => {
    // Most calls are asked and answered; a shared beginning must stay as it was.
    const seen = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<Observation>(sentAt(0), answered(0, 50), answered(0, 900)) },
      observation,
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20_000), seen), { maxLength: 120 }), fc.nat(120), (drawn, shared) => {
        let at = 0;
        let pure: TargetHealthMap = new Map();
        let own = new OwnHealthMap();
        let before = '';
        for (const [i, [afterMs, one]] of drawn.entries()) {
          at += afterMs;
          if (i === shared) {
            own = new OwnHealthMap(pure);
            before = shown(pure);
          }
          const kept = pure;
          pure = observeHealth(pure, { ...one, at });
          own.observe({ ...one, at });
          if (i === shared) expect(shown(kept)).toBe(before);
          expect(shown(own)).toBe(shown(pure));
        }
      }),
      runs(300),
    );
  });

  test('gives quantiles of the time to first content to a quarter octave, with enough samples', () => {
    const seen = (count: number): TargetHealthMap =>
      fleetOf(...Array.from({ length: count }, (_, i) => answered(i, i % 10 === 0 ? 4000 : 200)));
    expect(latencyQuantile(seen(15), target, 0.5)).toBeUndefined();
    expect(latencyQuantile(seen(100), target, 0.5)! / 200).toBeGreaterThanOrEqual(1);
    expect(latencyQuantile(seen(100), target, 0.5)! / 200).toBeLessThan(2 ** 0.25);
    expect(latencyQuantile(seen(100), target, 0.99)! / 4000).toBeGreaterThanOrEqual(1);
    expect(latencyQuantile(seen(100), 'b/never', 0.5)).toBeUndefined();
  });

  test('forgets old latencies', () => {
    const fleet = fleetOf(...Array.from({ length: 300 }, (_, i) => answered(i, i < 100 ? 8000 : 100)));
    expect(latencyQuantile(fleet, target, 0.95)).toBeLessThan(200);
  });

  test('counts failures for each target separately', () => {
    const careful = { failuresMax: 1, openMs: 50 };
    expect(cooldownsAt(observeHealth(new Map(), failed(0, 'timeout'), careful), 1)).toEqual({ [target]: 50 });
    expect(circuitBreakerDefault.failuresMax).toBeGreaterThan(1);
  });
});

describe('keys', () => {
  const account = { name: 'a', keys: [{ fingerprint: 'k1' }, { fingerprint: 'k2' }], weights: new Map<string, number>() };
  const coolingDown = observeKeyCooldown(new Map(), failed(1000, 'authentication'));
  const chosen = (ring: KeyCooldowns, at: number): Set<string> =>
    new Set(Array.from({ length: 40 }, (_, i) => chooseKey(account, ring, `seed ${i}`, at)!.fingerprint));

  test('are all used when they have weights, chosen by seed', () => {
    expect(chosen(new Map(), 0)).toEqual(new Set(['k1', 'k2']));
    expect(chooseKey(account, new Map(), 'x', 0)).toBe(chooseKey(account, new Map(), 'x', 5000));
    expect(chooseKey({ name: 'none', keys: [] }, new Map(), 'x', 0)).toBeUndefined();
  });

  test('cool down for five minutes after the provider refused them', () => {
    expect(chosen(coolingDown, 1001)).toEqual(new Set(['k2']));
    expect(chosen(coolingDown, 301_000)).toEqual(new Set(['k1', 'k2']));
  });

  test('cool down for a minute on an exhausted quota, and not at all for other failures', () => {
    expect(chosen(observeKeyCooldown(new Map(), failed(1000, 'quota-exceeded')), 60_999)).toEqual(new Set(['k2']));
    expect(chosen(observeKeyCooldown(new Map(), failed(1000, 'quota-exceeded')), 61_000)).toEqual(new Set(['k1', 'k2']));
    expect(observeKeyCooldown(new Map(), failed(1000, 'rate-limited')).size).toBe(0);
  });

  test('of one account do not affect an equal fingerprint of another', () => {
    expect(chooseKey({ name: 'b', keys: [{ fingerprint: 'k1' }] }, coolingDown, 'x', 1001)?.fingerprint).toBe('k1');
    expect(providersCoolingDown([{ name: 'b', keys: [{ fingerprint: 'k1' }] }], coolingDown, 1001)).toEqual({});
  });

  test('make their provider unavailable only when all cool down; then the first to end is used', () => {
    expect(providersCoolingDown([account], coolingDown, 1001)).toEqual({});
    const all = observeKeyCooldown(coolingDown, { ...failed(2000, 'authentication'), credential: 'k2' });
    expect(providersCoolingDown([account, { name: 'sim', keys: [] }], all, 2001)).toEqual({ a: 301_000 });
    expect(chooseKey(account, all, 'x', 2001)?.fingerprint).toBe('k1');
    expect(providersCoolingDown([account], all, 301_000)).toEqual({});
  });

  test('are used again as soon as they work', () => {
    expect(observeKeyCooldown(coolingDown, answered(2000)).size).toBe(0);
  });
});
