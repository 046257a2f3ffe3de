/** Builds dashboards/console/dist: the console as files for a browser. Does nothing when what is there was made of the same sources. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'dashboards/console');
const built = join(folder, 'dist');
const stamp = join(built, 'built-from');

const from = sourcesHash();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== from) await build();

/** Of everything that decides what is built. */
function sourcesHash(): string {
  const hash = createHash('sha256');
  const sources = globSync('**/*.{ts,tsx,css,html,svg,json}', { cwd: folder, exclude: ['dist/**'] }).map(file => join(folder, file));
  for (const file of [...sources.toSorted(), join(root, 'package-lock.json'), import.meta.filename]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** Others may be reading: the new folder takes the old one's place at once. */
async function build(): Promise<void> {
  const outDir = `${built}.${process.pid}`;
  // Tests and users' shells may say otherwise, and React would be built with its checks for development.
  process.env.NODE_ENV = 'production';
  const { build: buildWithVite } = await import('vite');
  await buildWithVite({
    mode: 'production',
    root: folder,
    configFile: join(folder, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir },
  });
  for (const file of globSync('**/*.{js,css,html,svg}', { cwd: outDir })) {
    writeFileSync(join(outDir, `${file}.gz`), gzipSync(readFileSync(join(outDir, file)), { level: 9 }));
  }
  writeFileSync(join(outDir, 'built-from'), from);
  const old = `${outDir}.old`;
  if (existsSync(built)) renameSync(built, old);
  renameSync(outDir, built);
  rmSync(old, { recursive: true, force: true });
}
