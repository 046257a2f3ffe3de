/** A list of the files that records were exported to, for erasure. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from '../files/paths.ts';

export interface ExportedFile {
  /** Absolute. */
  readonly path: string;
  /** `whole` is a report: its parts belong together, so it goes as it is when it tells of one whose records have to go. */
  readonly format: 'jsonl' | 'parquet' | 'whole';
  readonly at: string;
}

const exportListFile = (storePath: string): string => join(storePath, 'exports.jsonl');

/** Call it before the first byte is written: erasure misses a file that is not listed. */
export function recordExport(storePath: string, file: ExportedFile): void {
  makeFolder(storePath);
  appendFileSync(exportListFile(storePath), `${JSON.stringify(file)}\n`, { mode: 0o600, flush: true });
}

/** The same for a command, with a path relative to the shell's folder. */
export const recordOutputFile = (storePath: string, path: string, format: ExportedFile['format']): void =>
  recordExport(storePath, { path: resolve(path), format, at: new Date().toISOString() });

/** Each path once, as it was written last. */
export function exportedFiles(storePath: string): readonly ExportedFile[] {
  let text: string;
  try {
    text = readFileSync(exportListFile(storePath), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const files = new Map<string, ExportedFile>();
  for (const line of text.split('\n')) {
    try {
      const file = JSON.parse(line) as ExportedFile;
      if (typeof file.path === 'string') files.set(file.path, file);
    } catch {
      // The last line may be incomplete.
    }
  }
  return [...files.values()];
}
