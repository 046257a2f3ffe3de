/**
 * Repairs the deduplication logs of a killed engine, which may list an insert that was not written.
 *
 * A MergeTree table writes an insert's token into its deduplication log just before the new part gets its final name. A kill between the two
 * leaves a token without a part, and a retry of the insert would be ignored as a repetition. Such tokens are removed from the logs. No engine
 * may run meanwhile.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/paths.ts';

/** A line of the log: what happened (1: added), the part, the token's fingerprint. */
const linePattern = /^1\t([^\t]+)\t[^\t]+$/;
/** A part's name: partition, first and last block, level, and mutation if there is one. */
const partPattern = /^(.+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;

interface Part {
  readonly partition: string;
  readonly from: number;
  readonly to: number;
}

/** Returns the number of removed tokens. */
export function repairDeduplicationLogs(engineFolder: string): number {
  let removedCount = 0;
  for (const table of tableFolders(join(engineFolder, 'store'))) {
    const logs = fileNamesIn(join(table, 'deduplication_logs')).filter(name => name.endsWith('.txt'));
    if (logs.length === 0) continue;
    const parts = fileNamesIn(table).flatMap(parsePart);
    for (const name of logs) {
      const path = join(table, 'deduplication_logs', name);
      const lines = readFileSync(path, 'utf8').split('\n');
      const remaining = lines.filter(line => !isLost(line, parts));
      if (remaining.length === lines.length) continue;
      writeFileAtomically(path, remaining.join('\n'));
      removedCount += lines.length - remaining.length;
    }
  }
  return removedCount;
}

/** Whether the line adds a part that does not exist, neither by itself nor within a merged one. */
function isLost(line: string, parts: readonly Part[]): boolean {
  const name = linePattern.exec(line)?.[1];
  const [added] = name === undefined ? [] : parsePart(name);
  return added !== undefined && !parts.some(part => part.partition === added.partition && part.from <= added.from && part.to >= added.to);
}

function parsePart(name: string): readonly Part[] {
  const [, partition, from, to] = partPattern.exec(name) ?? [];
  return partition === undefined || /^(?:tmp|delete_tmp|detached)/.test(name) ? [] : [{ partition, from: Number(from), to: Number(to) }];
}

/** Each table's folder: `store/abc/<uuid>`. */
const tableFolders = (store: string): readonly string[] =>
  fileNamesIn(store).flatMap(prefix => fileNamesIn(join(store, prefix)).map(name => join(store, prefix, name)));

function fileNamesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
