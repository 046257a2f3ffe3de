/** Named, versioned sets of requests, under `datasets/` of the store's folder. A version never changes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { RecordedRequest } from './requests.ts';

export interface Dataset {
  readonly name: string;
  readonly version: number;
  readonly createdAt: Instant;
  /** The flags of its selection. */
  readonly selection: object;
  readonly items: readonly RunItem[];
}

const root = (storePath: string): string => join(storePath, 'datasets');
const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/i;

/** Writes the next version of this name; earlier versions stay unchanged. */
export function createDataset(storePath: string, name: string, selection: object, items: readonly RunItem[], now: Instant): Dataset {
  if (!namePattern.test(name))
    throw new CommandError(exit.usage, `${name}: the name of a dataset has letters, digits, dots, underscores and dashes only.`);
  const folder = join(root(storePath), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let version = (versionsIn(folder).at(-1) ?? 0) + 1; ; version++) {
    const dataset: Dataset = { name, version, createdAt: now, selection, items };
    try {
      // Two processes that create at once get two versions.
      writeFileSync(join(folder, `${version}.json`), JSON.stringify(dataset), { mode: 0o600, flag: 'wx' });
      return dataset;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Reads `name@version`, or the newest version of `name`. Throws a CommandError that lists the known ones. */
export function readDataset(storePath: string, reference: string): Dataset {
  const [name = '', requestedVersion] = reference.split('@');
  const versions = namePattern.test(name) ? versionsIn(join(root(storePath), name)) : [];
  const version = requestedVersion === undefined ? versions.at(-1) : Number(requestedVersion);
  if (version === undefined || !versions.includes(version)) {
    const known = listDatasets(storePath).map(one => `${one.name}@${one.version}`);
    const hint = known.length > 0 ? `There are ${known.join(', ')}.` : 'Create one with hindcast replay dataset create NAME --since 7d.';
    throw new CommandError(exit.usage, `There is no dataset ${reference}. ${hint}`);
  }
  return JSON.parse(readFileSync(join(root(storePath), name, `${version}.json`), 'utf8')) as Dataset;
}

/** Every version of every dataset, sorted by name. */
export function listDatasets(storePath: string): readonly { readonly name: string; readonly version: number }[] {
  if (!existsSync(root(storePath))) return [];
  return readdirSync(root(storePath))
    .sort()
    .flatMap(name => versionsIn(join(root(storePath), name)).map(version => ({ name, version })));
}

function versionsIn(folder: string): readonly number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap(file => (/^\d+\.json$/.test(file) ? [Number.parseInt(file, 10)] : []))
    .sort((a, b) => a - b);
}

/** A request of a run. Requests of the store need only the id; those from files are included. */
export type RunItem = { readonly id: string; readonly weight: number; readonly request?: RecordedRequest };
