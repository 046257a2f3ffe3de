/**
 * The recorder process, which supervisor.ts forks. It ends when its parent says so or has ended.
 *
 * It ignores the signals that a terminal or an init system sends to all processes: the parent drains first, and its last records are shipped.
 */
import { EventEmitter } from 'node:events';
import type { FromRecorder, ToRecorder } from './protocol.ts';
import { runRecorder } from './recorder.ts';

process.umask(0o077);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// When the terminal is closed, a warning must not end this process.
process.stderr.on('error', () => {});

const stopping = new AbortController();
const flushRequests = new EventEmitter<{ flush: [id: number] }>();
process.once('disconnect', () => stopping.abort());

const send = (message: FromRecorder): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
};

/** Sends the reason before the process ends. */
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
