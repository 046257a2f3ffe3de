import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SseEvent } from '../../../gateway/core/chat/provider.ts';
import { frameDecoderFor } from '../../../gateway/transport/frames.ts';
import { awsBytes, awsMessage } from '../../providers/aws-bytes.ts';
import { runs } from '../../runs.ts';

function read(chunks: readonly Uint8Array[]) {
  const events: SseEvent[] = [];
  const faults: string[] = [];
  const frames = frameDecoderFor('aws-eventstream', {
    event: event => events.push(event),
    comment: () => {},
    overflow: () => faults.push('overflow'),
    corrupt: reason => faults.push(reason),
  });
  for (const chunk of chunks) frames.feed(chunk);
  frames.end();
  return { events, faults };
}

const event = fc.record({
  event: fc.constantFrom('contentBlockDelta', 'messageStop', 'exception/throttlingException', 'error/InternalError'),
  data: fc.string({ unit: 'grapheme', maxLength: 40 }),
});

describe("AWS's binary event stream", () => {
  test('is read as its own library wrote it, however its bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), (events, sizes) => {
        const bytes = awsBytes(events);
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(chunks)).toEqual({ events, faults: [] });
      }),
      runs(500),
    );
  });

  test('reports corruption for any changed byte, and yields nothing after it', () => {
    const first = { event: 'messageStart', data: '{"role":"assistant"}' };
    const second = { event: 'messageStop', data: '{"stopReason":"end_turn"}' };
    const head = awsMessage(first).length;
    const complete = awsBytes([first, second, second]);
    const last = head + awsMessage(second).length;
    fc.assert(
      fc.property(fc.integer({ min: head, max: last - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(complete);
        bytes[at]! ^= change;
        const { events, faults } = read([bytes]);
        expect(events).toEqual([first]);
        expect(faults).toHaveLength(1);
        expect(faults[0]).toMatch(/checksum/);
      }),
      runs(500),
    );
  });

  test('gives no half message at the end', () => {
    const complete = awsBytes([
      { event: 'a', data: '1' },
      { event: 'b', data: '2' },
    ]);
    expect(read([complete.subarray(0, complete.length - 1)])).toEqual({ events: [{ event: 'a', data: '1' }], faults: [] });
  });

  test('of random bytes is reported as corrupt', () => {
    expect(read([Buffer.from('data: {"a":1}\n\n')]).faults).toEqual(['the checksum of a message prelude is wrong']);
  });
});
