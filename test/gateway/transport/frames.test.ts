import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SseEvent } from '../../../gateway/core/chat/provider.ts';
import { sseDecoder } from '../../../gateway/transport/frames.ts';
import { runs } from '../../runs.ts';

function read(chunks: readonly (string | Uint8Array)[], ends = true) {
  const events: SseEvent[] = [];
  let comments = 0;
  let overflows = 0;
  const frames = sseDecoder({
    event: event => events.push(event),
    comment: () => comments++,
    overflow: () => overflows++,
  });
  for (const chunk of chunks) frames.feed(Buffer.from(chunk as string));
  if (ends) frames.end();
  return { events, comments, overflows };
}

describe('server-sent events', () => {
  test.each(['\n', '\r', '\r\n'])('end their lines with %j', end => {
    const body = [': ping', '', 'event: delta', 'data: {"a":', 'data: 1}', '', 'data: two', '', ''].join(end);
    expect(read([body])).toEqual({ events: [{ event: 'delta', data: '{"a":\n1}' }, { data: 'two' }], comments: 1, overflows: 0 });
  });

  test('are the same however their bytes are cut', () => {
    const line = fc.constantFrom('data: héllo 🎉', 'data:{"x":1}', 'event: ping', ': comment', 'id: 7', 'retry: 10', 'nonsense', '');
    const body = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r', '\r\n'))
      .map(([lines, end]) => Buffer.from(lines.join(end)));
    fc.assert(
      fc.property(body, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), (bytes, sizes) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(chunks)).toEqual(read([bytes]));
      }),
      runs(800),
    );
  });

  test('that come one by one are the same as in one piece, and those that are nothing but data give their bytes', () => {
    const event = fc.oneof(
      { weight: 3, arbitrary: fc.string({ maxLength: 30 }).map(text => `data: ${text.replace(/[\r\n]/g, ' ')}\n\n`) },
      fc.constantFrom(
        'data: é\n\n',
        'data:x\n\n',
        'event: ping\ndata: {}\n\n',
        ': comment\n\n',
        'data: a\r\n\r\n',
        'data: a\ndata: b\n\n',
        'data: half',
      ),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), pieces => {
        const { events } = read(pieces);
        expect(events.map(({ bytes: _, ...rest }) => rest)).toEqual(read([pieces.join('')]).events.map(({ bytes: _, ...rest }) => rest));
        for (const { data, bytes } of events) if (bytes) expect(Buffer.from(bytes).toString()).toBe(`data: ${data}\n\n`);
      }),
      runs(500),
    );
    expect(read(['data: a\n\n', 'data: b\n\n']).events.map(({ bytes }) => bytes !== undefined)).toEqual([false, true]);
  });

  test('are given at the end though their blank line is missing', () => {
    expect(read(['data: one\n\ndata: [DONE]']).events).toEqual([{ data: 'one' }, { data: '[DONE]' }]);
    expect(read(['data: one\n\ndata: [DONE]'], false).events).toEqual([{ data: 'one' }]);
  });

  test('larger than 16 MiB are reported once, and nothing is read after them', () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const seen = read(['data: ', ...Array.from({ length: 20 }, () => megabyte), '\n\n', 'data: after\n\n']);
    expect(seen).toEqual({ events: [], comments: 0, overflows: 1 });
  });

  test('in bytes that are no text are none', () => {
    expect(read([Buffer.from('00ff10deadbeef0a0a7b7b7b', 'hex')]).events).toEqual([]);
  });
});
