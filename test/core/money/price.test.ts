/** Costs are integer nano-dollars, add up, and are never negative. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Usage } from '../../../gateway/core/chat/chat.ts';
import { cost, costOf, type Price, priceAtTier, usd, withCacheSaving } from '../../../gateway/core/money/price.ts';
import { longTimeout, runs } from '../../runs.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(3_000, 50_000);

const usage = (counts: Partial<Usage>): Usage => ({
  input: 0,
  output: 0,
  cached: 0,
  cacheWrite: 0,
  reasoning: 0,
  source: 'provider',
  ...counts,
});
const price: Price = { id: 'p', input: 3_000_000_000, output: 15_000_000_000, cached: 300_000_000, cacheWrite: 3_750_000_000 };

test('input, cached, cache-write and output tokens each have their price', () => {
  expect(cost(usage({ input: 1_000, output: 100 }), price)).toEqual({
    input: 3_000_000,
    output: 1_500_000,
    total: 4_500_000,
    priceId: 'p',
    state: 'table',
  });
  expect(cost(usage({ input: 1_000, cached: 600 }), price).input).toBe(400 * 3_000 + 600 * 300);
  expect(cost(usage({ input: 1_000, cacheWrite: 600 }), price).input).toBe(400 * 3_000 + 600 * 3_750);
  expect(cost(usage({ input: 1_000, cached: 300, cacheWrite: 600 }), price).input).toBe(100 * 3_000 + 300 * 300 + 600 * 3_750);
});

test('reasoning tokens are part of the output and are not charged twice', () => {
  expect(cost(usage({ output: 100, reasoning: 90 }), price)).toEqual(cost(usage({ output: 100 }), price));
});

test('cached tokens without a price of their own cost as much as input', () => {
  const plain: Price = { id: 'p', input: 3_000_000_000, output: 0 };
  expect(cost(usage({ input: 1_000, cached: 600, cacheWrite: 100 }), plain)).toEqual(cost(usage({ input: 1_000 }), plain));
});

test('the cache saving is the difference to the price without a cache, and absent without cached tokens', () => {
  const used = usage({ input: 1_000, output: 7, cached: 600, cacheWrite: 100 });
  const known = cost(used, price);
  expect(withCacheSaving(known, used, price)).toEqual({ ...known, saved: 600 * 2_700 - 100 * 750 });
  expect(withCacheSaving(known, usage({ input: 1_000 }), price)).toEqual(known);
  expect(withCacheSaving(known, used, undefined)).toEqual(known);
  const tiered: Price = { ...price, tiers: [{ above: 900, input: 6_000_000_000, output: 0, cached: 600_000_000 }] };
  expect(withCacheSaving(known, usage({ input: 1_000, cached: 500 }), tiered).saved).toBe(500 * 5_400);
});

test('more cached tokens than input tokens give no negative cost', () => {
  expect(cost(usage({ input: 10, cached: 600 }), price).input).toBe(600 * 300);
});

test('fractions of a nano-dollar are rounded in each part, so that the total is the sum of the displayed parts', () => {
  const cheap: Price = { id: 'p', input: 400_000, output: 400_000 };
  expect(cost(usage({ input: 1, output: 1 }), cheap)).toMatchObject({ input: 0, output: 0, total: 0 });
  expect(cost(usage({ input: 2, output: 2 }), cheap)).toMatchObject({ input: 1, output: 1, total: 2 });
});

test('costs are integers, never negative, add up, and more tokens never cost less', () => {
  const count = fc.nat({ max: 2_000_000 });
  const rate = fc.nat({ max: 600_000_000_000 });
  const used = fc.record({ input: count, output: count, cached: count, cacheWrite: count, reasoning: count });
  const priced = fc.record(
    { id: fc.string(), input: rate, output: rate, cached: rate, cacheWrite: rate },
    { requiredKeys: ['id', 'input', 'output'] },
  );
  fc.assert(
    fc.property(used, priced, count, (counts, price, more) => {
      const bill = cost(usage(counts), price as Price);
      for (const part of [bill.input, bill.output, bill.total]) {
        expect(Number.isSafeInteger(part)).toBe(true);
        expect(part).toBeGreaterThanOrEqual(0);
      }
      expect(bill.total).toBe(bill.input + bill.output);
      const dearer = cost(usage({ ...counts, input: counts.input + more, output: counts.output + more }), price as Price);
      expect(dearer.input).toBeGreaterThanOrEqual(bill.input);
      expect(dearer.output).toBeGreaterThanOrEqual(bill.output);
    }),
    { numRuns },
  );
});

test('a nano-dollar is a thousand-millionth of a dollar', () => {
  expect(usd(1_500_000_000)).toBe(1.5);
});

test("above a tier's input size, all input and output tokens cost the tier's rate", () => {
  const tiered: Price = { ...price, tiers: [{ above: 200_000, input: 6_000_000_000, output: 22_500_000_000, cached: 600_000_000 }] };
  expect(cost(usage({ input: 200_000, output: 10 }), tiered)).toEqual(cost(usage({ input: 200_000, output: 10 }), price));
  expect(cost(usage({ input: 200_001, output: 10, cached: 1 }), tiered)).toMatchObject({
    input: 200_000 * 6_000 + 600,
    output: 10 * 22_500,
  });
});

test('audio has its own rates', () => {
  const audioPrice: Price = { ...price, audioInput: 32_000_000_000, audioOutput: 64_000_000_000 };
  const counts = usage({ input: 100, output: 50, audioInput: 90, audioOutput: 40 });
  expect(cost(counts, audioPrice)).toMatchObject({ input: 10 * 3_000 + 90 * 32_000, output: 10 * 15_000 + 40 * 64_000 });
  expect(cost(counts, price)).toMatchObject({ input: 100 * 3_000, output: 50 * 15_000 });
});

test("the provider's billed amount is the cost, unless the operator set a price or the response was cut", () => {
  const billed = usage({ input: 1_000, output: 100, billed: 9_000_000 });
  expect(costOf(billed, price)).toEqual({ input: 6_000_000, output: 3_000_000, total: 9_000_000, priceId: 'stated', state: 'stated' });
  expect(costOf(billed, undefined)).toEqual({ input: 0, output: 9_000_000, total: 9_000_000, priceId: 'stated', state: 'stated' });
  expect(costOf(billed, { ...price, id: 'config/a/b' })).toMatchObject({ priceId: 'config/a/b', total: 4_500_000 });
  expect(costOf({ ...billed, source: 'estimated' }, price)).toMatchObject({ priceId: 'p' });
  expect(costOf(usage({ input: 1 }), undefined)).toBeUndefined();
});

test('hour-long cache writes have their own price, and without one cost as much as other writes', () => {
  const written = usage({ input: 1_000, cacheWrite: 600, cacheWriteHour: 200 });
  expect(cost(written, { ...price, cacheWriteHour: 6_000_000_000 }).input).toBe(400 * 3_000 + 400 * 3_750 + 200 * 6_000);
  expect(cost(written, price).input).toBe(400 * 3_000 + 600 * 3_750);
});

test('a service tier multiplies every rate at any request size; an unpriced tier has no known cost', () => {
  const tiered: Price = {
    ...price,
    tiers: [{ above: 10, input: 6_000_000_000, output: 22_500_000_000 }],
    serviceTiers: { flex: 0.5, priority: 2 },
  };
  const used = usage({ input: 1_000, output: 100 });
  expect(cost(used, priceAtTier(tiered, 'flex')!)).toEqual({
    input: 3_000_000,
    output: 1_125_000,
    total: 4_125_000,
    priceId: 'p+flex',
    state: 'table',
  });
  expect(priceAtTier(tiered, 'Priority')).toMatchObject({ input: 6_000_000_000, cached: 600_000_000, cacheWrite: 7_500_000_000 });
  for (const tier of [undefined, 'default', 'standard', 'auto', 'on_demand']) expect(priceAtTier(tiered, tier)).toBe(tiered);
  expect(priceAtTier(price, 'priority')).toBeUndefined();
});
