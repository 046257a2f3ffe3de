/** Plays a provider that needs no network: its performance becomes the same bytes and moments that a socket would bring. */
import type { Performance } from '../core/provider.ts';
import type { Cancel, Clock } from '../core/time.ts';
import type { UpstreamHandle, UpstreamListener } from './upstream.ts';

export function play(performance: Performance, clock: Clock, listener: UpstreamListener): UpstreamHandle {
  let cancel: Cancel = () => {};
  let paused = false;
  let waiting: (() => void) | undefined;
  let begun = false;
  let over = false;
  let next = 0;
  const frames = performance.frames.map(frame => ({ ...frame, bytes: Buffer.from(frame.data) }));

  const begin = (): void => {
    if (begun || performance.status === 'refused') return;
    begun = true;
    listener.headers(performance.status, performance.headers);
  };
  const step = (): void => {
    if (over) return;
    const frame = frames[next];
    if (!frame) return finish();
    cancel = clock.at(clock.now() + frame.afterMs, () => {
      const deliver = (): void => {
        next++;
        begin();
        listener.chunk(frame.bytes);
        step();
      };
      if (paused) waiting = deliver;
      else deliver();
    });
  };
  const finish = (): void => {
    if (performance.status === 'refused')
      return listener.failed({ kind: 'unreachable', message: 'ECONNREFUSED: refused as asked', code: 'ECONNREFUSED' });
    begin();
    if (performance.ending === 'end') listener.end();
    if (performance.ending === 'reset') listener.failed({ kind: 'truncated', message: 'ECONNRESET: cut as asked', code: 'ECONNRESET' });
  };
  // Like a socket, it never reports before the call that started it has returned.
  cancel = clock.at(clock.now(), step);
  return {
    abort: () => {
      over = true;
      waiting = undefined;
      cancel();
    },
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      const deliver = waiting;
      waiting = undefined;
      deliver?.();
    },
  };
}
