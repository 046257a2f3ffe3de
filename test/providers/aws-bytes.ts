/** Events as AWS's own library encodes them in its binary stream. */
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { SseEvent } from '../../gateway/core/chat/provider.ts';

const codec = new EventStreamCodec(
  bytes => Buffer.from(bytes as Uint8Array).toString(),
  text => Buffer.from(text),
);

export const awsMessage = ({ event = '', data }: SseEvent): Uint8Array => {
  const [kind, name] = event.includes('/') ? event.split('/', 2) : ['event', event];
  const named = kind === 'exception' ? ':exception-type' : kind === 'error' ? ':error-code' : ':event-type';
  const text = (value: string) => ({ type: 'string', value }) as const;
  return codec.encode({
    headers: {
      ':message-type': text(kind!),
      [named]: text(name!),
      ':content-type': text('application/json'),
      ':n': { type: 'integer', value: 7 },
    },
    body: Buffer.from(data),
  });
};

export const awsBytes = (events: readonly SseEvent[]): Uint8Array => Buffer.concat(events.map(awsMessage));
