/** Server-sent events to one client, which may disconnect or read too slowly. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../core/shared/time.ts';
import type { TailEvent } from '../api/exchanges.ts';
import type { EventStream } from '../handlers/contract.ts';

const keepAliveMs = 10_000;
/** What a slow reader may have waiting; events beyond it are left out and counted. */
const waitingBytesMax = 256 * 1024;

/** Gives what ends it. */
export function sendEvents(response: ServerResponse, stream: EventStream<TailEvent>, clock: Clock): () => void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // Proxies would collect what should arrive at once.
    'x-accel-buffering': 'no',
  });
  response.write(': open\n\n');
  let dropped = 0;
  const write = (event: TailEvent): void => void response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const close = stream.open(event => {
    if (response.writableLength > waitingBytesMax) {
      dropped += event.type === 'dropped' ? event.count : 1;
      return;
    }
    if (dropped > 0) write({ type: 'dropped', count: dropped });
    dropped = 0;
    write(event);
  });
  let stopTimer = (): void => {};
  const keepAlive = (): void => {
    stopTimer = clock.at(clock.now() + keepAliveMs, () => {
      if (response.writableLength === 0) response.write(':\n\n');
      keepAlive();
    });
  };
  keepAlive();
  let isOpen = true;
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stopTimer();
    close();
    response.end();
  };
  response.once('close', end);
  return end;
}
