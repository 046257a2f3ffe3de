/** Takes a subject's requests out of what replays keep in the store's folder: datasets, and the requests of runs. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../places.ts';
import { type ErasedFile, type ExportedRow, type Ids, isErasedRow, rewriteLines } from './files.ts';
import type { Tombstone } from './subject.ts';

/** A request by its id, and whole where it came from a file. */
interface KeptItem {
  readonly id: string;
  readonly request?: ExportedRow;
}

/** Every file of them, by its path. */
export async function keptFiles(storePath: string): Promise<{ readonly datasets: readonly string[]; readonly runs: readonly string[] }> {
  const inFolder = async (name: string, pattern: RegExp): Promise<readonly string[]> => {
    const folder = join(storePath, name);
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    return files.filter(file => pattern.test(file)).map(file => join(folder, file));
  };
  return { datasets: await inFolder('datasets', /\.json$/), runs: await inFolder('runs', /items\.jsonl$/) };
}

const isMeant = ({ id, request }: KeptItem, tombstone: Tombstone, ids: Ids): boolean =>
  ids.has(id) || (request !== undefined && isErasedRow({ request }, tombstone));

/** A version of a dataset stays what it was but for this. */
export async function eraseFromDataset(path: string, tombstone: Tombstone, ids: Ids): Promise<ErasedFile> {
  const dataset = await readFile(path, 'utf8').then(
    text => JSON.parse(text) as { readonly items?: readonly KeptItem[] },
    () => undefined,
  );
  if (!Array.isArray(dataset?.items)) return { path, outcome: 'untouched' };
  const kept = dataset.items.filter(item => !isMeant(item, tombstone, ids));
  const taken = dataset.items.length - kept.length;
  if (taken === 0) return { path, outcome: 'untouched' };
  writeWhole(path, JSON.stringify({ ...dataset, items: kept }));
  return { path, outcome: taken };
}

/** The id stays, for the run's journal counts by it; it leads to nothing any more. */
export const eraseFromRun = (path: string, tombstone: Tombstone, ids: Ids): Promise<ErasedFile> =>
  rewriteLines(path, line => {
    if (!line.includes('"request"')) return line;
    try {
      const { request, ...item } = JSON.parse(line) as KeptItem;
      return request !== undefined && isMeant({ ...item, request }, tombstone, ids) ? JSON.stringify(item) : line;
    } catch {
      return line;
    }
  });
