import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import { Arena, buffersOf } from '../../../recorder/spool/arena.ts';
import { isPacked } from '../../../recorder/spool/packed-rows.ts';
import { payloadIdentity } from '../../../recorder/spool/payload-identity.ts';
import { decodeExchange } from '../../../recorder/spool/record-encoding.ts';
import {
  fileHeaderBytes,
  newSegmentId,
  parseSegment,
  parseSegmentName,
  renderFileHeader,
  saltOf,
  segmentName,
  segmentTime,
} from '../../../recorder/spool/segment.ts';
import { exchange } from '../arbitrary-exchange.ts';
import { jsonSegment } from '../json-segment.ts';

const numRuns = process.env.HINDCAST_LONG ? 2_000 : 150;
const id = newSegmentId(1_732_480_000_000);

function segmentOf(exchanges: readonly Exchange[]): Buffer {
  const arena = new Arena();
  const frames = exchanges.map(e => arena.pack(e));
  return Buffer.concat([renderFileHeader(id), ...buffersOf(frames, 0, saltOf(id))]);
}

const idsOf = (file: Uint8Array): string[] =>
  parseSegment(file, id).frames.map(frame => payloadIdentity(Buffer.from(frame.payload)).ids[0]!);
const exchanges = fc.array(exchange, { minLength: 1, maxLength: 6 });

describe('a segment', () => {
  it('of version 0.1.0 gives every exchange back as it was, with all bytes', () => {
    fc.assert(
      fc.property(exchanges, written => {
        const { frames, corrupt, tornBytes } = parseSegment(jsonSegment(id, written), 'unused');
        expect(frames.map(frame => decodeExchange(frame.payload))).toEqual(written);
        expect(frames.some(frame => isPacked(frame.payload))).toBe(false);
        expect([corrupt, tornBytes]).toEqual([0, 0]);
      }),
      { numRuns },
    );
  });

  it('keeps bodies larger than what is copied, and one that is used twice only once', () => {
    const [sample] = fc.sample(exchange, { numRuns: 1, seed: 1 });
    const large = Buffer.alloc(300_000, 'large ');
    const written = { ...sample!, request: large, response: Buffer.from(large), attempts: [] };
    for (const [file, read] of [
      [segmentOf([written, sample!, written]), payloadIdentity],
      [jsonSegment(id, [written, sample!, written]), decodeExchange],
    ] as const) {
      const { frames, corrupt, tornBytes } = parseSegment(file, id);
      expect([frames.length, corrupt, tornBytes]).toEqual([3, 0, 0]);
      for (const { payload } of frames) expect(() => read(payload)).not.toThrow();
      expect(file.length).toBeLessThan(3 * 300_000);
    }
  });

  it('cut off anywhere, still gives the frames that are whole', () => {
    fc.assert(
      fc.property(exchanges, fc.double({ min: 0, max: 1, noNaN: true }), (written, share) => {
        const complete = segmentOf(written);
        const cut = complete.subarray(0, Math.floor(share * complete.length));
        const read = idsOf(cut);
        expect(read).toEqual(written.slice(0, read.length).map(e => e.id));
        const ends = parseSegment(complete, id).frames.map(frame => frame.offset + 20 + frame.payload.length);
        expect(read).toHaveLength(ends.filter(end => end <= cut.length).length);
        const headerEnd = cut.length < fileHeaderBytes ? 0 : fileHeaderBytes;
        expect(parseSegment(cut, id).tornBytes).toBe(cut.length - (ends[read.length - 1] ?? headerEnd));
      }),
      { numRuns },
    );
  });

  it('with bytes changed, lost or doubled, loses only what was hit and invents nothing', () => {
    const damage = fc.record({
      at: fc.double({ min: 0, max: 0.999, noNaN: true }),
      remove: fc.nat(60),
      insert: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(exchanges, damage, (written, { at, remove, insert }) => {
        const complete = segmentOf(written);
        const from = Math.floor(at * complete.length);
        const broken = Buffer.concat([complete.subarray(0, from), insert, complete.subarray(from + remove)]);
        const untouched = parseSegment(complete, id).frames.filter(
          ({ offset, payload }) => offset + 20 + payload.length <= from || offset >= from + remove,
        );
        const read = parseSegment(broken, id).frames.map(frame => Buffer.from(frame.payload).toString('latin1'));
        expect(read).toEqual(expect.arrayContaining(untouched.map(frame => Buffer.from(frame.payload).toString('latin1'))));
        const payloads = parseSegment(complete, id).frames.map(frame => Buffer.from(frame.payload).toString('latin1'));
        for (const found of read) expect(payloads).toContain(found);
        expect(new Set(read).size).toBe(read.length);
      }),
      { numRuns },
    );
  });

  it('never throws and finds nothing in bytes that are no segment', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), noise => {
        expect(parseSegment(noise, id).frames).toEqual([]);
        expect(parseSegment(Buffer.concat([renderFileHeader(id), noise]), id).frames).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('counts a broken frame between good ones, and reads on behind it', () => {
    const written = fc.sample(exchange, { numRuns: 3, seed: 2 });
    const file = segmentOf(written);
    const { frames } = parseSegment(file, id);
    file[frames[1]!.offset + 25]! ^= 1;
    const read = parseSegment(file, id);
    expect(read.corrupt).toBe(1);
    expect(read.frames.map(f => f.sequence)).toEqual([0, 2]);
  });

  it('does not take a frame inside a body for one of its own, even where the frame around it is broken', () => {
    const [outer, forged] = fc.sample(exchange, { numRuns: 2, seed: 3 });
    const otherId = newSegmentId(1_732_480_000_001);
    const arena = new Arena();
    const inner = Buffer.concat(buffersOf([arena.pack(forged!)], 1, saltOf(otherId)));
    const file = segmentOf([{ ...outer!, request: inner }]);
    file[fileHeaderBytes + 24]! ^= 0xff;
    expect(parseSegment(file, id).frames).toEqual([]);
  });

  it('does not give a frame twice that stands in the file twice', () => {
    const written = fc.sample(exchange, { numRuns: 2, seed: 4 });
    const file = segmentOf(written);
    const doubled = Buffer.concat([file, file.subarray(fileHeaderBytes)]);
    expect(idsOf(doubled)).toEqual(written.map(e => e.id));
  });

  it('takes its id from the file name when the file header is broken', () => {
    const written = fc.sample(exchange, { numRuns: 2, seed: 5 });
    const file = segmentOf(written);
    file[6]! ^= 1;
    expect(parseSegment(file, id).id).toBe(id);
    expect(idsOf(file)).toEqual(written.map(e => e.id));
  });
});

describe("a segment's name", () => {
  it('says when it was begun and whether it is being written, and sorts by age', () => {
    const older = newSegmentId(1_000);
    const newer = newSegmentId(1_700_000_000_000);
    expect(older < newer).toBe(true);
    expect(segmentTime(newer)).toBe(1_700_000_000_000);
    expect(parseSegmentName(segmentName(older, true))).toEqual({ id: older, open: true });
    expect(parseSegmentName(segmentName(older, false))).toEqual({ id: older, open: false });
  });

  it('is nothing else', () => {
    for (const name of ['lock', 'probe', 'x.seg', `${id}.tmp`, `${id}.seg.bak`, `${id}`, '../x.seg']) {
      expect(parseSegmentName(name)).toBeUndefined();
    }
  });
});
