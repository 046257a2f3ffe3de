/** Removes a subject's requests from the datasets and runs of replays. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/paths.ts';
import type { Tombstone } from '../tombstones/tombstone.ts';
import { type ErasedFile, type ExportedRow, matchesTombstone, type RequestIds, rewriteLines } from './files.ts';

/** A request by its id, and whole where it came from a file. */
interface ReplayItem {
  readonly id: string;
  readonly request?: ExportedRow;
}

/** Every file of them, by its path. */
export async function replayFiles(storePath: string): Promise<{ readonly datasets: readonly string[]; readonly runs: readonly string[] }> {
  const inFolder = async (name: string, pattern: RegExp): Promise<readonly string[]> => {
    const folder = join(storePath, name);
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    return files.filter(file => pattern.test(file)).map(file => join(folder, file));
  };
  return { datasets: await inFolder('datasets', /\.json$/), runs: await inFolder('runs', /items\.jsonl$/) };
}

const isErasedItem = ({ id, request }: ReplayItem, tombstone: Tombstone, ids: RequestIds): boolean =>
  ids.has(id) || (request !== undefined && matchesTombstone({ request }, tombstone));

/** Versions of a dataset never change otherwise. */
export async function eraseFromDataset(path: string, tombstone: Tombstone, ids: RequestIds): Promise<ErasedFile> {
  const dataset = await readFile(path, 'utf8').then(
    text => JSON.parse(text) as { readonly items?: readonly ReplayItem[] },
    () => undefined,
  );
  if (!Array.isArray(dataset?.items)) return { path, outcome: 'untouched' };
  const kept = dataset.items.filter(item => !isErasedItem(item, tombstone, ids));
  const removedCount = dataset.items.length - kept.length;
  if (removedCount === 0) return { path, outcome: 'untouched' };
  writeFileAtomically(path, JSON.stringify({ ...dataset, items: kept }));
  return { path, outcome: removedCount };
}

/** The id stays, for the run's journal counts by it; it leads to nothing any more. */
export const eraseFromRun = (path: string, tombstone: Tombstone, ids: RequestIds): Promise<ErasedFile> =>
  rewriteLines(path, line => {
    if (!line.includes('"request"')) return line;
    try {
      const { request, ...item } = JSON.parse(line) as ReplayItem;
      return request !== undefined && isErasedItem({ ...item, request }, tombstone, ids) ? JSON.stringify(item) : line;
    } catch {
      return line;
    }
  });
