/** What `hindcast keys revoke` says of a key's entry. */
import type { FoundKey } from '../../config/edit/key-entry.ts';
import { quoted } from '../../config/problem.ts';

/** The message of `keys revoke`: what was deleted, or which lines to delete. */
export function describeRevocation(file: string, name: string, { firstLine, lastLine }: FoundKey, written: boolean): string {
  if (written) return `Deleted the key ${quoted(name)} from ${file}; a running gateway rejects it at once.`;
  const lines = firstLine === lastLine ? `line ${firstLine}` : `lines ${firstLine} to ${lastLine}`;
  return `Nothing is revoked yet. Delete ${lines} of ${file}, or use --write.`;
}
