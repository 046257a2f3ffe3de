/** Parses a recorded stream through the edge's own framing, with chunk borders anywhere. */

import type { ChatResponse, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import { frameDecoderFor } from '../../gateway/transport/frames.ts';

/** The client's result of a stream: the response, or the failure that ended it. */
export function parseRechunked(provider: Provider, body: string | Uint8Array, chunkLengths: readonly number[]): ChatResponse | Failure {
  const parser = provider.parseStream();
  const events: StreamEvent[] = [];
  const frames = frameDecoderFor(provider.framing, {
    event: event => events.push(...parser.parse(event)),
    comment: () => {},
    overflow: expectNoOverflow,
    corrupt: reason => {
      throw new Error(reason);
    },
  });
  for (const chunk of cut(Buffer.from(body), chunkLengths)) frames.feed(chunk);
  frames.end();
  const failed = events.find(event => event.type === 'failure');
  if (failed) return failed.failure;
  const end = parser.end();
  return end.complete ? collectResponse([...events, ...end.events]) : end.failure;
}

function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + length);
    at += length;
  }
  if (at < bytes.length) yield bytes.subarray(at);
}

function expectNoOverflow(): never {
  throw new Error('a recorded event is larger than the edge allows');
}
