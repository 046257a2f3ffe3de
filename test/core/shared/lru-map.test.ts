/** What is heard of last stays, whether the map is copied or kept. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { putLruEntry, withLruEntry } from '../../../gateway/core/shared/lru-map.ts';
import { runs } from '../../runs.ts';

const { numRuns } = runs(200, 5_000);
const countMax = 8;

test('a map that is kept in place holds what a copied one would, as long as nothing has to be forgotten', () => {
  const names = fc.array(fc.integer({ min: 0, max: countMax - 1 }), { maxLength: 40 });
  fc.assert(
    fc.property(names, heard => {
      let copied: ReadonlyMap<string, number> = new Map();
      const kept = new Map<string, number>();
      for (const [value, name] of heard.entries()) {
        copied = withLruEntry(copied, String(name), value, countMax);
        putLruEntry(kept, String(name), value, countMax);
      }
      expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(copied));
    }),
    { numRuns },
  );
});

test('a full map forgets what was silent longest, and never what was heard of since it was half full', () => {
  const names = fc.array(fc.integer({ min: 0, max: 3 * countMax }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(names, heard => {
      const kept = new Map<string, number>();
      for (const [at, name] of heard.entries()) {
        putLruEntry(kept, String(name), at, countMax);
        expect(kept.size).toBeLessThanOrEqual(countMax);
        const lately = [...new Set(heard.slice(0, at + 1).toReversed())].slice(0, countMax / 2);
        for (const one of lately) expect(kept.has(String(one)), `${one} after ${heard.slice(0, at + 1)}`).toBe(true);
      }
    }),
    { numRuns },
  );
});
