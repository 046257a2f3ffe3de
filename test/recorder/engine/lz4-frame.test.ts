import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lz4FrameDecoder } from '../../../recorder/engine/http/lz4-frame.ts';

/** By Python's lz4.frame 4, with linked blocks of 64 KiB and a checksum of the content. */
const packed = Buffer.from(
  'BCJNGExAMH0CAAAAAAAoHwIAAG9oZWxsbyAGAP////////////////////////////////////////////////////////////////////////////////////////////99//EAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3+Dh4uPk5ebn6Onq6+zt7u/w8fLz9PX29/j5+vv8/f7/AAH/////////////////////////AH90aGUgZW5kBwD/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////N1BuZHRoZQoBAAAPraX/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////6FB0aGUgZYcAAAAPBwD//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////5VQZSBlbmQAAAAAeG0jtA==',
  'base64',
);
const plain = Buffer.concat([
  Buffer.from('hello '.repeat(3000)),
  ...Array.from({ length: 20 }, () => Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
  Buffer.from('the end'.repeat(20_000)),
]);

const decode = (chunks: readonly Buffer[]): Promise<Buffer> =>
  buffer(Readable.from(chunks, { objectMode: false }).pipe(new Lz4FrameDecoder()));

describe('LZ4 frames', () => {
  it('are unpacked exactly, wherever the chunks are cut, one frame or several', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(packed.length), { maxLength: 6 }), async cuts => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), packed.length];
        const chunks = at.slice(1).map((end, i) => packed.subarray(at[i], end));
        expect((await decode(chunks)).equals(plain)).toBe(true);
        expect((await decode([...chunks, ...chunks])).length).toBe(2 * plain.length);
      }),
      { numRuns: 30 },
    ));

  it('that are cut short or spoiled are an error, and never end the process', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: packed.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const decoder = new Lz4FrameDecoder();
        const ended = buffer(decoder).catch((error: unknown) => error);
        decoder.end(packed.subarray(0, at));
        expect(await ended).toMatchObject({ codeName: 'INCORRECT_DATA' });
        const spoiled = Buffer.from(packed);
        spoiled[at]! ^= flip;
        const other = new Lz4FrameDecoder();
        const end = buffer(other).catch((error: unknown) => error);
        other.end(spoiled);
        const result = await end;
        if (result instanceof Error) expect(result).toMatchObject({ codeName: 'INCORRECT_DATA' });
      }),
      { numRuns: 60 },
    ));
});
