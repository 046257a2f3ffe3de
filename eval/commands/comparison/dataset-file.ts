/** Datasets in a repository: `NAME@VERSION` is the snapshot NAME@VERSION.jsonl in the folder `datasets` beside the gate file or above it. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandError, exit } from '../../../gateway/cli/command.ts';

const levelsMax = 20;

export function findDatasetFile(from: string, name: string): string {
  if (!/^[\w.-]{1,100}(?:@[\w.-]{1,50})?$/.test(name) || name.startsWith('.'))
    throw new CommandError(exit.usage, `data.dataset ${name}: write NAME or NAME@VERSION, of letters, digits, _ . and -.`);
  let folder = resolve(from);
  for (let level = 0; level < levelsMax; level++) {
    const file = join(folder, 'datasets', `${name}.jsonl`);
    if (existsSync(file)) return file;
    const above = dirname(folder);
    if (above === folder) break;
    folder = above;
  }
  const remedy = `hindcast eval snapshot --chain ROUTE -o datasets/${name}.jsonl makes one`;
  throw new CommandError(exit.usage, `There is no datasets/${name}.jsonl beside the gate file or above it: ${remedy}.`);
}
