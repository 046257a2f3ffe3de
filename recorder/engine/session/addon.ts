/** Loads ClickHouse into this process from the optional package `chdb`; throws an EngineError that says why it cannot. */
import type { Session } from 'chdb';

export type { ChdbQueryStream, ChdbResult, Session, StreamChunk } from 'chdb';

export interface Addon {
  readonly Session: new (path: string, options?: { connectionArgs?: readonly string[] }) => Session;
  /** Resolves when all native calls have ended, closing included. */
  drainPending(): Promise<void>;
}

/** The embedded engine is missing or cannot start. The message says what to do. */
export class EngineError extends Error {}

/** The addon. Rejects with an EngineError that says what to install. */
export async function loadAddon(load: () => Promise<unknown> = () => import('chdb')): Promise<Addon> {
  try {
    return (await load()) as Addon;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new EngineError(
      `The embedded ClickHouse engine cannot be loaded on ${process.platform}-${process.arch}: ${reason}\n` +
        'It runs on Linux with glibc and on macOS, x64 and arm64, and comes with the optional npm package chdb: install again without\n' +
        '--omit=optional, or set store.url to a ClickHouse server (store: { url: "http://user:password@host:8123" }).',
      { cause: error },
    );
  }
}
