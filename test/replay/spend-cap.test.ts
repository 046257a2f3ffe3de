/** The cap of a run holds with any calls in flight. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpendCap } from '../../replay/run/spend-cap.ts';

test('the cost never exceeds the cap, when no call costs more than its reservation', () => {
  const step = fc.record({ worst: fc.nat(1_000), share: fc.double({ min: 0, max: 1, noNaN: true }), settleFirst: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(5_000), fc.array(step, { maxLength: 40 }), (cap, steps) => {
      const spendCap = new SpendCap(cap);
      const under: { worst: number; actual: number }[] = [];
      for (const { worst, share, settleFirst } of steps) {
        if (settleFirst) {
          const call = under.shift();
          if (call) spendCap.settle(call.worst, call.actual);
        }
        if (spendCap.reserve(worst)) under.push({ worst, actual: Math.floor(worst * share) });
      }
      for (const call of under) spendCap.settle(call.worst, call.actual);
      expect(spendCap.spent).toBeLessThanOrEqual(cap);
    }),
  );
});

test('an unused reservation can be reserved again', () => {
  const spendCap = new SpendCap(100);
  expect(spendCap.reserve(80)).toBe(true);
  expect(spendCap.reserve(30)).toBe(false);
  spendCap.settle(80, 10);
  expect(spendCap.reserve(90)).toBe(true);
});
