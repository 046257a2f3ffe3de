/** Plays a provider that needs no network: its performance becomes the same bytes and moments that a socket would bring. */
import type { SimulatedResponse } from '../core/chat/provider.ts';
import type { Cancel, Clock } from '../core/shared/time.ts';
import type { UpstreamHandle, UpstreamListener } from './upstream.ts';

export function simulatedTransport(script: SimulatedResponse, clock: Clock, listener: UpstreamListener): UpstreamHandle {
  let cancel: Cancel = () => {};
  let paused = false;
  let held: (() => void) | undefined;
  let headersSent = false;
  let isAborted = false;
  let next = 0;
  const frames = script.frames.map(frame => ({ ...frame, bytes: Buffer.from(frame.data) }));

  const sendHeaders = (): void => {
    if (headersSent || script.status === 'refused') return;
    headersSent = true;
    listener.headers(script.status, script.headers);
  };
  const step = (): void => {
    if (isAborted) return;
    const frame = frames[next];
    if (!frame) return finish();
    cancel = clock.at(clock.now() + frame.afterMs, () => {
      const deliver = (): void => {
        next++;
        sendHeaders();
        listener.chunk(frame.bytes);
        step();
      };
      if (paused) held = deliver;
      else deliver();
    });
  };
  const finish = (): void => {
    if (script.status === 'refused')
      return listener.failed({ kind: 'unreachable', message: 'ECONNREFUSED: refused as scripted', code: 'ECONNREFUSED' });
    sendHeaders();
    if (script.ending === 'end') listener.end();
    if (script.ending === 'reset') listener.failed({ kind: 'truncated', message: 'ECONNRESET: cut as scripted', code: 'ECONNRESET' });
  };
  // Like a socket, it never reports before the call that started it has returned.
  cancel = clock.at(clock.now(), step);
  return {
    abort: () => {
      isAborted = true;
      held = undefined;
      cancel();
    },
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      const deliver = held;
      held = undefined;
      deliver?.();
    },
  };
}
