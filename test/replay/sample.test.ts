/** Which requests are drawn, and their weights. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Candidate } from '../../replay/recorded/requests.ts';
import { sample } from '../../replay/recorded/sample.ts';

const candidate = fc.record({
  conversation: fc.constantFrom('', 'a', 'b', 'c', 'd'),
  prompt: fc.nat(12),
  stratum: fc.constantFrom('x', 'y', 'z'),
  costNanoUsd: fc.nat(1_000),
});
const candidates = fc
  .array(candidate, { minLength: 1, maxLength: 60 })
  .map(all => all.map((one, i): Candidate => ({ ...one, id: `r${i}`, receivedAt: i, prompt: `p${one.prompt}` })));
const sampling = fc.record({
  count: fc.integer({ min: 3, max: 40 }),
  wholeConversations: fc.boolean(),
  collapse: fc.boolean(),
  allocation: fc.constantFrom('proportional' as const, 'neyman' as const),
  seed: fc.constantFrom('0', '1'),
});
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

test('the weights of a sample add up to what it was drawn from, stratum by stratum', () => {
  fc.assert(
    fc.property(candidates, sampling, (all, how) => {
      const drawn = sample(all, { ...how, wholeConversations: false });
      const strataOf = new Map(all.map(({ id, stratum }) => [id, stratum]));
      for (const stratum of ['x', 'y', 'z']) {
        const stands = sum(drawn.filter(({ id }) => strataOf.get(id) === stratum).map(({ weight }) => weight));
        expect(stands).toBeCloseTo(all.filter(one => one.stratum === stratum).length, 6);
      }
    }),
    { numRuns: 100 },
  );
});

test('a rerun draws the same sample, whatever the order of its input; one more request moves few others', () => {
  fc.assert(
    fc.property(candidates, sampling, (all, how) => {
      const ids = (some: readonly Candidate[]): string[] => sample(some, { ...how, collapse: false }).map(({ id }) => id);
      expect(ids(all.toReversed()).toSorted()).toEqual(ids(all).toSorted());
    }),
    { numRuns: 50 },
  );
  const many = Array.from(
    { length: 1_000 },
    (_, i): Candidate => ({ id: `r${i}`, receivedAt: i, conversation: '', prompt: `${i}`, stratum: '' }),
  );
  const how = { count: 100, wholeConversations: false, collapse: true, seed: '0' };
  const [before, after] = [sample(many.slice(0, 990), how), sample(many, how)].map(drawn => new Set(drawn.map(({ id }) => id)));
  expect([...before!].filter(id => after!.has(id)).length).toBeGreaterThan(90);
});

test('a conversation is drawn whole or not at all', () => {
  fc.assert(
    fc.property(candidates, sampling, (all, how) => {
      const drawn = new Set(sample(all, { ...how, wholeConversations: true, collapse: false }).map(({ id }) => id));
      for (const conversation of ['a', 'b', 'c', 'd']) {
        const members = all.filter(one => one.conversation === conversation);
        expect([0, members.length]).toContain(members.filter(({ id }) => drawn.has(id)).length);
      }
    }),
    { numRuns: 100 },
  );
});

test('equal requests are sent once and weighted by their count', () => {
  const twins = ['p', 'q', 'p', 'p'].map((prompt, i): Candidate => ({ id: `r${i}`, receivedAt: i, conversation: '', prompt, stratum: '' }));
  const how = { wholeConversations: false, seed: '0' };
  expect(sample(twins, { ...how, collapse: true })).toEqual([
    { id: 'r0', weight: 3 },
    { id: 'r1', weight: 1 },
  ]);
  expect(sample(twins, { ...how, collapse: false })).toHaveLength(4);
});

test('neyman allocates more to a stratum with more varying costs, and estimates the same total', () => {
  const all = Array.from({ length: 400 }, (_, i): Candidate => {
    const wild = i % 4 === 0;
    const costNanoUsd = wild ? (i % 8) * 1_000 : 500 + (i % 3);
    return { id: `r${i}`, receivedAt: i, conversation: '', prompt: `p${i}`, stratum: wild ? 'wild' : 'calm', costNanoUsd };
  });
  const of = (allocation: 'proportional' | 'neyman') =>
    sample(all, { count: 40, wholeConversations: false, collapse: false, allocation, seed: '0' });
  const wild = (drawn: ReturnType<typeof of>): number => drawn.filter(({ id }) => Number(id.slice(1)) % 4 === 0).length;
  expect([wild(of('proportional')), wild(of('neyman'))]).toEqual([10, 39]);
  expect(sum(of('neyman').map(({ weight }) => weight))).toBeCloseTo(400, 6);
  // Without variance, or without known costs, the allocation is proportional.
  const flat = all.map(one => ({ ...one, costNanoUsd: 7 }));
  expect(wild(sample(flat, { count: 40, wholeConversations: false, collapse: false, allocation: 'neyman', seed: '0' }))).toBe(10);
});
