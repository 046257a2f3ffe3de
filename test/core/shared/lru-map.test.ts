/** The least recently updated entry is evicted, in a copied map and in one updated in place. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { putLruEntry, withLruEntry } from '../../../gateway/core/shared/lru-map.ts';
import { runs } from '../../runs.ts';

const { numRuns } = runs(200, 5_000);
const countMax = 8;

test('a map updated in place equals a copied one until an entry is evicted', () => {
  const names = fc.array(fc.integer({ min: 0, max: countMax - 1 }), { maxLength: 40 });
  fc.assert(
    fc.property(names, updates => {
      let copied: ReadonlyMap<string, number> = new Map();
      const kept = new Map<string, number>();
      for (const [value, name] of updates.entries()) {
        copied = withLruEntry(copied, String(name), value, countMax);
        putLruEntry(kept, String(name), value, countMax);
      }
      expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(copied));
    }),
    { numRuns },
  );
});

test('a full map evicts the oldest entry, and never one updated since it was half full', () => {
  const names = fc.array(fc.integer({ min: 0, max: 3 * countMax }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(names, updates => {
      const kept = new Map<string, number>();
      for (const [at, name] of updates.entries()) {
        putLruEntry(kept, String(name), at, countMax);
        expect(kept.size).toBeLessThanOrEqual(countMax);
        const lately = [...new Set(updates.slice(0, at + 1).toReversed())].slice(0, countMax / 2);
        for (const one of lately) expect(kept.has(String(one)), `${one} after ${updates.slice(0, at + 1)}`).toBe(true);
      }
    }),
    { numRuns },
  );
});
