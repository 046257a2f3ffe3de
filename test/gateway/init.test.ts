/** `hindcast init` writes a configuration that passes its own check, and needs what it says. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialConfig, initialProviders, missingVariables } from '../../gateway/cli/init/initial-config.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { folder } from './config-files.ts';

const hash = `sha256:${'a'.repeat(64)}`;

test('whatever is chosen, the file is valid once the variables are set that it names', () => {
  const names = initialProviders.map(({ name }) => name);
  const answers = fc.record({
    providers: fc.subarray(names),
    store: fc.constantFrom('embedded', 'http://clickhouse:8123', 'https://a.b/x?y'),
    keyHash: fc.constantFrom(undefined, hash),
  });
  fc.assert(
    fc.property(answers, chosen => {
      const environment = Object.fromEntries(missingVariables(chosen, {}).map(name => [name, 'a-value']));
      const loaded = loadConfig({ directory: folder({ 'hindcast.yaml': initialConfig(chosen) }), environment });
      const problems = loaded.ok ? [] : loaded.problems;
      if (chosen.store.includes('?')) return problems.length > 0;
      expect(problems).toEqual([]);
      expect(loaded.ok && [...loaded.settings.routes.keys()]).toEqual(['smart']);
      return true;
    }),
  );
});

test('without a terminal it takes the options, keeps a file that is there, and prints a key once', async () => {
  const place = mkdtempSync(join(tmpdir(), 'hindcast-init-'));
  const main = resolve(import.meta.dirname, '../../main.ts');
  const init = (...args: readonly string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>(done => {
      const child = execFile(process.execPath, [main, 'init', ...args], { cwd: place }, (error, stdout, stderr) =>
        done({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
      );
      child.stdin!.end();
    });
  try {
    const made = await init('--provider', 'openai', '--shared');
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('Set OPENAI_API_KEY before you start') });
    expect(made.stdout).toMatch(/^hc_[\w-]{43}\n$/);
    expect(readFileSync(join(place, 'hindcast.yaml'), 'utf8')).not.toContain(made.stdout.trim());
    expect(statSync(join(place, 'hindcast.yaml')).mode & 0o777).toBe(0o600);
    writeFileSync(join(place, 'hindcast.yaml'), '# mine\n');
    expect(await init('--provider', 'openai')).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
    expect(readFileSync(join(place, 'hindcast.yaml'), 'utf8')).toBe('# mine\n');
  } finally {
    rmSync(place, { recursive: true });
  }
});
