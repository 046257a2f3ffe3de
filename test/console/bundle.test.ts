/** What a browser fetches before the first screen stands. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const built = resolve(import.meta.dirname, '../../dashboards/console/dist');
const bytesMax = 250_000;

/** The page, and what it names: scripts, styles and modules that are fetched ahead. */
function firstScreen(): readonly string[] {
  const page = readFileSync(join(built, 'index.html'), 'utf8');
  const named = [...page.matchAll(/(?:src|href)="\/console\/([^"]+)"/g)].map(([, path]) => path!);
  return ['index.html', ...named];
}

test('is built by the install', () => expect(existsSync(join(built, 'index.html'))).toBe(true));

test(`the first screen weighs at most ${bytesMax / 1_000} kB, gzipped, and names no other host`, () => {
  const files = firstScreen();
  expect(files.some(file => file.endsWith('.js'))).toBe(true);
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(built, file))).length, 0);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(bytesMax);
  expect(readFileSync(join(built, 'index.html'), 'utf8')).not.toMatch(/https?:\/\//);
});

test('every file that may be large stands there gzipped as well', () => {
  for (const file of firstScreen()) expect(existsSync(join(built, `${file}.gz`)), file).toBe(true);
});
