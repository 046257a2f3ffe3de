/** Cuts a streamed body into the events of its framing, wherever the network cut it into chunks. */
import { isAscii } from 'node:buffer';
import { createParser } from 'eventsource-parser';
import { awsEventStreamDecoder, type FrameDecoder, type FrameListener } from './aws-event-stream.ts';
/** By the provider's framing. */
export const frameDecoderFor = (framing: 'sse' | 'aws-eventstream', listener: FrameListener): FrameDecoder =>
  framing === 'sse' ? sseDecoder(listener) : awsEventStreamDecoder(listener);

const eventLengthMax = 16 * 1024 * 1024;

const lineFeed = 0x0a;
const dataPrefix = 'data: ';

const endsEvent = (bytes: Buffer): boolean => bytes[bytes.length - 1] === lineFeed && bytes[bytes.length - 2] === lineFeed;

/** What an event says that is one line of data and an empty one; undefined of any other bytes. */
function onlyData(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  const end = text.length - 2;
  return text.startsWith(dataPrefix) && text.indexOf('\n') === end && !text.includes('\r') ? text.slice(dataPrefix.length, end) : undefined;
}

/** Server-sent events: LF, CR or CRLF between lines. */
export function sseDecoder(listener: FrameListener): FrameDecoder {
  const decoder = new TextDecoder();
  let isOverflowed = false;
  const parser = createParser({
    maxBufferSize: eventLengthMax,
    onEvent: ({ event, data }) => listener.event(event === undefined ? { data } : { event, data }),
    onComment: () => listener.comment(),
    onError: error => {
      if (error.type !== 'max-buffer-size-exceeded' || isOverflowed) return;
      isOverflowed = true;
      listener.overflow();
    },
  });
  const feed = (text: string): void => {
    if (!isOverflowed) parser.feed(text);
  };
  // Whether the parser holds nothing: a chunk that is one event, as nearly all are, then needs neither decoder nor parser.
  let isEmpty = false;
  return {
    feed: chunk => {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const isWhole = endsEvent(bytes) && isAscii(bytes);
      const data = isEmpty && isWhole && !isOverflowed ? onlyData(bytes) : undefined;
      if (data !== undefined) return listener.event({ data, bytes });
      feed(decoder.decode(bytes, { stream: true }));
      isEmpty = isWhole;
    },
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}
