/** The package's version, from the nearest package.json above the sources or the built files. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `1.2.3`, or `unknown` without a package.json. */
export function version(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
