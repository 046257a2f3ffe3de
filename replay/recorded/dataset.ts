/** Named sets of requests, each version kept as it was made: under `datasets/` of the store's folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, exit } from '../../gateway/cli/command.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { RecordedRequest } from './requests.ts';

export interface Dataset {
  readonly name: string;
  readonly version: number;
  readonly createdAt: Instant;
  /** The flags it was selected by. */
  readonly selection: object;
  readonly items: readonly RunItem[];
}

const root = (storePath: string): string => join(storePath, 'datasets');
const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/i;

/** The next version of this name; the versions before stay what they were. */
export function createDataset(storePath: string, name: string, selection: object, items: readonly RunItem[], now: Instant): Dataset {
  if (!namePattern.test(name)) throw new CommandError(exit.usage, `${name}: a dataset's name is of letters, digits, dots and dashes.`);
  const folder = join(root(storePath), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let version = (versionsIn(folder).at(-1) ?? 0) + 1; ; version++) {
    const dataset: Dataset = { name, version, createdAt: now, selection, items };
    try {
      // Two who create at once get two versions.
      writeFileSync(join(folder, `${version}.json`), JSON.stringify(dataset), { mode: 0o600, flag: 'wx' });
      return dataset;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** `name@version`, or the newest of a bare name. */
export function readDataset(storePath: string, named: string): Dataset {
  const [name = '', requestedVersion] = named.split('@');
  const versions = namePattern.test(name) ? versionsIn(join(root(storePath), name)) : [];
  const version = requestedVersion === undefined ? versions.at(-1) : Number(requestedVersion);
  if (version === undefined || !versions.includes(version)) {
    const known = listDatasets(storePath).map(one => `${one.name}@${one.version}`);
    const hint = known.length > 0 ? `There are ${known.join(', ')}.` : 'hindcast replay dataset create NAME --since 7d makes one.';
    throw new CommandError(exit.usage, `There is no dataset ${named}. ${hint}`);
  }
  return JSON.parse(readFileSync(join(root(storePath), name, `${version}.json`), 'utf8')) as Dataset;
}

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

/** Of the store's requests the id is enough; those of a file are kept whole. */
export type RunItem = { readonly id: string; readonly weight: number; readonly request?: RecordedRequest };
