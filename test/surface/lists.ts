/** The committed lists: one item a line, sorted. HINDCAST_WRITE_SURFACE=1 writes them anew. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

const folder = join(import.meta.dirname, 'lists');
const isWriting = process.env.HINDCAST_WRITE_SURFACE === '1';

/** Fails when an item is gone, has changed or is new. */
export function expectListed(name: string, items: Iterable<string>): void {
  const now = [...new Set(items)].sort();
  expect(now.length, `nothing was found for ${name}`).toBeGreaterThan(0);
  if (isWriting) return write(`${name}.txt`, `${now.join('\n')}\n`);
  const listed = readFileSync(join(folder, `${name}.txt`), 'utf8')
    .trimEnd()
    .split('\n');
  expect(differences(listed, now), `${name}.txt: what is meant to change is written by npm run surface`).toEqual([]);
}

const differences = (listed: readonly string[], now: readonly string[]): readonly string[] => [
  ...listed.filter(item => !now.includes(item)).map(item => `gone: ${item}`),
  ...now.filter(item => !listed.includes(item)).map(item => `new: ${item}`),
];

/** The same for a JSON document, whose words for readers do not count. */
export function expectDocument(name: string, value: unknown): void {
  const now = ordered(value);
  if (isWriting) return write(`${name}.json`, `${JSON.stringify(now, null, 2)}\n`);
  expect(now, `${name}.json: what is meant to change is written by npm run surface`).toEqual(
    JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')),
  );
}

function write(file: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** Under `properties` a name is a key of the configuration, also when it is called description. */
function ordered(value: unknown, isNames = false): unknown {
  if (Array.isArray(value)) return value.map(item => ordered(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => isNames || !(key === 'description' && typeof inner === 'string'));
  return Object.fromEntries(
    kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner, !isNames && key === 'properties')]),
  );
}
