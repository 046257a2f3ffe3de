/** A temporary folder for each test that needs a config on disk. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ConfigProblem, type Loaded, loadConfig } from '../../gateway/config/index.ts';
import type { Settings } from '../../gateway/settings/settings.ts';

export type Environment = Readonly<Record<string, string>>;

/** A folder with these files, removed when the test ends. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'hindcast-config-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

export const load = (yaml: string, environment: Environment = {}): Loaded =>
  loadConfig({ directory: folder({ 'hindcast.yaml': yaml }), environment });

export function settings(yaml: string, environment: Environment = {}): Settings {
  const loaded = load(yaml, environment);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`).join('\n'));
  return loaded.settings;
}

export function problems(yaml: string, environment: Environment = {}): readonly ConfigProblem[] {
  const loaded = load(yaml, environment);
  return loaded.ok ? [] : loaded.problems;
}
