/** A run on disk, under `runs/` of the store's folder: what it is, whom it asks what, and how far it has come. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { type Lock, tryLock } from '../../recorder/files/lock.ts';
import type { RunItem } from '../recorded/dataset.ts';

/** Everything that is needed to go on with it, or to do it again. */
export interface RunManifest {
  readonly version: 1;
  readonly run: string;
  readonly createdAt: Instant;
  readonly configHash: string;
  /** By arm: the configuration that answers, which must be the same when the run goes on. */
  readonly arms: Readonly<Record<string, string>>;
  readonly options: object;
  /** Askings: requests, arms and repeats. */
  readonly jobs: number;
}

const runsRoot = (storePath: string): string => join(storePath, 'runs');
export const runFolder = (storePath: string, run: string): string => join(runsRoot(storePath), run);
export const journalPath = (folder: string): string => join(folder, 'journal.jsonl');

export function createRun(storePath: string, manifest: RunManifest, items: readonly RunItem[]): string {
  const folder = runFolder(storePath, manifest.run);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lines = items.map(item => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(join(folder, 'items.jsonl'), lines, { mode: 0o600 });
  // The manifest comes last: a run whose folder has one is whole.
  writeFileSync(join(folder, 'manifest.part'), JSON.stringify(manifest), { mode: 0o600 });
  renameSync(join(folder, 'manifest.part'), join(folder, 'manifest.json'));
  return folder;
}

export interface OpenRun {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly items: readonly RunItem[];
}

export function readRun(storePath: string, run: string): OpenRun {
  const folder = runFolder(storePath, run);
  const manifest = join(folder, 'manifest.json');
  if (!existsSync(manifest)) {
    throw new CommandError(exit.usage, `Nothing of the run ${run} lies in ${folder}: it was made elsewhere, or its folder was removed.`);
  }
  const items = readFileSync(join(folder, 'items.jsonl'), 'utf8')
    .split('\n')
    .flatMap(line => (line === '' ? [] : [JSON.parse(line) as RunItem]));
  return { folder, manifest: JSON.parse(readFileSync(manifest, 'utf8')) as RunManifest, items };
}

/** The newest run that lies here; undefined when there is none. */
export function latestRun(storePath: string): string | undefined {
  const root = runsRoot(storePath);
  if (!existsSync(root)) return undefined;
  return readdirSync(root)
    .filter(name => existsSync(join(root, name, 'manifest.json')))
    .sort()
    .at(-1);
}

/** Two processes must not ask the same. */
export function lockRun(folder: string, run: string): Lock {
  const lock = tryLock(join(folder, 'lock'));
  if (!lock) throw new CommandError(exit.usage, `The run ${run} is under way in another process: hindcast replay status ${run}`);
  return lock;
}
