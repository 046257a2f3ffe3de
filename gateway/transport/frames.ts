/** Cuts a streamed body into the events of its framing, wherever the network cut it into chunks. */
import { createParser } from 'eventsource-parser';
import { awsEventStreamDecoder, type FrameDecoder, type FrameListener } from './aws-event-stream.ts';
/** By the provider's framing. */
export const frameDecoderFor = (framing: 'sse' | 'aws-eventstream', listener: FrameListener): FrameDecoder =>
  framing === 'sse' ? sseDecoder(listener) : awsEventStreamDecoder(listener);

const eventLengthMax = 16 * 1024 * 1024;

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
  return {
    feed: chunk => feed(decoder.decode(chunk, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}
