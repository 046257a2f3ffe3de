import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteLengthOf, chunksOf, joinedBytes } from '../../../recorder/store/row-bytes.ts';

/** Sources, and pieces of each: where they begin and how long they are, as shares of what there is. */
const rows = fc.array(
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(20))))
    .map(([bytes, pieces]) => ({
      source: Buffer.from(bytes),
      positions: pieces.flatMap(([share, length]) => {
        const start = Math.floor(share * (bytes.length - 1));
        return [start, Math.min(length, bytes.length - start)];
      }),
    })),
);

test('rows in pieces are the pieces one after another, whatever memory they pass through', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 50 }), (all, size) => {
      const expected = Buffer.concat(
        all.flatMap(({ source, positions }) =>
          positions.flatMap((start, i) => (i % 2 === 0 ? [source.subarray(start, start + positions[i + 1]!)] : [])),
        ),
      );
      const chunks = Array.from(chunksOf(all, Buffer.alloc(size)), chunk => Buffer.from(chunk));
      expect(Buffer.concat(chunks)).toEqual(expected);
      expect(chunks.every(({ length }) => length > 0 && length <= size)).toBe(true);
      expect(joinedBytes(all)).toEqual(expected);
      expect(byteLengthOf(all)).toBe(expected.length);
    }),
  );
});
