/** What callers receive is what is recorded: a checksum and a digest prove it, for any chunks and any break. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { seal } from '../../../gateway/core/exchange.ts';
import { Delivery } from '../../../gateway/exchange/response/delivery.ts';
import { streamOf } from '../../faults/chat.ts';
import { inSmallPieces, stream, truncatedAt } from '../../faults/scripts.ts';
import { FaultyUpstream } from '../../faults/upstream.ts';
import { longTimeout, runs } from '../../runs.ts';
import { ExecutionHarness, helloStream, MemoryResponseSink, readStream } from './harness.ts';

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const head = { status: 200, contentType: 'text/event-stream', headers: [] };
/** Lone surrogates, too: what no UTF-8 can say becomes the same on every way. */
const pieces = fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ minLength: 60, maxLength: 400 })), {
  maxLength: 30,
});

describe('a delivery', () => {
  test('is proved to be its record, and a record that differs in one bit, lacks a piece or has one twice is found out, with the place', () => {
    fc.assert(
      fc.property(pieces, fc.nat(), fc.constantFrom('nothing', 'bit', 'lost', 'twice', 'moved'), (texts, at, harm) => {
        const delivery = new Delivery(new MemoryResponseSink(Number.POSITIVE_INFINITY));
        const sent = texts.filter(text => text !== '');
        for (const text of sent) delivery.write(text);
        const { chunks } = delivery;
        const i = sent.length === 0 ? 0 : at % sent.length;
        const before = Buffer.concat(chunks);
        if (sent.length > 0) {
          if (harm === 'bit') chunks[i] = Buffer.from(chunks[i]!.map((byte, j) => (j === 0 ? byte ^ 1 : byte)));
          if (harm === 'lost') chunks.splice(i, 1);
          if (harm === 'twice') chunks.splice(i, 0, chunks[i]!);
          if (harm === 'moved') chunks.push(chunks.shift()!);
        }
        const isSame = Buffer.concat(chunks).equals(before);
        expect(delivery.integrityFailure() === undefined).toBe(isSame);
      }),
      runs(100),
    );
    const delivery = new Delivery(new MemoryResponseSink(Number.POSITIVE_INFINITY));
    delivery.write('good ');
    delivery.write('bye');
    delivery.chunks[1] = Buffer.from('bYe');
    expect(delivery.integrityFailure()).toMatchObject({ kind: 'internal', message: expect.stringContaining('from byte 6') });
  });

  test('ends in no other words than those that were recorded', () => {
    const reader = new MemoryResponseSink(Number.POSITIVE_INFINITY);
    const delivery = new Delivery(reader);
    delivery.sendHead(head);
    delivery.write('so ');
    const { response, delivered } = delivery.finish('long');
    delivery.end(head, seal());
    expect(reader.text).toBe(response.toString());
    expect(delivered).toEqual({ sha256: sha256('so long'), events: 2, bytes: 7 });
  });
});

describe('over real sockets', () => {
  test('what the caller read is the record, and the digest is of it, wherever the stream is cut and in whatever pieces it comes', {
    timeout: longTimeout,
  }, async () => {
    const complete = stream(streamOf(['hel', 'lö ', '🌍', 'x'.repeat(500)]));
    await fc.assert(
      fc.asyncProperty(fc.nat(1500), fc.constantFrom('fin', 'rst'), fc.string({ maxLength: 5 }), async (bytes, end, seed) => {
        await using upstream = await FaultyUpstream.start(inSmallPieces(truncatedAt(complete, bytes, end), seed, { sizeMax: 300 }));
        await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } } });
        const { exchange, text } = await harness.execute({ body: helloStream });
        expect(Buffer.from(exchange.response).toString()).toBe(text);
        expect(exchange.delivered).toMatchObject({ sha256: sha256(text), bytes: Buffer.byteLength(text) });
        expect(exchange.delivered!.events).toBeLessThanOrEqual(text.split('\n\n').length);
      }),
      runs(10, 500),
    );
  });

  test('a record that is not what was delivered ends the stream in an error, never in [DONE]', async () => {
    await using upstream = await FaultyUpstream.start(stream(streamOf(['hel', 'lo'])));
    await using harness = new ExecutionHarness({ upstreams: { A: { url: upstream.url } } });
    const harmed = vi.spyOn(Delivery.prototype, 'integrityFailure').mockReturnValueOnce({ kind: 'internal', message: 'harmed' });
    const { exchange, text } = await harness.execute({ body: helloStream });
    harmed.mockRestore();
    expect(readStream(text)).toMatchObject({ terminal: 'none', errors: [{ code: 'internal_error' }] });
    expect(exchange).toMatchObject({ outcome: 'internal', decision: { failure: { message: 'harmed' } } });
  });
});
