/** A lock on a folder, by SQLite's file lock: the operating system frees it when its holder dies. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Lock {
  release(): void;
}

/** SQLITE_BUSY: somebody else holds it. */
const busyCode = 5;

/** Undefined when another connection, of this process or another, holds it for longer than `waitMs`. Waiting blocks the process. */
export function tryLock(file: string, waitMs = 0): Lock | undefined {
  // Only when it is missing: closing any descriptor of a locked file would free this process's lock on it.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file, { timeout: waitMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === busyCode) return undefined;
    throw error;
  }
}

/** Waits without blocking; undefined when it is still held after `waitMs`, or when `signal` says to stop. */
export async function waitForLock(file: string, waitMs: number, signal?: AbortSignal): Promise<Lock | undefined> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const lock = tryLock(file);
    if (lock || Date.now() >= deadline || signal?.aborted) return lock;
    await sleep(100);
  }
}

/** Whether some process holds it now. */
export function isLocked(file: string): boolean {
  const lock = tryLock(file);
  lock?.release();
  return lock === undefined;
}
