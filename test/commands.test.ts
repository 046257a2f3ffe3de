/** Errors of the environment end every command with a sentence that says how to fix them, and without a stack. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Workspace } from './hindcast.ts';

const sim = 'providers: { sim: { api: simulated } }\n';

test('a reader that closes the pipe is not an error', { timeout: 30_000 }, async () => {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../main.ts'), 'config', 'schema'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let errors = '';
  child.stderr.on('data', chunk => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  expect([code, errors]).toEqual([0, '']);
});

test.for(['in-the-way/data', '/proc/hindcast'])(
  'a store.path that cannot be made is named: %s',
  { timeout: 30_000 },
  async (path, { skip }) => {
    skip(path.startsWith('/proc') && process.platform !== 'linux', 'only Linux has /proc');
    await using place = new Workspace(`${sim}server: { port: 0 }\nstore: { port: 0, path: ${path} }\n`);
    place.write('in-the-way', 'a file');
    const status = await place.run('store', 'status');
    expect([status.code, status.stderr]).toEqual([2, expect.stringMatching(/^Nothing can be kept in .* \(store\.path\): E[A-Z]+/)]);
    const served = await place.run('serve');
    expect([served.code, served.stderr]).toEqual([2, expect.stringContaining('Records cannot be written to')]);
  },
);

test('a ClickHouse server that does not respond is named, and is not an internal error', { timeout: 30_000 }, async () => {
  await using place = new Workspace(`${sim}store: { url: "http://127.0.0.1:9" }\n`);
  const { code, stderr } = await place.run('store', 'status');
  expect([code, stderr]).toEqual([2, expect.stringContaining('The store at http://127.0.0.1:9 (store.url) does not answer:')]);
});

test('a provider from the environment shows its variable', { timeout: 30_000 }, async () => {
  await using place = new Workspace(undefined, { OPENAI_API_KEY: 'sk-test' });
  const { code, stdout } = await place.run('config', 'check');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^openai .* OPENAI_API_KEY$/m)]);
});
