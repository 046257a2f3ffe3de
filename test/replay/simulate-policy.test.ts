import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRoute, type RoutePlan } from '../../gateway/core/routing/plan.ts';
import type { RoutePolicy, TargetView } from '../../gateway/core/routing/router.ts';
import { chooseVariant } from '../../gateway/core/routing/variants.ts';
import type { Cancel } from '../../gateway/core/shared/time.ts';
import { cooldownsAt, latencyQuantile, loadOf, predictedMs, type TargetHealthMap } from '../../gateway/core/targets/health.ts';
import { type DriverLog, startDriver } from '../../gateway/exchange/driver.ts';
import { type AttemptBehaviour, type AttemptBehaviours, simulatePolicy } from '../../replay/simulation/simulate-policy.ts';
import { anyPolicy, fleet, recordings, targets, targetView } from '../arbitraries.ts';
import { longTimeout, runs } from '../runs.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** Drives a policy under a virtual clock, against targets with recorded behaviour. */
function driven(
  policy: RoutePolicy,
  seed: string,
  recordings: AttemptBehaviours,
  fleet: TargetHealthMap,
  startAt: number,
  seen: Omit<TargetView, 'closed'>,
): Pick<DriverLog, 'state' | 'events'> & { readonly endedAt: number } {
  const clock = new VirtualClock(startAt);
  const tries = new Map<string, number>();
  let ended: (Pick<DriverLog, 'state' | 'events'> & { readonly endedAt: number }) | undefined;
  startDriver(policy, seed, {
    clock,
    coolingDown: at => cooldownsAt(fleet, at),
    viewTargets: () => seen,
    queue: (target, admitted) => clock.at(Math.max(clock.now(), seen.waits?.[target] ?? 0), admitted),
    attempt: ({ target }, report) => {
      const nth = tries.get(target) ?? 0;
      tries.set(target, nth + 1);
      const { openAfterMs, releaseAfterMs = -1, endAfterMs, result, continuable } = recordings(target, nth)!;
      const end = (): void => ('failure' in result ? report.failed(result.failure, continuable) : report.answered(result.signals));
      const doing: Cancel[] = [];
      const after = (ms: number, happens: () => void): number => doing.push(clock.at(clock.now() + ms, happens));
      if (openAfterMs < endAfterMs) after(openAfterMs, () => report.opened());
      if (releaseAfterMs >= openAfterMs && releaseAfterMs < endAfterMs) after(releaseAfterMs, () => report.released());
      after(endAfterMs, end);
      return () => {
        for (const cancel of doing) cancel();
      };
    },
    commit: () => {},
    finish: (_, log) => {
      ended = { state: log.state, events: log.events, endedAt: clock.now() };
    },
  });
  clock.run();
  return ended!;
}

const optional = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: undefined });
const byTarget = <Value>(of: fc.Arbitrary<Value>) =>
  fc.record(Object.fromEntries(targets.map(target => [target, of])) as Record<string, typeof of>);

/** A route as configured, before planning. */
const planned: fc.Arbitrary<RoutePlan> = fc
  .record({
    policy: anyPolicy,
    strategy: fc.constantFrom('order', 'weighted', 'cost', 'cheapest-capable', 'latency', 'sticky'),
    require: optional(fc.constantFrom({ tools: true }, { contextWindow: 1_000 }, { regions: ['eu'] }, { outputPriceMax: 2e9 })),
    maxPriceNanoUsd: optional(fc.integer({ min: 0, max: 3e9 })),
    slowAfterMs: optional(fc.integer({ min: 50, max: 2_000 })),
    hedgeAfter: optional(fc.constantFrom('p95' as const, 200)),
    weight: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ policy, require, hedgeAfter, weight, ...drawn }) => {
    const steps = policy.steps.map(({ hedgeAfterMs: _, ...step }, i) => ({
      ...step,
      weight,
      ...(hedgeAfter && i === 0 ? { hedgeAfter } : {}),
    }));
    return JSON.parse(JSON.stringify({ ...policy, ...drawn, steps, ...(require ? { require } : {}) })) as RoutePlan;
  });
const choosing = fc.record({
  plans: fc.tuple(planned, planned),
  variants: fc.array(fc.record({ route: fc.constant('other'), share: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 1 }),
  need: fc.record({
    ...{ inputTokens: fc.nat(2_000), outputTokens: fc.nat(2_000) },
    ...{ tools: fc.boolean(), vision: fc.constant(false), jsonSchema: fc.boolean() },
  }),
  facts: byTarget(
    fc.constantFrom({}, { tools: true, contextWindow: 200_000, region: 'eu' }, { tools: false, contextWindow: 500, region: 'us' }),
  ),
  prices: byTarget(optional(fc.constantFrom({ id: 'p', input: 1e9, output: 1e9 }, { id: 'q', input: 5e8, output: 4e9 }))),
});

describe('simulate', { timeout: longTimeout }, () => {
  test('agrees with the driven router under a virtual clock: the same events, the same state, the same end', () => {
    fc.assert(
      fc.property(anyPolicy, recordings, fc.uuid(), fleet, fc.nat(3000), targetView, (drawn, recorded, seed, health, startAt, seen) => {
        const simulated = simulatePolicy(drawn, seed, recorded, health, startAt, seen);
        expect(simulated).toEqual({ supported: true, ...driven(drawn, seed, recorded, health, startAt, seen) });
      }),
      runs(2_500),
    );
  });

  test('agrees where the route chooses first: variants, strategies, requirements, price ceilings, hedges at a quantile', () => {
    fc.assert(
      fc.property(choosing, recordings, fc.uuid(), fleet, fc.nat(3000), targetView, (route, recorded, seed, health, startAt, seen) => {
        const chosen = chooseVariant('drawn', route.variants, { tenant: 't', key: 'k', stickyKey: seed });
        const plan = chosen ? route.plans[1] : route.plans[0];
        const policy = planRoute(plan, { requirements: route.need, seed, stickyKey: seed }, target => ({
          facts: route.facts[target]!,
          price: route.prices[target],
          load: loadOf(health, target, startAt),
          predictedMs: predictedMs(health, target, startAt),
          quantileMs: () => latencyQuantile(health, target, 0.95),
        }));
        fc.pre(policy.steps.length > 0);
        const simulated = simulatePolicy(policy, seed, recorded, health, startAt, seen);
        expect(simulated).toEqual({ supported: true, ...driven(policy, seed, recorded, health, startAt, seen) });
        const dear =
          policy.considered?.filter(({ taken, costNanoUsd = 0 }) => taken && costNanoUsd > (plan.maxPriceNanoUsd ?? Infinity)) ?? [];
        expect(dear).toEqual([]);
      }),
      runs(1_000),
    );
  });

  test('leaves nothing scheduled when the drive has finished, except what its targets still do', () => {
    const clock = new VirtualClock();
    const quick: RoutePolicy = {
      name: 'quick',
      deadlineMs: 1000,
      steps: [{ target: 'a/small', timeoutMs: 500, retries: 0, backoffMs: 1, hedgeAfterMs: 300 }],
    };
    startDriver(quick, 'seed', {
      clock,
      coolingDown: () => ({}),
      attempt: (_, report) => {
        clock.at(clock.now() + 10, () => report.answered({}));
        return () => {};
      },
      commit: () => {},
      finish: () => {},
    });
    // What its target does, and of the timers the one that is due first.
    expect(clock.waiting).toBe(2);
    clock.step();
    expect(clock.waiting).toBe(0);
  });

  test('names a target without records, and guesses nothing', () => {
    const chain: RoutePolicy = {
      name: 'chain',
      deadlineMs: 9000,
      steps: ['a/small', 'b/middle'].map(target => ({ target, timeoutMs: 1000, retries: 0, backoffMs: 1 })),
    };
    const refused: AttemptBehaviour = { openAfterMs: 5, endAfterMs: 5, result: { failure: { kind: 'overloaded', message: '' } } };
    expect(simulatePolicy(chain, 'seed', target => (target === 'a/small' ? refused : undefined))).toEqual({
      supported: false,
      target: 'b/middle',
    });
  });

  test('uses the nth recorded behaviour of a target at its nth attempt', () => {
    const requested: (readonly [string, number])[] = [];
    const repeated: RoutePolicy = {
      name: 'again',
      deadlineMs: 9000,
      steps: [{ target: 'a/small', timeoutMs: 1000, retries: 2, backoffMs: 1 }],
    };
    simulatePolicy(repeated, 'seed', (target, nth) => {
      requested.push([target, nth]);
      return { openAfterMs: 5, endAfterMs: 5, result: { failure: { kind: 'overloaded', message: '' } } };
    });
    expect(requested).toEqual([
      ['a/small', 0],
      ['a/small', 1],
      ['a/small', 2],
    ]);
  });
});
