/** Cuts a streamed body into the events of its framing, wherever the network cut it into chunks. */
import { createParser } from 'eventsource-parser';
import { awsFrames, type Frames, type FramesListener } from './frames-aws.ts';
/** By the provider's framing. */
export const framesOf = (framing: 'sse' | 'aws-eventstream', listener: FramesListener): Frames =>
  framing === 'sse' ? sseFrames(listener) : awsFrames(listener);

const eventLengthMax = 16 * 1024 * 1024;

/** Server-sent events: LF, CR or CRLF between lines. */
export function sseFrames(listener: FramesListener): Frames {
  const decoder = new TextDecoder();
  let isOver = false;
  const parser = createParser({
    maxBufferSize: eventLengthMax,
    onEvent: ({ event, data }) => listener.event(event === undefined ? { data } : { event, data }),
    onComment: () => listener.comment(),
    onError: error => {
      if (error.type !== 'max-buffer-size-exceeded' || isOver) return;
      isOver = true;
      listener.overflow();
    },
  });
  const feed = (text: string): void => {
    if (!isOver) parser.feed(text);
  };
  return {
    feed: chunk => feed(decoder.decode(chunk, { stream: true })),
    end: () => feed(`${decoder.decode()}\n\n`),
  };
}
