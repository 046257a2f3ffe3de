/** A file in the spool's folder by which a command asks the writers there to close their segments. */
import { randomUUID } from 'node:crypto';
import { type FSWatcher, statSync, watch } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileName = 'flush';

/** Every call is a new request. */
export async function requestFlush(root: string): Promise<void> {
  const id = randomUUID();
  const draft = join(root, `${fileName}.${id}`);
  await writeFile(draft, `${id}\n`, { mode: 0o600 });
  await rename(draft, join(root, fileName));
}

export interface FlushWatcher {
  /** For file systems that report no changes: call it from time to time. */
  check(): void;
  close(): void;
}

/** Calls `onRequest` for each request from now on. Does not keep the process alive. */
export function watchFlushRequests(root: string, onRequest: () => void): FlushWatcher {
  const path = join(root, fileName);
  const stateOf = (): string => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found ? `${found.ino} ${found.mtimeMs}` : '';
  };
  let state = stateOf();
  const check = (): void => {
    const now = stateOf();
    if (now === state) return;
    state = now;
    if (now !== '') onRequest();
  };
  const watcher = tryWatch(root, name => {
    if (name === fileName) check();
  });
  return { check, close: () => watcher?.close() };
}

/** Undefined where the system has no watch to give; the check in between finds requests then. */
function tryWatch(folder: string, onChange: (name: string | null) => void): FSWatcher | undefined {
  try {
    return watch(folder, { persistent: false }, (_, name) => onChange(name)).on('error', () => {});
  } catch {
    return undefined;
  }
}
