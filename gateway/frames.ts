/** Cuts a streamed body into the events of its framing, wherever the network cut it into chunks. */
import { createParser } from 'eventsource-parser';
import type { SseEvent } from './core/provider.ts';

export interface Frames {
  feed(chunk: Uint8Array): void;
  /** The body ended: an event that lacks only its blank line is given, too. */
  end(): void;
}

const eventBytesMax = 16 * 1024 * 1024;

/** Server-sent events: LF, CR or CRLF, comments dropped. `onOverflow` when one event passes 16 MiB. */
export function sseFrames(onEvent: (event: SseEvent) => void, onOverflow: () => void): Frames {
  const decoder = new TextDecoder();
  const parser = createParser({
    maxBufferSize: eventBytesMax,
    onEvent: ({ event, data }) => onEvent(event === undefined ? { data } : { event, data }),
    onError: error => {
      if (error.type === 'max-buffer-size-exceeded') onOverflow();
    },
  });
  return {
    feed: chunk => parser.feed(decoder.decode(chunk, { stream: true })),
    end: () => parser.feed(`${decoder.decode()}\n\n`),
  };
}
