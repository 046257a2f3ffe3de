/** The prefilter may be wrong in one way only: it may cause a search that finds nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SecretPrefilter } from '../../../gateway/transport/secret-prefilter.ts';
import { runs } from '../../runs.ts';

const letters = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'abcAB12-_{}"\n'), minLength, maxLength }).map(text => Buffer.from(text));
const needles = fc.array(letters(8, 60), { minLength: 1, maxLength: 5 });

test('a chunk that holds a needle, or ends as one begins, is never let through', () => {
  fc.assert(
    fc.property(needles, letters(0, 80), letters(0, 80), fc.nat(), fc.nat(), (keys, before, after, which, cut) => {
      const sieve = new SecretPrefilter(keys);
      const needle = keys[which % keys.length]!;
      expect(sieve.mayContain(Buffer.concat([before, needle, after])), 'in the midst').toBe(true);
      const beginning = needle.subarray(0, 1 + (cut % (needle.length - 1)));
      expect(sieve.mayContain(Buffer.concat([before, beginning])), 'at the end').toBe(true);
    }),
    runs(500),
  );
});

test('ordinary text is let through, whatever its length', () => {
  const sieve = new SecretPrefilter([Buffer.from('sk-proj-0123456789abcdefghijklmnopqrstuvwxyz')]);
  for (let length = 0; length < 100; length++) expect(sieve.mayContain(Buffer.from(`${'All is quiet. '.repeat(length)}\n`))).toBe(false);
});
