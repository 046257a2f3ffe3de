/** Sizes that the method's page prints. */
import { describe, expect, test } from 'vitest';
import { requiredSampleSizes, type SampleSizeOptions } from '../../eval/certify/sample-size.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { chainOf } from '../../eval/policies/chain.ts';
import { sizeForHarm, sizeForNetLoss } from '../../statistics/index.ts';

test.each([
  [0.01, 0.01, 619],
  [0.02, 0.01, 1237],
  [0.05, 0.01, 3092],
  [0.05, 0.02, 773],
  [0.1, 0.01, 6183],
  [0.1, 0.02, 1546],
])('a net loss below, where a share of %d differs and %d is allowed, needs %d requests', (differing, lossMax, size) => {
  expect(Math.abs(sizeForNetLoss({ lossMax, loss: 0, differing, delta: 0.05, power: 0.8, designEffect: 1 }) - size)).toBeLessThanOrEqual(1);
});

test.each([
  [0.01, 0, 301],
  [0.01, 0.0025, 773],
  [0.01, 0.005, 1959],
  [0.02, 0, 151],
  [0.02, 0.005, 390],
  [0.02, 0.01, 987],
  [0.05, 0, 60],
  [0.05, 0.0125, 155],
  [0.05, 0.025, 390],
])('a harm of at most %d, truly %d, needs about %d requests', (harmMax, harm, size) => {
  const n = sizeForHarm({ harmMax, harm, delta: 0.05, power: 0.8 });
  // Power goes up and down like a saw as n grows; the page's sizes are not the very first that suffice.
  expect(n).toBeLessThanOrEqual(size);
  expect(n).toBeGreaterThan(0.92 * size);
  expect(sizeForHarm({ harmMax, harm, delta: 0.05, power: 0.9 })).toBeGreaterThanOrEqual(n);
});

test('what is no better than the bound cannot be shown to be', () => {
  expect(sizeForHarm({ harmMax: 0.01, harm: 0.01, delta: 0.05, power: 0.8 })).toBe(Number.POSITIVE_INFINITY);
  expect(sizeForNetLoss({ lossMax: 0.01, loss: 0.02, differing: 0.1, delta: 0.05, power: 0.8, designEffect: 1 })).toBe(
    Number.POSITIVE_INFINITY,
  );
});

/** `cheap` is sure of every second request and harms one in a hundred of those; the rest it gets wrong half of the time. */
const outcomes = (n: number, perCluster = 1): Item[] =>
  Array.from({ length: n }, (_, i) => ({
    id: String(i).padStart(6, '0'),
    cluster: String(Math.floor(i / perCluster)),
    outcomes: new Map([
      ['cheap', { signals: { scorer: i % 2 ? 0.9 : 0.3 }, quality: (i % 2 ? i % 200 === 1 : i % 4 === 0) ? 0 : 1, costNanoUsd: 1_000_000 }],
      ['dear', { signals: {}, quality: 1, costNanoUsd: 9_000_000 }],
    ]),
  }));
const chain = chainOf('cheap,dear', new Map());
if (typeof chain === 'string') throw new Error(chain);
const ask = { signal: 'confidence', loss: 'harm', lossMax: 0.01, confidence: 0.95, power: 0.8, thresholds: [[0.9], [0.3]] } as const;
const needed = (items: readonly Item[], more: Partial<SampleSizeOptions> = {}) =>
  requiredSampleSizes(chain, completeItems(items, chain.targets), { ...ask, ...more });

describe('what a certificate still needs', () => {
  test('is the exact size less what is there, at the price of asking every target', () => {
    const [strict, loose] = needed(outcomes(400));
    const size = sizeForHarm({ harmMax: 0.01, harm: 0.005, delta: 0.05, power: 0.8 });
    expect(strict).toMatchObject({
      accept: 0.5,
      loss: 0.005,
      requests: size,
      more: size - 400,
      usd: expect.closeTo((size - 400) * 0.01, 9),
    });
    expect(loose).toMatchObject({ accept: 1, loss: expect.closeTo(0.255, 9), requests: null, more: null, usd: null });
  });

  test('is nothing when there are enough', () => {
    expect(needed(outcomes(4000))[0]).toMatchObject({ more: 0, usd: 0 });
  });

  test('grows with clusters whose items are alike', () => {
    const twice = outcomes(400).flatMap(item => [item, { ...item, id: `${item.id}b` }]);
    const apart = needed(twice.map(item => ({ ...item, cluster: item.id })))[0]!;
    const together = needed(twice)[0]!;
    expect(together.designEffect).toBeCloseTo(2, 1);
    expect(together.requests! / apart.requests!).toBeCloseTo(2, 1);
  });

  test('of a net loss counts what comes out differently either way', () => {
    const [strict] = needed(outcomes(400), { loss: 'net', lossMax: 0.02 });
    expect(strict!.differing).toBeCloseTo(0.005, 9);
    expect(strict!.requests).toBeGreaterThan(
      sizeForNetLoss({ lossMax: 0.02, loss: 0.005, differing: 0.005, delta: 0.05, power: 0.8, designEffect: 1 }),
    );
  });
});
