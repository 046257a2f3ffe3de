/** Modes of what lies under `store.path`: for its owner alone, whatever stood there before. */
import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Files below the folders of these depths are shut in by the folders. */
const depthMax = 2;

/** Gives a sentence for each path that could not be changed: it belongs to somebody else. */
export function closeToOthers(path: string, depth = 0): readonly string[] {
  const status = lstatSync(path, { throwIfNoEntry: false });
  // A link's own mode means nothing, and what it leads to is not ours to change.
  if (!status || status.isSymbolicLink()) return [];
  const problems: string[] = [];
  if ((status.mode & 0o077) !== 0 && (status.isDirectory() || status.isFile())) {
    try {
      chmodSync(path, status.mode & 0o700);
    } catch (error) {
      problems.push(`${path} is open to other users and cannot be closed (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  if (!status.isDirectory() || depth >= depthMax) return problems;
  return [...problems, ...readdirSync(path).flatMap(name => closeToOthers(join(path, name), depth + 1))];
}
