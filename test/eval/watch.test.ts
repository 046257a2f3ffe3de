/** The watch over a certificate, as a fold over simulated traffic, and the store that keeps breaches. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  auditsMin,
  expectedDelay,
  lookAt,
  verdictOf,
  type WatchedRequest,
  type WatchPlan,
  type WatchState,
  watchStart,
} from '../../eval/certify/watch.ts';
import { sqliteBreaches } from '../../gateway/targets/breach-store.ts';
import { randomGenerator } from '../../statistics/index.ts';

const plan: WatchPlan = { bound: 0.05, alpha: 0.05, chance: 0.03, conversationCap: 1, idleMs: 1_800_000 };

/** One request a second; of all that is harmed, only audits show it. */
function traffic(seed: number, count: number, harmAt: (i: number) => number, { chance }: WatchPlan = plan): readonly WatchedRequest[] {
  const draw = randomGenerator(seed);
  return Array.from({ length: count }, (_, i) => {
    const isHarmed = draw() < harmAt(i);
    const isAudited = draw() < chance;
    return { conversation: '', at: i * 1_000, ...(isAudited ? { audit: { chance, harm: isHarmed ? 1 : 0 } } : {}) };
  });
}

const wholeLook = (requests: readonly WatchedRequest[], by: WatchPlan = plan): WatchState => {
  const now = (requests.at(-1)?.at ?? 0) + 1;
  return lookAt(by, { settled: watchStart(by), settledUntil: 0 }, requests, { now, waitUntil: now }).now;
};

describe('a watched certificate', () => {
  const runs = process.env.HINDCAST_LONG ? 200 : 40;

  test(`raises no alarm in ${runs} runs of 4,000 requests that keep the promise`, () => {
    const alarmed = Array.from({ length: runs }, (_, i) => verdictOf(plan, wholeLook(traffic(i + 1, 4_000, () => 0.02))));
    expect(alarmed.filter(verdict => verdict === 'breach')).toEqual([]);
  });

  test('raises it over 2,000 further requests in which the weak model turned bad', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const requests = traffic(seed, 6_000, i => (i < 4_000 ? 0.02 : 0.5));
      expect(verdictOf(plan, wholeLook(requests.slice(0, 4_000)))).toBe('watching');
      expect(verdictOf(plan, wholeLook(requests))).toBe('breach');
    }
  });

  test('says about how many requests an alarm takes', () => {
    const delays = Array.from({ length: 31 }, (_, i) => {
      const requests = traffic(i + 1, 9_000, n => (n < 2_000 ? 0.01 : 0.2));
      for (let n = 2_200; n <= requests.length; n += 200)
        if (verdictOf(plan, wholeLook(requests.slice(0, n))) === 'breach') return n - 2_000;
      return requests.length;
    }).sort((a, b) => a - b);
    const expected = expectedDelay(plan, wholeLook(traffic(1, 2_000, () => 0)), 0.2)!;
    expect(delays[15]! / expected).toBeGreaterThan(0.5);
    expect(delays[15]! / expected).toBeLessThan(2);
  });

  test('tells nothing before it has labelled audits', () => {
    expect(verdictOf(plan, watchStart(plan))).toBe('too_few');
    const unlabelled = traffic(1, 4_000, () => 0.02).map(request => (request.audit ? { ...request, audit: { chance: 0.03 } } : request));
    expect(wholeLook(unlabelled)).toMatchObject({ requests: 4_000, labelled: 0 });
    expect(verdictOf(plan, wholeLook(unlabelled))).toBe('too_few');
    expect(auditsMin(plan)).toBe(60);
  });

  const conversations: WatchPlan = { ...plan, chance: 0.3, conversationCap: 5, idleMs: 20_000 };
  const request = fc.record({
    conversation: fc.constantFrom('', 'a', 'b', 'c', 'd'),
    gap: fc.integer({ min: 0, max: 15_000 }),
    audit: fc.option(fc.record({ chance: fc.constant(0.3), harm: fc.constantFrom(0, 0.5, 1) }), { nil: undefined }),
  });
  const requestsOf = (rows: readonly { conversation: string; gap: number; audit: WatchedRequest['audit'] }[]): WatchedRequest[] => {
    let at = 1;
    return rows.map(({ conversation, gap, audit }) => {
      at += gap;
      return { conversation, at, ...(audit ? { audit } : {}) };
    });
  };

  test('tells the same in many looks as in one', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), fc.integer({ min: 1, max: 30_000 }), (rows, step) => {
        const requests = requestsOf(rows);
        const end = (requests.at(-1)?.at ?? 0) + 40_000;
        let known = { settled: watchStart(conversations), settledUntil: 0 };
        for (let now = step; ; now = Math.min(end, now + step)) {
          const startedBefore = new Set(requests.filter(({ at }) => at < known.settledUntil).map(({ conversation }) => conversation));
          const read = requests.filter(
            ({ at, conversation }) => at >= known.settledUntil && at < now && (conversation === '' || !startedBefore.has(conversation)),
          );
          const look = lookAt(conversations, known, read, { now, waitUntil: now });
          known = look;
          if (now === end) break;
        }
        const complete = lookAt(conversations, { settled: watchStart(conversations), settledUntil: 0 }, requests, {
          now: end,
          waitUntil: end,
        });
        expect(known.settled).toEqual(complete.settled);
      }),
    );
  });

  test('sees no more evidence while labels are missing and conversations go on than it will in the end', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 60 }), fc.nat(), (rows, seen, hidden) => {
        const requests = requestsOf(rows);
        const early = requests
          .slice(0, seen)
          .map((one, i) => (one.audit && (i + hidden) % 3 === 0 ? { ...one, audit: { chance: 0.3 } } : one));
        const now = early.at(-1)!.at;
        const end = requests.at(-1)!.at + 40_000;
        const first = { settled: watchStart(conversations), settledUntil: 0 };
        const then = lookAt(conversations, first, early, { now, waitUntil: now }).now;
        const last = lookAt(conversations, first, requests, { now: end, waitUntil: end }).now;
        expect(then.alarm.evidenceMax).toBeLessThanOrEqual(last.alarm.evidenceMax * (1 + 1e-12));
      }),
    );
  });
});

test('the state store keeps one breach of each certificate', async () => {
  const store = sqliteBreaches(':memory:');
  const breach = { route: 'smart', issuedAt: '2026-01-01T00:00:00.000Z', at: 2, evidence: 21, audited: 90, harm: 0.2, bound: 0.05 };
  expect(await store.add(breach)).toBe(true);
  expect(await store.add({ ...breach, at: 3 })).toBe(false);
  expect(await store.add({ ...breach, issuedAt: '2026-02-01T00:00:00.000Z', at: 1 })).toBe(true);
  expect((await store.all()).map(({ at }) => at)).toEqual([1, 2]);
  await store.close();
});
