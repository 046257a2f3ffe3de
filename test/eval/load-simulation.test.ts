/** The router, the fleet, limits, queue and allowances together, over many requests at once, whatever targets do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ArrivingRequest,
  policyAt,
  type RequestResult,
  type SimulatedCall,
  simulateLoad,
} from '../../eval/simulation/load-simulation.ts';
import type { RoutePlan } from '../../gateway/core/routing/plan.ts';
import { retryWaitMsMax } from '../../gateway/core/routing/retry.ts';
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import { circuitBreakerDefault } from '../../gateway/core/targets/health.ts';
import type { Observation } from '../../gateway/core/targets/observation.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { type Account, routingDefaults } from '../../gateway/settings/settings.ts';
import type { TargetRegistry } from '../../gateway/targets/registry.ts';
import { policy, recorded } from '../arbitraries.ts';
import { longTimeout, runs } from '../runs.ts';

const account = (name: string, rpm?: number): [string, Account] => {
  const limits = rpm === undefined ? {} : { limits: { account: { requestsPerMinute: rpm }, models: new Map() } };
  return [name, { name, provider: openai, baseUrl: '', keys: [], allowPrivate: false, trace: false, ...limits }];
};
const accounts = new Map([account('a', 300), account('b'), account('c', 60)]);

const crowds = fc.record({
  policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
  gaps: fc.array(fc.nat(120), { minLength: 1, maxLength: 80 }),
  behaviours: fc.array(recorded, { minLength: 1, maxLength: 12 }),
});

interface Heard {
  readonly results: readonly RequestResult[];
  readonly fleet: TargetRegistry;
  readonly seen: readonly Observation[];
}

function gather({
  policies,
  gaps,
  behaviours,
}: {
  policies: readonly RoutePolicy[];
  gaps: readonly number[];
  behaviours: readonly object[];
}): Heard {
  let at = 0;
  let calls = 0;
  const seen: Observation[] = [];
  const arrivals = gaps.map((gap, i): ArrivingRequest => {
    at += gap;
    return { id: `request ${i}`, at, tenant: `tenant ${i % 3}`, tokens: 100, policy: () => policies[i % policies.length]! };
  });
  const behave = (): SimulatedCall => ({ cost: 7, ...(behaviours[calls++ % behaviours.length] as Omit<SimulatedCall, 'cost'>) });
  return { ...simulateLoad(arrivals, { accounts, routing: routingDefaults, call: behave, onObservation: one => seen.push(one) }), seen };
}

const always = (rule: (received: Heard, count: number) => void): void =>
  fc.assert(
    fc.property(crowds, drawn => rule(gather(drawn), drawn.gaps.length)),
    runs(120),
  );

describe('a crowd of requests', { timeout: longTimeout }, () => {
  test('is answered or told of a failure, each once, by its deadline, with one winner', () => {
    always(({ results }, count) => {
      expect(results.filter(Boolean)).toHaveLength(count);
      for (const { arrival, endedAt, state, outcome } of results) {
        expect(endedAt).toBeLessThanOrEqual(arrival.at + state.policy.deadlineMs);
        expect(state.attempts.filter(a => a.status === 'accepted' && a.of === undefined).length).toBe(outcome.type === 'answered' ? 1 : 0);
      }
    });
  });

  test('leaves nothing reserved, under way or waiting, and every call was charged', () => {
    always(({ seen, fleet }) => {
      const count = (...types: readonly Observation['type'][]): number => seen.filter(({ type }) => types.includes(type)).length;
      expect(count('answered', 'failed', 'aborted')).toBe(count('sent'));
      expect(count('charged')).toBe(count('sent'));
      for (const { inFlight } of fleet.health.values()) expect(inFlight).toBe(0);
      expect(fleet.queue).toMatchObject({ entries: [], bytes: 0 });
    });
  });

  test('makes no more retries, fallbacks and hedges than the allowance gives, over all of it', () => {
    always(({ seen }, count) => {
      const requested = seen.flatMap(one => (one.type === 'sent' ? [one] : []));
      const lastedMs = (requested.at(-1)?.at ?? 0) - (requested[0]?.at ?? 0);
      const extra = requested.filter(({ kind }) => kind === 'retry' || kind === 'fallback').length;
      expect(extra).toBeLessThanOrEqual(0.2 * count + (10 * lastedMs) / 1000 + 10 + 1);
      expect(requested.filter(({ kind }) => kind === 'hedge').length).toBeLessThanOrEqual(0.05 * count + 1);
    });
  });

  test('starves nobody: who queues is let in, goes elsewhere or is told within half a minute', () => {
    always(({ results }) => {
      for (const { state } of results) expect(state.queuedMs ?? 0).toBeLessThanOrEqual(retryWaitMsMax * state.policy.steps.length);
    });
  });

  test('asks no target whose breaker is open while another takes calls, but one probe at a time', () => {
    const chain: RoutePolicy = {
      name: 'chain',
      deadlineMs: 60_000,
      steps: ['a/small', 'b/middle'].map(target => ({ target, timeoutMs: 5000, retries: 0, backoffMs: 100 })),
    };
    const good = { openAfterMs: 50, endAfterMs: 200, result: { signals: {} }, cost: 1 };
    const bad: SimulatedCall = { openAfterMs: 20, endAfterMs: 20, result: { failure: { kind: 'server-error', message: '' } }, cost: 1 };
    const arrivals = Array.from(
      { length: 400 },
      (_, i): ArrivingRequest => ({ id: `r${i}`, at: i * 100, tenant: '', tokens: 1, policy: () => chain }),
    );
    const probes: number[] = [];
    const recovered = 25_000;
    const { results } = simulateLoad(arrivals, {
      accounts: new Map([account('a'), account('b')]),
      routing: routingDefaults,
      call: ({ target }, _, at) => (target === 'a/small' && at < recovered ? bad : good),
      onObservation: ({ type, target, at }, { health: fleet }) => {
        const health = fleet.get('a/small');
        if (type !== 'sent' || target !== 'a/small' || !health || health.failures < circuitBreakerDefault.failuresMax) return;
        expect(health.circuitOpenUntil, 'only a probe, when the breaker has waited').toBeLessThanOrEqual(at);
        expect(health.inFlight, 'one probe at a time').toBe(0);
        probes.push(at);
      },
    });
    expect(results.every(({ outcome }) => outcome.type === 'answered')).toBe(true);
    expect(probes.length).toBeGreaterThan(1);
    const after = results.filter(({ arrival }) => arrival.at > recovered + 12_000);
    expect(
      after.every(({ state }) => state.attempts.length === 1),
      'it has come back',
    ).toBe(true);
  });

  test('shares a limit among tenants in turns, whoever floods it', () => {
    const one: RoutePolicy = {
      name: 'one',
      deadlineMs: 60_000,
      steps: [{ target: 'c/huge', timeoutMs: 5000, retries: 0, backoffMs: 100 }],
    };
    const arrival = (i: number, tenant: string, at: number): ArrivingRequest => ({
      id: `${tenant} ${i}`,
      at,
      tenant,
      tokens: 1,
      policy: () => one,
    });
    const flood = Array.from({ length: 25 }, (_, i) => arrival(i, 'loud', i));
    const quiet = Array.from({ length: 3 }, (_, i) => arrival(i, 'quiet', 100 + i));
    const { results } = simulateLoad([...flood, ...quiet], {
      accounts: new Map([account('c', 60)]),
      routing: routingDefaults,
      call: () => ({ openAfterMs: 10, endAfterMs: 20, result: { signals: {} }, cost: 1 }),
    });
    const waited = results.filter(({ arrival: { tenant } }) => tenant === 'quiet').map(({ state }) => state.queuedMs ?? 0);
    expect(Math.max(...waited)).toBeLessThan(8_000);
    expect(results.every(({ outcome }) => outcome.type === 'answered')).toBe(true);
    expect(results.filter(({ state }) => (state.queuedMs ?? 0) > 15_000).every(({ arrival: { tenant } }) => tenant === 'loud')).toBe(true);
  });

  test('is hedged within the share, and not at all once everything is known to be slow', () => {
    const steps = ['a/small', 'b/middle'].map(target => ({ target, timeoutMs: 30_000, retries: 0, backoffMs: 100, hedgeAfter: 400 }));
    const plan: RoutePlan = { name: 'slow', deadlineMs: 60_000, steps };
    const hedgesOf = (openAfterMs: (i: number) => number): readonly number[] => {
      const hedged: number[] = [];
      const arrivals = Array.from({ length: 2000 }, (_, i): ArrivingRequest => {
        const at = i * 20;
        return { id: `r${i}`, at, tenant: '', tokens: 1, policy: fleet => policyAt(plan, `r${i}`, fleet, at) };
      });
      simulateLoad(arrivals, {
        accounts: new Map([account('a'), account('b')]),
        routing: routingDefaults,
        call: ({ kind }, { id }) => {
          if (kind === 'hedge') hedged.push(Number(id.slice(1)));
          const ms = kind === 'hedge' ? 100 : openAfterMs(Number(id.slice(1)));
          return { openAfterMs: ms, endAfterMs: ms + 500, result: { signals: {} }, cost: 1 };
        },
      });
      return hedged;
    };
    const seldom = hedgesOf(i => (i % 25 === 0 ? 5000 : 100));
    expect(seldom.length).toBeGreaterThan(60);
    expect(seldom.length).toBeLessThanOrEqual(0.05 * 2000 + 1);
    const all = hedgesOf(() => 3000);
    expect(all.length).toBeLessThanOrEqual(0.05 * 2000 + 1);
    expect(
      all.filter(i => i > 600),
      'after it was found out',
    ).toEqual([]);
  });
});
