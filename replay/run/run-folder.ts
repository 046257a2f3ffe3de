/** A run on disk, under `runs/` of the store's folder: manifest, requests and journal. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { type Lock, tryLock } from '../../recorder/files/lock.ts';
import type { RunItem } from '../recorded/dataset.ts';

/** Everything needed to resume or repeat a run. */
export interface RunManifest {
  readonly version: 1;
  readonly run: string;
  readonly createdAt: Instant;
  readonly configHash: string;
  /** The config hash of each arm, which must be the same when the run is resumed. */
  readonly arms: Readonly<Record<string, string>>;
  readonly options: object;
  /** The number of calls: requests x arms x repeats. */
  readonly jobs: number;
}

const runsRoot = (storePath: string): string => join(storePath, 'runs');

/** The folder of a run. */
export const runFolder = (storePath: string, run: string): string => join(runsRoot(storePath), run);

/** The journal's file in a run's folder. */
export const journalPath = (folder: string): string => join(folder, 'journal.jsonl');

/** Writes the run's folder, and returns its path. */
export function createRun(storePath: string, manifest: RunManifest, items: readonly RunItem[]): string {
  const folder = runFolder(storePath, manifest.run);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lines = items.map(item => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(join(folder, 'items.jsonl'), lines, { mode: 0o600 });
  // The manifest is written last: a folder with a manifest is complete.
  writeFileSync(join(folder, 'manifest.part'), JSON.stringify(manifest), { mode: 0o600 });
  renameSync(join(folder, 'manifest.part'), join(folder, 'manifest.json'));
  return folder;
}

export interface OpenRun {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly items: readonly RunItem[];
}

/** Reads a run. Throws a CommandError when its folder is missing. */
export function readRun(storePath: string, run: string): OpenRun {
  const folder = runFolder(storePath, run);
  const manifest = join(folder, 'manifest.json');
  if (!existsSync(manifest)) {
    throw new CommandError(exit.usage, `The run ${run} is not in ${folder}: it was created on another machine, or its folder was deleted.`);
  }
  const items = readFileSync(join(folder, 'items.jsonl'), 'utf8')
    .split('\n')
    .flatMap(line => (line === '' ? [] : [JSON.parse(line) as RunItem]));
  return { folder, manifest: JSON.parse(readFileSync(manifest, 'utf8')) as RunManifest, items };
}

/** The id of the newest run on this machine; undefined when there is none. */
export function latestRun(storePath: string): string | undefined {
  const root = runsRoot(storePath);
  if (!existsSync(root)) return undefined;
  return readdirSync(root)
    .filter(name => existsSync(join(root, name, 'manifest.json')))
    .sort()
    .at(-1);
}

/** Locks the run, so that no second process sends the same calls. Throws a CommandError when it is locked. */
export function lockRun(folder: string, run: string): Lock {
  const lock = tryLock(join(folder, 'lock'));
  if (!lock) throw new CommandError(exit.usage, `The run ${run} is running in another process: hindcast replay status ${run}`);
  return lock;
}
