/** The cap of a run holds with any calls in flight. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpendCap } from '../../replay/run/spend-cap.ts';

test('the cost never exceeds the cap, when no call costs more than its reservation', () => {
  const step = fc.record({ worst: fc.nat(1_000), share: fc.double({ min: 0, max: 1, noNaN: true }), settleFirst: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(5_000), fc.array(step, { maxLength: 40 }), (cap, steps) => {
      const purse = new SpendCap(cap);
      const under: { worst: number; actual: number }[] = [];
      for (const { worst, share, settleFirst } of steps) {
        if (settleFirst) {
          const call = under.shift();
          if (call) purse.settle(call.worst, call.actual);
        }
        if (purse.reserve(worst)) under.push({ worst, actual: Math.floor(worst * share) });
      }
      for (const call of under) purse.settle(call.worst, call.actual);
      expect(purse.spent).toBeLessThanOrEqual(cap);
    }),
  );
});

test('an unused reservation can be reserved again', () => {
  const purse = new SpendCap(100);
  expect(purse.reserve(80)).toBe(true);
  expect(purse.reserve(30)).toBe(false);
  purse.settle(80, 10);
  expect(purse.reserve(90)).toBe(true);
});
