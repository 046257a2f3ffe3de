/** The seeded number is deterministic for seed and label, and otherwise looks uniform and independent. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import { anyText } from '../any-text.ts';
import { longTimeout, runs } from '../runs.ts';

vi.setConfig({ testTimeout: longTimeout });

const draws = 40_000;
/** The values of these seeds and labels in every release. */
const knownValues = [0.02137250336818397, 0.9844965422526002, 0.7723585211206228, 0.7709160163067281];

describe('seededUniform', () => {
  test('is deterministic for seed and label, in [0, 1)', () => {
    fc.assert(
      fc.property(anyText(), anyText(), (seed, label) => {
        const value = seededUniform(seed, label);
        expect(seededUniform(seed, label)).toBe(value);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }),
      runs(2_000, 50_000),
    );
  });

  test('is equal on every machine, because recorded decisions depend on it', () => {
    expect([
      seededUniform('', ''),
      seededUniform('seed', 'label'),
      seededUniform('019a-0000', 'retry 1 0'),
      seededUniform('ü', '👍'),
    ]).toEqual(knownValues);
  });

  test.each<[string, (i: number) => readonly [string, string]]>([
    ['ids that count up', i => [`019ab3c4-${String(i).padStart(12, '0')}`, 'hedge']],
    ['labels that count up', i => ['019ab3c4', `retry ${i} 0`]],
    ['one letter', i => [String.fromCharCode(i), '']],
  ])('is uniform over %s', (_, words) => {
    const bins = new Uint32Array(64);
    const n = words(0)[1] === '' ? 60_000 : draws;
    let mean = 0;
    for (let i = 0; i < n; i++) {
      const value = seededUniform(...words(i));
      bins[Math.floor(value * bins.length)]!++;
      mean += value / n;
    }
    const expected = n / bins.length;
    const chiSquared = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: above 120 about once in a hundred thousand runs.
    expect(chiSquared).toBeLessThan(120);
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
  });

  test('is independent for neighbouring ids and labels', () => {
    const correlation = (pairs: readonly (readonly [number, number])[]): number =>
      (12 * pairs.reduce((sum, [a, b]) => sum + (a - 0.5) * (b - 0.5), 0)) / pairs.length;
    const ids = Array.from({ length: draws }, (_, i) => [seededUniform(`id ${i}`, 'x'), seededUniform(`id ${i + 1}`, 'x')] as const);
    const labels = Array.from(
      { length: draws },
      (_, i) => [seededUniform(`id ${i}`, 'retry 0'), seededUniform(`id ${i}`, 'retry 1')] as const,
    );
    expect(Math.abs(correlation(ids))).toBeLessThan(0.02);
    expect(Math.abs(correlation(labels))).toBeLessThan(0.02);
  });

  test('depends on the boundary of seed and label', () => {
    expect(seededUniform('ab', 'c')).not.toBe(seededUniform('a', 'bc'));
  });
});
