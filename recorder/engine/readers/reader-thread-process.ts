/**
 * The readers' thread: what reader-thread.ts starts. It has sessions of the engine that the recorder opened, so that readers' statements are
 * parsed and planned on this thread or on the pool's, never on the recorder's. It must not end before the engine is closed: its end would close
 * all sessions of the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type ChdbQueryStream, loadAddon, type StreamChunk } from '../session/addon.ts';
import { exceptionOf, exceptions } from '../session/exception.ts';
import { type Lease, Sessions } from '../session/sessions.ts';
import type { FromReaderThread, ResultRows, ToReaderThread } from './protocol.ts';
import { plainException } from './protocol.ts';

interface Statement {
  readonly lease: Lease;
  readonly sql: string;
  readonly format: string;
  readonly stream: ChdbQueryStream | undefined;
  readonly chunks: AsyncIterator<StreamChunk> | undefined;
  /** The native call under way. */
  inFlight: Promise<unknown>;
  isDone: boolean;
}

const { path } = workerData as { readonly path: string };
const addon = await loadAddon();
const sessions = new Sessions(addon, path, new addon.Session(path));
const statements = new Map<number, Statement>();
const send = (message: FromReaderThread): void => parentPort!.postMessage(message);

function start(id: number, { setup, sql, format, streams, keepSession }: Extract<ToReaderThread, { type: 'start' }>): void {
  const lease = sessions.lease(setup);
  lease.tainted = !keepSession;
  try {
    const stream = streams ? lease.session.queryStream(sql, { format }) : undefined;
    const chunks = stream?.[Symbol.asyncIterator]();
    statements.set(id, { lease, sql, format, stream, chunks, inFlight: Promise.resolve(), isDone: false });
  } catch (error) {
    lease.tainted = true;
    sessions.release(lease);
    throw error;
  }
  send({ type: 'started', id });
}

async function next(id: number): Promise<void> {
  const statement = statements.get(id);
  if (!statement) return;
  const running = fetchRows(statement);
  statement.inFlight = running.catch(() => {});
  const rows = await running;
  // Copied on its way: the engine's memory is its own.
  send({ type: 'rows', id, rows });
}

async function fetchRows(statement: Statement): Promise<ResultRows | undefined> {
  if (statement.isDone) return undefined;
  try {
    if (statement.chunks) {
      const { done, value } = await statement.chunks.next();
      statement.isDone = done === true;
      return done ? undefined : { bytes: value.raw() };
    }
    statement.isDone = true;
    const result = await statement.lease.session.queryAsync(statement.sql, { format: statement.format });
    return { bytes: result.bytes(), readRows: result.rowsRead, readBytes: result.bytesRead };
  } catch (error) {
    statement.isDone = true;
    if (statement.stream) statement.lease.tainted = true;
    throw error;
  }
}

async function end(id: number): Promise<void> {
  const statement = statements.get(id);
  if (!statement) return;
  statements.delete(id);
  if (!statement.isDone) statement.lease.tainted = true;
  await statement.inFlight;
  statement.stream?.cancel();
  sessions.release(statement.lease);
}

async function close(): Promise<void> {
  for (const [id, { lease }] of [...statements]) {
    sessions.kill(lease);
    void end(id);
  }
  await sessions.close();
  send({ type: 'closed' });
}

async function handle(message: ToReaderThread): Promise<void> {
  if (message.type === 'close') return close();
  try {
    if (message.type === 'start') start(message.id, message);
    if (message.type === 'next') await next(message.id);
    if (message.type === 'kill' && statements.has(message.id)) sessions.kill(statements.get(message.id)!.lease);
    if (message.type === 'end') await end(message.id);
  } catch (error) {
    send({ type: 'failed', id: message.id, exception: plainException(exceptionOf(error)) });
  }
}

parentPort!.on('message', (message: ToReaderThread) => {
  handle(message).catch((error: unknown) => {
    if (message.type !== 'close') send({ type: 'failed', id: message.id, exception: plainException(exceptions.closing(String(error))) });
  });
});
