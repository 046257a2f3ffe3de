import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Observation } from '../../../gateway/core/targets/observation.ts';
import { aheadOf, dequeue, emptyQueue, enqueue, isFull, nextFor, type Queue } from '../../../gateway/core/targets/queue.ts';
import {
  earliestReadyAt,
  levelAt,
  noQueuedDemand,
  observeRateLimits,
  type RateLimits,
  rateLimitNameOf,
  readyAt,
  trackedLimitsMax,
} from '../../../gateway/core/targets/rate-limits.ts';
import {
  initialRetryBudget,
  observeRetryBudget,
  refusedExtraCalls,
  retryBudgetDefault,
} from '../../../gateway/core/targets/retry-budget.ts';
import { TargetRegistry } from '../../../gateway/targets/registry.ts';
import { runs } from '../../runs.ts';

const target = 'a/small';
const about = { target, credential: 'k1' };
type PartialObservation = Observation extends infer O
  ? O extends Observation
    ? Omit<O, 'target' | 'credential'> & { target?: string }
    : never
  : never;
const limitsOf = (
  seen: readonly PartialObservation[],
  policy?: { requestsPerMinute?: number; tokensPerMinute?: number },
  from: RateLimits = new Map(),
): RateLimits => seen.reduce((limits, one) => observeRateLimits(limits, { ...about, ...one } as Observation, () => policy), from);
const sentAt = (at: number, tokens = 0): PartialObservation => ({ type: 'sent', at, tokens });
const refused = (at: number, retryAfterMs?: number): PartialObservation => ({
  type: 'failed',
  at,
  failure: { kind: 'rate-limited', message: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
});
const ready = (limits: RateLimits, at: number, tokens = 0): number => readyAt(limits, target, 'k1', tokens, noQueuedDemand, at);

describe('a configured limit', () => {
  test("admits a tenth of a minute's worth at once and the others evenly", () => {
    const limits = limitsOf([sentAt(0), sentAt(0)], { requestsPerMinute: 20 });
    expect(ready(limits, 0)).toBe(3000);
    expect(ready(limits, 3000)).toBe(3000);
  });

  test('counts tokens too, and returns estimated tokens that were not used', () => {
    const policy = { tokensPerMinute: 6000 };
    const limits = limitsOf([sentAt(0, 600)], policy);
    expect(ready(limits, 0, 300)).toBe(3000);
    const settled = limitsOf([{ type: 'answered', at: 0, tokens: 600, tokensUsed: 100, firstTokenMs: 1 }], policy, limits);
    expect(ready(settled, 0, 300)).toBe(0);
  });

  test('admits a call larger than the bucket when the bucket is full', () => {
    const limits = limitsOf([sentAt(0, 600)], { tokensPerMinute: 6000 });
    expect(ready(limits, 0, 50_000)).toBe(6000);
  });

  test('is not changed by headers', () => {
    const limits = limitsOf(
      [{ type: 'answered', at: 0, firstTokenMs: 1, limits: { requests: { limit: 1, remaining: 0, resetMs: 1e6 } } }],
      { requestsPerMinute: 600 },
    );
    expect(ready(limits, 0)).toBe(0);
  });
});

describe('a learned limit', () => {
  test('takes limit, remaining amount and rate from headers', () => {
    const limits = limitsOf([
      { type: 'answered', at: 1000, firstTokenMs: 1, limits: { requests: { limit: 100, remaining: 0, resetMs: 50_000 } } },
    ]);
    expect(ready(limits, 1000)).toBe(1500);
    expect(levelAt(limits.get(rateLimitNameOf(target, 'k1'))!.requests!, 11_000)).toBeCloseTo(20);
  });

  test('never exceeds the known remaining amount, because other calls are in flight', () => {
    const spent = limitsOf([
      { type: 'answered', at: 0, firstTokenMs: 1, limits: { requests: { limit: 10, remaining: 0, resetMs: 60_000 } } },
    ]);
    const repeated = limitsOf(
      [{ type: 'answered', at: 1, firstTokenMs: 1, limits: { requests: { limit: 10, remaining: 5 } } }],
      undefined,
      spent,
    );
    expect(ready(repeated, 1)).toBeGreaterThan(1000);
  });

  test('honours the wait of a 429, between a tenth of a second and five minutes', () => {
    expect(ready(limitsOf([refused(0, 7000)]), 1)).toBe(7000);
    expect(ready(limitsOf([refused(0, 0)]), 1)).toBe(100);
    expect(ready(limitsOf([refused(0, 1e12)]), 1)).toBe(300_000);
  });

  test('waits a second after a 429 without a wait, doubling up to a minute', () => {
    expect(ready(limitsOf([refused(0)]), 0)).toBe(1000);
    expect(ready(limitsOf([refused(0), refused(0)]), 0)).toBe(2000);
    expect(ready(limitsOf(Array.from({ length: 20 }, () => refused(0))), 0)).toBe(60_000);
  });

  test('estimates a rate from many calls and two 429s, and drops it after enough responses', () => {
    const calls = Array.from({ length: 50 }, (_, i) => sentAt(i * 100));
    expect(limitsOf([...calls, refused(5000, 100)]).get(rateLimitNameOf(target, 'k1'))!.requests).toBeUndefined();
    const busy = limitsOf([...calls, refused(5000, 100), refused(5001, 100)]);
    expect(busy.get(rateLimitNameOf(target, 'k1'))!.requests).toMatchObject({ isEstimated: true });
    const calm = limitsOf(
      Array.from({ length: 12 }, (_, i): PartialObservation => ({ type: 'answered', at: 6000 + i, firstTokenMs: 1 })),
      undefined,
      busy,
    );
    expect(calm.get(rateLimitNameOf(target, 'k1'))!.requests).toBeUndefined();
  });

  test('is forgotten after three answers that report none', () => {
    const limits = { requests: { limit: 5, remaining: 0, resetMs: 60_000 } };
    const learned = limitsOf([{ ...refused(0, 100), limits } as PartialObservation]);
    expect(ready(learned, 200)).toBeGreaterThan(1_000);
    const answers = Array.from({ length: 3 }, (_, i): PartialObservation => ({ type: 'answered', at: 300 + i, firstTokenMs: 1 }));
    expect(ready(limitsOf(answers.slice(0, 2), undefined, learned), 400)).toBeGreaterThan(1_000);
    expect(ready(limitsOf(answers, undefined, learned), 400)).toBe(400);
  });

  test('the wait of a 429 ends with an answer to a later call, not with one that was under way', () => {
    const blocked = limitsOf([refused(1_000, 60_000)]);
    expect(ready(limitsOf([{ type: 'answered', at: 1_100, firstTokenMs: 500 }], undefined, blocked), 2_000)).toBe(61_000);
    expect(ready(limitsOf([{ type: 'answered', at: 1_100, firstTokenMs: 50 }], undefined, blocked), 2_000)).toBe(2_000);
  });

  test('a last target that waits for a day is tried after half a minute, by one call at a time', () => {
    const registry = new TargetRegistry();
    const about = { target, credential: '' };
    const demand = { tenant: 't', tokens: 1, bytes: 1 };
    const waits = (targets: readonly string[], at: number): object => registry.view(targets, demand, at).waits ?? {};
    registry.observe({ ...about, at: 0, type: 'sent' });
    registry.observe({ ...about, at: 1, type: 'failed', failure: { kind: 'rate-limited', message: '', retryAfterMs: 86_400_000 } });
    expect(waits([target], 29_000)).toHaveProperty([target]);
    expect(waits([target], 30_001)).toEqual({});
    // Another target is there, and the wait is kept.
    expect(waits([target, 'b/other'], 30_001)).toHaveProperty([target]);
    registry.observe({ ...about, at: 30_001, type: 'sent' });
    expect(waits([target], 30_002)).toHaveProperty([target]);
    registry.observe({ ...about, at: 30_100, type: 'answered', firstTokenMs: 50 });
    expect(waits([target], 30_200)).toEqual({});
  });
});

describe('rate limits', () => {
  test('are kept for one key and model: another key is admitted', () => {
    const limits = limitsOf([refused(0, 9000)]);
    expect(earliestReadyAt(limits, target, ['k1', 'k2'], 0, noQueuedDemand, 0)).toBe(0);
    expect(earliestReadyAt(limits, target, ['k1'], 0, noQueuedDemand, 0)).toBe(9000);
    expect(readyAt(limits, 'a/other', 'k1', 0, noQueuedDemand, 0)).toBe(0);
  });

  test('are bounded in number', () => {
    let limits: RateLimits = new Map();
    for (let i = 0; i <= trackedLimitsMax; i++) limits = limitsOf([{ ...sentAt(i), target: `a/${i}` }], undefined, limits);
    expect(limits.size).toBe(trackedLimitsMax);
  });

  test('never admit more than the rate and one burst over any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.array(fc.nat(400), { minLength: 1, maxLength: 150 }), (perMinute, gaps) => {
        let [at, limits, admitted]: [number, RateLimits, number] = [0, new Map(), 0];
        limits = limitsOf([sentAt(0)], { requestsPerMinute: perMinute });
        for (const gap of gaps) {
          at += gap;
          if (ready(limits, at) > at) continue;
          admitted++;
          limits = limitsOf([sentAt(at)], { requestsPerMinute: perMinute }, limits);
        }
        expect(admitted).toBeLessThanOrEqual(Math.max(1, perMinute / 10) + (perMinute * at) / 60_000 + 1e-6);
      }),
      runs(200),
    );
  });
});

describe('the queue', () => {
  const arrival = (id: string, tenant: string) => ({ id, tenant, target, tokens: 10, bytes: 100 });
  const of = (...arrivals: readonly (readonly [string, string])[]): Queue =>
    arrivals.reduce((queue, [id, tenant]) => enqueue(queue, arrival(id, tenant)), emptyQueue);
  const order = (queue: Queue): string[] => {
    const served: string[] = [];
    for (let next = nextFor(queue, target); next; next = nextFor(queue, target)) {
      served.push(next.id);
      queue = dequeue(queue, next.id, true);
    }
    return served;
  };

  test('admits one request of each tenant a round, in order of arrival', () => {
    expect(order(of(['a1', 'a'], ['a2', 'a'], ['a3', 'a'], ['b1', 'b'], ['b2', 'b']))).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  test('gives the demand ahead of a new request', () => {
    const queue = of(['a1', 'a'], ['a2', 'a'], ['a3', 'a']);
    expect(aheadOf(queue, target, 'a')).toEqual({ requests: 3, tokens: 30 });
    expect(aheadOf(queue, target, 'b')).toEqual({ requests: 1, tokens: 10 });
    expect(aheadOf(queue, 'a/other', 'a')).toEqual(noQueuedDemand);
  });

  test('is bounded in count and in bytes, and keeps nothing of removed requests', () => {
    const queue = of(['a1', 'a'], ['b1', 'b']);
    expect(isFull(queue, 1, { countMax: 2, bytesMax: 1e9 })).toBe(true);
    expect(isFull(queue, 100, { countMax: 9, bytesMax: 299 })).toBe(true);
    expect(isFull(queue, 99, { countMax: 9, bytesMax: 299 })).toBe(false);
    expect(dequeue(dequeue(queue, 'a1', false), 'b1', true)).toEqual(emptyQueue);
  });

  test('starves no tenant: a request waits for at most one request of each other tenant for each of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 40 }), tenants => {
        const served = order(of(...tenants.map((tenant, i): [string, string] => [`${tenant} ${i}`, String(tenant)])));
        for (const [i, tenant] of tenants.entries()) {
          const ownAhead = tenants.slice(0, i + 1).filter(t => t === tenant).length;
          expect(served.indexOf(`${tenant} ${i}`)).toBeLessThan(ownAhead * new Set(tenants).size);
        }
      }),
      runs(200),
    );
  });
});

describe('the retry budget', () => {
  const extra = (kind: 'primary' | 'retry' | 'hedge', at: number): Observation => ({ ...about, type: 'sent', kind, at });

  test('allows ten retries a second, and one for every five requests of the last ten seconds', () => {
    let budget = initialRetryBudget();
    for (let i = 0; i < 50; i++) budget = observeRetryBudget(budget, extra('primary', 1000));
    let retries = 0;
    while (!refusedExtraCalls(budget, 1000).includes('retry')) {
      budget = observeRetryBudget(budget, extra('retry', 1000));
      retries++;
    }
    expect(retries).toBe(20);
    expect(refusedExtraCalls(budget, 1100)).not.toContain('retry');
  });

  test('stops hedges above the hourly cost, and allows them again over time', () => {
    const policy = { ...retryBudgetDefault, hedgeNanoUsdPerHour: 1000 };
    let budget = initialRetryBudget(policy);
    for (let i = 0; i < 100; i++) budget = observeRetryBudget(budget, extra('primary', 0), policy);
    expect(refusedExtraCalls(budget, 0, policy)).not.toContain('hedge');
    budget = observeRetryBudget(budget, { ...about, type: 'charged', kind: 'hedge', at: 0, costNanoUsd: 1500 }, policy);
    expect(refusedExtraCalls(budget, 0, policy)).toContain('hedge');
    expect(refusedExtraCalls(budget, 1_900_000, policy)).not.toContain('hedge');
  });
});
