/** Paths under `store.path`, and atomic writes of small files. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the spool. */
export const spoolRoot = (storePath: string): string => join(storePath, 'spool');
/** Folder of records that the store rejected. */
export const rejectedFolder = (root: string): string => join(root, 'rejected');

/** File name of a rejected record. */
export const rejectedName = (segmentId: string, reason: string): string => `${segmentId}-${reason}.rejected`;

/** Whether a file name is that of a rejected record. */
export const isRejected = (name: string): boolean => name.endsWith('.rejected');
/** Held by the one recorder process that owns the folder. */
export const ownerLockFile = (storePath: string): string => join(storePath, 'lock');

/** Folder of the embedded engine's data. */
export const engineFolder = (storePath: string): string => join(storePath, 'engine');
/** Which batches the rollups count. It lies with the tables, so that both are deleted together. */
export const rollupLedgerFile = (storePath: string): string => join(engineFolder(storePath), 'hindcast-rollups.sqlite');

/** File that says where the embedded engine answers. */
export const engineFile = (storePath: string): string => join(storePath, 'engine.json');
const writerKeyFile = (storePath: string): string => join(storePath, 'writer.key');
const readerKeyFile = (storePath: string): string => join(storePath, 'reader.key');
const adminKeyFile = (storePath: string): string => join(storePath, 'admin.key');
const gatewayFile = (storePath: string): string => join(storePath, 'gateway.json');

/** Creates the folder with its parents. Node's own recursion never ends where no folder can be made, as under /proc. */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Where a running engine or gateway answers, and whose it is. */
export interface EngineAddress {
  readonly url: string;
  readonly pid: number;
}

/** Writes where the embedded engine answers; readers see the old or the new address. */
export const writeEngineAddress = (storePath: string, address: EngineAddress): void =>
  writeFileAtomically(engineFile(storePath), `${JSON.stringify(address)}\n`);

/** Where the embedded engine answers, as last written; undefined when none has run. Its process may have ended since. */
export const readEngineAddress = (storePath: string): EngineAddress | undefined => readAddress(engineFile(storePath));

function readAddress(file: string): EngineAddress | undefined {
  const text = readFileIfPresent(file);
  if (text === undefined) return undefined;
  try {
    const { url, pid } = JSON.parse(text) as Partial<EngineAddress>;
    return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** The writer account's password; undefined when no recorder has run here yet. */
export const readWriterKey = (storePath: string): string | undefined => readFileIfPresent(writerKeyFile(storePath))?.trim() || undefined;

/** Call it only while holding the owner's lock. */
export function ensureWriterKey(storePath: string): string {
  const existing = readWriterKey(storePath);
  if (existing) return existing;
  const key = randomBytes(32).toString('hex');
  writeFileAtomically(writerKeyFile(storePath), `${key}\n`);
  return key;
}

/** What `default` has to say to the embedded engine where the configuration names no password; undefined when it has to say nothing. */
export const readReaderKey = (storePath: string): string | undefined => readFileIfPresent(readerKeyFile(storePath))?.trim() || undefined;

/** The reader account's password, made on first use. */
export const ensureReaderKey = (storePath: string): string => ensureKey(readerKeyFile(storePath));

/** Without keys readers are let in without a password, as they always were. */
export const removeReaderKey = (storePath: string): void => rmSync(readerKeyFile(storePath), { force: true });

/** Lets commands of this machine into the admin API; undefined when no gateway has run here yet. */
export const readAdminKey = (storePath: string): string | undefined => readFileIfPresent(adminKeyFile(storePath))?.trim() || undefined;

/** The admin key of this folder, made on first use. */
export const ensureAdminKey = (storePath: string): string => ensureKey(adminKeyFile(storePath));

/** Several processes may need it at once: the first one makes it. */
function ensureKey(file: string): string {
  makeFolder(dirname(file));
  const draft = `${file}.${process.pid}.new`;
  try {
    writeFileSync(draft, `hc_${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}

/** Where the gateway of this folder answers: for commands of the same machine. */
export const writeGatewayAddress = (storePath: string, address: EngineAddress): void =>
  writeFileAtomically(gatewayFile(storePath), `${JSON.stringify(address)}\n`);

/** Where the gateway of this folder answers; undefined when none runs. */
export const readGatewayAddress = (storePath: string): EngineAddress | undefined => readAddress(gatewayFile(storePath));

/** Removes the gateway's address when it ends. */
export const removeGatewayAddress = (storePath: string): void => rmSync(gatewayFile(storePath), { force: true });

/** Readers see the old text or the new one, also after a power failure. */
export function writeFileAtomically(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** A new file's name is on disk only when its folder is synced. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readFileIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
