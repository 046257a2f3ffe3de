/**
 * The recorder process: what supervise.ts forks. It ends when its parent says so or is gone, whatever ended that.
 *
 * Not at the signals that a terminal or an init system sends to everybody: the parent drains first, and what it records until then is shipped.
 */
import { EventEmitter } from 'node:events';
import type { FromRecorder, ToRecorder } from './protocol.ts';
import { runRecorder } from './recorder.ts';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// The terminal may be gone, and a warning must not end what ships.
process.stderr.on('error', () => {});

const stopping = new AbortController();
const flushRequests = new EventEmitter<{ flush: [id: number] }>();
process.once('disconnect', () => stopping.abort());

const send = (message: FromRecorder): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

/** The parent reads why before it sees the end. */
function fail(error: unknown): void {
  const failed: FromRecorder = { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  if (process.connected) process.send?.(failed, undefined, undefined, () => process.exit(1));
  else process.exit(1);
}

process.on('message', (message: ToRecorder) => {
  if (message.type === 'close') return stopping.abort();
  if (message.type === 'flush') return void flushRequests.emit('flush', message.id);
  runRecorder(message.options, send, { signal: stopping.signal, flushRequests }).then(() => process.exit(0), fail);
});
