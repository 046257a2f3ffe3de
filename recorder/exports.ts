/** Remembers which files records were exported to, so that an erasure finds them. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ExportedFile {
  /** Absolute. */
  readonly path: string;
  readonly format: 'jsonl' | 'parquet';
  readonly at: string;
}

const listOf = (storePath: string): string => join(storePath, 'exports.jsonl');

/** Before the first byte is written: a file that is not listed is one that erasure misses. */
export function noteExport(storePath: string, file: ExportedFile): void {
  appendFileSync(listOf(storePath), `${JSON.stringify(file)}\n`, { mode: 0o600, flush: true });
}

/** Each path once, as it was written last. */
export function exportedFiles(storePath: string): readonly ExportedFile[] {
  let text: string;
  try {
    text = readFileSync(listOf(storePath), 'utf8');
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
      // The last line may be half of one.
    }
  }
  return [...files.values()];
}
