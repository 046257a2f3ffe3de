/** What is published works without the sources: built JavaScript, its schema files, and the command. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');

test('the packed tarball holds the built command and runs', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-package-'));
  try {
    await run('npm', ['pack', '--pack-destination', folder], { cwd: root });
    const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))!;
    await run('tar', ['xzf', tarball], { cwd: folder });
    const installed = join(folder, 'package');
    expect(existsSync(join(installed, 'main.ts'))).toBe(false);
    expect(readdirSync(join(installed, 'dist/recorder/store/schema'))).toContain('001_records.sql');
    expect(readdirSync(join(installed, 'dist/dashboards/console/dist'))).toEqual(expect.arrayContaining(['assets', 'index.html']));
    expect(existsSync(join(installed, 'dist/dashboards/console/router.js'))).toBe(false);
    symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
    const hindcast = (...args: string[]) => run(process.execPath, [join(installed, 'bin/hindcast.js'), ...args], { cwd: folder });
    expect((await hindcast('--version')).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await hindcast('config', 'check')).stdout).toContain('sim');
    expect((await hindcast('store', 'migrate')).stdout).toContain('up to date');
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

test('the command in a clone starts from the sources', { timeout: 60_000 }, async () => {
  const help = await run('npx', ['--no', '--', 'hindcast', '--help'], { cwd: root });
  expect(help.stdout).toMatch(/serve[\s\S]*replay[\s\S]*eval/);
});
