/** Takes a subject's records out of files: what the store refused, and what was exported. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { parseRecord } from '../packet.ts';
import { isRejected, rejectedFolder } from '../places.ts';
import { isErased, type Tombstone, userHash } from './subject.ts';

/** Gives their number. A file that cannot be read is no record any more, and stays. */
export async function eraseRejected(root: string, tombstone: Tombstone): Promise<number> {
  const folder = rejectedFolder(root);
  let erased = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!isRejected(name)) continue;
    const path = join(folder, name);
    const meant = await readFile(path).then(
      bytes => isErased(parseRecord(bytes), [tombstone]),
      () => false,
    );
    if (!meant) continue;
    await unlink(path);
    erased += 1;
  }
  return erased;
}

export interface ErasedFile {
  readonly path: string;
  /** Lines taken out; 'removed' is a file that cannot be mended and is deleted; 'gone' is not there any more. */
  readonly outcome: number | 'removed' | 'gone' | 'untouched';
}

/** As rows of `store export` name it. */
export type ExportedRow = Readonly<Record<string, unknown>>;

export function isErasedRow(row: ExportedRow, { tenant_id, user_sha256, request_id, at }: Tombstone): boolean {
  const text = (name: string): string => String(row[name] ?? '');
  const moment = row.ts instanceof Date ? row.ts.getTime() : Date.parse(text('ts'));
  if (Number.isFinite(moment) && moment > at) return false;
  if (tenant_id !== '' && text('tenant_id') !== tenant_id) return false;
  if (request_id !== '' && request_id !== text('request_id') && request_id !== text('replay_of')) return false;
  return user_sha256 === '' || userHash(text('end_user')) === user_sha256;
}

export async function eraseFromLines(path: string, tombstone: Tombstone): Promise<ErasedFile> {
  if (!(await isThere(path))) return { path, outcome: 'gone' };
  const draft = `${path}.new`;
  let taken = 0;
  const kept = async function* (): AsyncGenerator<string> {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line !== '' && isErasedLine(line, tombstone)) taken += 1;
      else yield `${line}\n`;
    }
  };
  await pipeline(kept, createWriteStream(draft, { mode: 0o600, flush: true }));
  if (taken === 0) {
    await rm(draft);
    return { path, outcome: 'untouched' };
  }
  await rename(draft, path);
  return { path, outcome: taken };
}

/** A line that is no object says nothing of anybody. */
function isErasedLine(line: string, tombstone: Tombstone): boolean {
  try {
    const row = JSON.parse(line) as unknown;
    return typeof row === 'object' && row !== null && isErasedRow(row as ExportedRow, tombstone);
  } catch {
    return false;
  }
}

/** Its blocks are compressed as wholes, so a file that holds a row of the subject's goes. */
export async function eraseFromParquet(path: string, tombstone: Tombstone): Promise<ErasedFile> {
  if (!(await isThere(path))) return { path, outcome: 'gone' };
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), columns: [...columns] }).catch(() => undefined);
  // What cannot be read cannot be cleared of anything.
  const meant = rows === undefined || rows.some(row => isErasedRow(texts(row), tombstone));
  if (meant) await unlink(path);
  return { path, outcome: meant ? 'removed' : 'untouched' };
}

const columns = ['tenant_id', 'end_user', 'request_id', 'replay_of', 'ts'] as const;

/** Texts may come as bytes. */
const texts = (row: ExportedRow): ExportedRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString() : value]),
  );

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  );
