/** Lists the writers' folders in the spool and the segments in them. */
import { readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from '../files/lock.ts';
import { parseSegmentName, segmentName } from './segment.ts';

export interface ClosedSegment {
  readonly id: string;
  readonly path: string;
  readonly bytes: number;
}

/** In order of age. */
export async function closedSegments(root: string): Promise<readonly ClosedSegment[]> {
  const found: ClosedSegment[] = [];
  for (const folder of await writerFolders(root)) {
    for (const name of await fileNamesIn(folder)) {
      const segment = parseSegmentName(name);
      if (!segment || segment.open) continue;
      const path = join(folder, name);
      const size = await stat(path).catch(() => undefined);
      if (size) found.push({ id: segment.id, path, bytes: size.size });
    }
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Ids of all segments, closed or open. */
export async function segmentIds(root: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const folder of await writerFolders(root)) {
    for (const name of await fileNamesIn(folder)) {
      const segment = parseSegmentName(name);
      if (segment) ids.add(segment.id);
    }
  }
  return ids;
}

/** Whether a writer's folder holds no segment that is not shipped. */
export const isFolderEmpty = async (folder: string): Promise<boolean> => !(await fileNamesIn(folder)).some(name => parseSegmentName(name));

/** Closes segments of writers that died; returns their number. */
export async function closeOrphanedSegments(root: string): Promise<number> {
  let closedCount = 0;
  for (const folder of await writerFolders(root)) {
    const open = (await fileNamesIn(folder)).filter(name => parseSegmentName(name)?.open);
    if (open.length === 0) continue;
    const lock = tryLock(writerLockFile(folder));
    if (!lock) continue;
    try {
      // Listed again: between the first listing and the lock the writer may have closed it itself.
      for (const name of await fileNamesIn(folder)) {
        const segment = parseSegmentName(name);
        if (!segment?.open) continue;
        await rename(join(folder, name), join(folder, segmentName(segment.id, false)));
        closedCount++;
      }
    } finally {
      lock.release();
    }
  }
  return closedCount;
}

/** Removes a replay's folder when all its segments are shipped and nobody writes in it. */
export async function removeWriterFolder(folder: string): Promise<void> {
  const lock = tryLock(writerLockFile(folder));
  if (!lock) return;
  const empty = await isFolderEmpty(folder);
  if (empty) for (const name of await fileNamesIn(folder)) await unlink(join(folder, name));
  lock.release();
  if (empty) await rmdir(folder);
}

/** Path of the lock that a running writer holds on its folder. */
export const writerLockFile = (folder: string): string => join(folder, 'lock');

/** The folders of all writers in the spool; [] when there is no spool yet. */
export async function writerFolders(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter(entry => entry.isDirectory()).map(entry => join(root, entry.name));
}

/** A folder that was removed meanwhile counts as empty. */
const fileNamesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);
