/** Removes a subject's records from files: rejected records and exports. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { isRejected, rejectedFolder } from '../files/paths.ts';
import { payloadIdentity } from '../spool/payload-identity.ts';
import { isErased, type Tombstone, userHash } from '../tombstones/tombstone.ts';

/** Returns their number. A file that cannot be read stays. */
export async function eraseRejected(root: string, tombstone: Tombstone): Promise<number> {
  const folder = rejectedFolder(root);
  let erased = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!isRejected(name)) continue;
    const path = join(folder, name);
    const isMatch = await readFile(path).then(
      bytes => isErased(payloadIdentity(bytes), [tombstone]),
      () => false,
    );
    if (!isMatch) continue;
    await unlink(path);
    erased += 1;
  }
  return erased;
}

export interface ErasedFile {
  readonly path: string;
  /** Number of removed lines; 'removed': the whole file was deleted; 'gone': it does not exist any more. */
  readonly outcome: number | 'removed' | 'gone' | 'untouched';
}

/** As rows of `store export` name it, or with the request as an object, as `replay export` writes it. */
export type ExportedRow = Readonly<Record<string, unknown>>;

/** Of files that tell no more of a request than its id: those that the subject's rows have. */
export type RequestIds = ReadonlySet<string>;

/** Whether an exported row is covered by the tombstone, by its tenant, user, ids and time. */
export function matchesTombstone(row: ExportedRow, { tenant_id, user_sha256, request_id, at }: Tombstone): boolean {
  const identity = identityOf(row);
  const timestamp =
    identity.ts instanceof Date
      ? identity.ts.getTime()
      : typeof identity.ts === 'number'
        ? identity.ts
        : Date.parse(String(identity.ts ?? ''));
  if (Number.isFinite(timestamp) && timestamp > at) return false;
  if (tenant_id !== '' && identity.tenant !== tenant_id) return false;
  if (request_id !== '' && !identity.ids.includes(request_id)) return false;
  return user_sha256 === '' || userHash(identity.user) === user_sha256;
}

function identityOf(row: ExportedRow): {
  readonly tenant: string;
  readonly user: string;
  readonly ids: readonly string[];
  readonly ts: unknown;
} {
  const text = (value: unknown): string => String(value ?? '');
  const { request, replay } = row as { request?: ExportedRow; replay?: ExportedRow };
  if (typeof request === 'object' && request !== null) {
    return { tenant: text(request.tenant), user: text(request.user), ids: [text(request.id), text(replay?.id)], ts: request.receivedAt };
  }
  return { tenant: text(row.tenant_id), user: text(row.end_user), ids: [text(row.request_id), text(row.replay_of)], ts: row.ts };
}

/** Rewrites a JSONL file without the covered lines; `outcome` is how many went. */
export async function eraseFromLines(path: string, tombstone: Tombstone, ids: RequestIds = new Set()): Promise<ErasedFile> {
  return rewriteLines(path, line => (line !== '' && isErasedLine(line, tombstone, ids) ? undefined : line));
}

/** `change` gives what stands there instead; undefined for nothing. */
export async function rewriteLines(path: string, change: (line: string) => string | undefined): Promise<ErasedFile> {
  if (!(await fileExists(path))) return { path, outcome: 'gone' };
  const draft = `${path}.new`;
  let taken = 0;
  const keptLines = async function* (): AsyncGenerator<string> {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      const rewritten = change(line);
      if (rewritten !== line) taken += 1;
      if (rewritten !== undefined) yield `${rewritten}\n`;
    }
  };
  await pipeline(keptLines, createWriteStream(draft, { mode: 0o600, flush: true }));
  if (taken === 0) {
    await rm(draft);
    return { path, outcome: 'untouched' };
  }
  await rename(draft, path);
  return { path, outcome: taken };
}

/** A report also holds sums over all requests, so it is deleted as a whole. */
export async function eraseWholeFile(path: string, ids: RequestIds): Promise<ErasedFile> {
  if (!(await fileExists(path))) return { path, outcome: 'gone' };
  const isMatch = (await idsIn(path)).some(id => ids.has(id));
  if (isMatch) await unlink(path);
  return { path, outcome: isMatch ? 'removed' : 'untouched' };
}

/** Every id that stands anywhere in it. */
export async function idsIn(path: string): Promise<readonly string[]> {
  if (!(await fileExists(path))) return [];
  const found = new Set<string>();
  let tail = '';
  for await (const chunk of createReadStream(path, 'latin1')) {
    const text = tail + chunk;
    for (const [id] of text.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi)) found.add(id.toLowerCase());
    tail = text.slice(-35);
  }
  return [...found];
}

/** A line that is no object belongs to nobody. */
function isErasedLine(line: string, tombstone: Tombstone, ids: RequestIds): boolean {
  try {
    const row = JSON.parse(line) as unknown;
    if (typeof row !== 'object' || row === null) return false;
    return matchesTombstone(row as ExportedRow, tombstone) || identityOf(row as ExportedRow).ids.some(id => ids.has(id));
  } catch {
    return false;
  }
}

/** Single rows cannot be removed from compressed blocks: a file with a row of the subject's is deleted. */
export async function eraseFromParquet(path: string, tombstone: Tombstone): Promise<ErasedFile> {
  if (!(await fileExists(path))) return { path, outcome: 'gone' };
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), columns: [...columns] }).catch(() => undefined);
  // A file that cannot be read is deleted, too.
  const isMatch = rows === undefined || rows.some(row => matchesTombstone(decodeTexts(row), tombstone));
  if (isMatch) await unlink(path);
  return { path, outcome: isMatch ? 'removed' : 'untouched' };
}

const columns = ['tenant_id', 'end_user', 'request_id', 'replay_of', 'ts'] as const;

/** Texts may come as bytes. */
const decodeTexts = (row: ExportedRow): ExportedRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString() : value]),
  );

const fileExists = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  );
