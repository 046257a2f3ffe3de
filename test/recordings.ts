/** Where recorded provider traffic lies, for tests that read it: `HINDCAST_RECORDINGS`, by default beside the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
export const recordingsRoot = resolve(root, process.env.HINDCAST_RECORDINGS ?? '../shared/data');

/** The full path of a recording, or undefined when there is none on this machine. */
export function recording(path: string): string | undefined {
  const full = join(recordingsRoot, path);
  return existsSync(full) ? full : undefined;
}

/** The rows of a .jsonl recording; [] when it is absent. */
export const recordedRows = <Row>(path: string): Row[] => {
  const file = recording(path);
  if (!file) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Row);
};

/** The part of a test title that says why nothing ran. */
export const unlessRecorded = (path: string): string => (recording(path) ? '' : ` (skipped: no recording ${path} here)`);
