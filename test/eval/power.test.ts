/** Sizes that the method's page prints. */
import { expect, test } from 'vitest';
import { sizeForHarm, sizeForNetLoss } from '../../eval/power.ts';

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
