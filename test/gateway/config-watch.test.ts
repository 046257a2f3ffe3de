import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ConfigProblem, loadConfig, watchConfig } from '../../gateway/config/index.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { folder } from './config-files.ts';

type Seen =
  | { readonly type: 'changed'; readonly settings: Settings; readonly needRestart: readonly string[] }
  | { readonly type: 'refused'; readonly problems: readonly ConfigProblem[] };

const config = (port: number, target = 'sim/small'): string =>
  `server: { port: ${port} }\nproviders: { sim: { api: simulated } }\nroutes: { fast: ${target} }\n`;
const target = (seen: Seen): string | undefined =>
  seen.type === 'changed' ? seen.settings.routes.get('fast')?.steps[0]?.target : undefined;

/** Watches, and returns the events one by one. */
function watched(directory: string, file?: string): { next(): Promise<Seen>; readonly unread: readonly Seen[] } {
  const loaded = loadConfig({ directory, file, environment: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const unread: Seen[] = [];
  const waiting: ((seen: Seen) => void)[] = [];
  const push = (seen: Seen): void => {
    const reader = waiting.shift();
    if (reader) reader(seen);
    else unread.push(seen);
  };
  const watcher = watchConfig(loaded.settings, {
    changed: (settings, needRestart) => push({ type: 'changed', settings, needRestart }),
    refused: problems => push({ type: 'refused', problems }),
  });
  onTestFinished(() => watcher.close());
  return { unread, next: () => (unread.length > 0 ? Promise.resolve(unread.shift()!) : new Promise(resolve => waiting.push(resolve))) };
}

describe('a watched config', () => {
  it('is applied when it changes, rejected when it is invalid, and applied again when it is repaired', async () => {
    const directory = folder({ 'hindcast.yaml': config(4000) });
    const file = join(directory, 'hindcast.yaml');
    const { next } = watched(directory);
    writeFileSync(file, config(4000, 'sim/large'));
    expect(await next()).toMatchObject({ type: 'changed', needRestart: [] });
    writeFileSync(file, config(4000, 'nobody/x'));
    const broken = await next();
    expect(broken).toMatchObject({ type: 'refused', problems: [{ line: 3, column: 17, path: 'routes.fast' }] });
    // The same config as before: the repair is reported.
    writeFileSync(file, config(4000, 'sim/large'));
    expect(target(await next())).toBe('sim/large');
  });

  it('reports nothing for the same content or the same values, and each change once', async () => {
    const directory = folder({ 'hindcast.yaml': config(4000) });
    const file = join(directory, 'hindcast.yaml');
    const { next, unread } = watched(directory);
    writeFileSync(file, config(4000));
    writeFileSync(join(directory, 'other.txt'), 'x');
    writeFileSync(file, `# a comment\n${config(4000)}`);
    // The next event is the next real change, so the others were not reported.
    setTimeout(() => writeFileSync(file, config(4000, 'sim/large')), 600);
    expect(target(await next())).toBe('sim/large');
    setTimeout(() => writeFileSync(file, config(4000, 'sim/third')), 600);
    expect(target(await next())).toBe('sim/third');
    expect(unread).toEqual([]);
  });

  it('names changes that need a restart, as long as they differ from the start', async () => {
    const directory = folder({ 'hindcast.yaml': config(4000) });
    const file = join(directory, 'hindcast.yaml');
    const { next } = watched(directory);
    writeFileSync(file, `${config(5000)}store: { path: ./elsewhere, password: new }\n`);
    expect(await next()).toMatchObject({ needRestart: ['server.port', 'store.path', 'store.password'] });
    writeFileSync(file, config(5000, 'sim/large'));
    expect(await next()).toMatchObject({ needRestart: ['server.port'] });
    writeFileSync(file, config(4000, 'sim/large'));
    expect(await next()).toMatchObject({ needRestart: [] });
  });

  it('is found again when an editor replaces the file, and reported when it is deleted', async () => {
    const directory = folder({ 'hindcast.yaml': config(4000) });
    const file = join(directory, 'hindcast.yaml');
    const { next } = watched(directory);
    writeFileSync(`${file}~`, config(4000, 'sim/large'));
    renameSync(`${file}~`, file);
    expect(target(await next())).toBe('sim/large');
    rmSync(file);
    expect(await next()).toMatchObject({ type: 'refused', problems: [{ file: 'hindcast.yaml', line: 0 }] });
    writeFileSync(file, config(4000, 'sim/third'));
    expect(target(await next())).toBe('sim/third');
  });

  it('is followed through the links that Kubernetes swaps', async () => {
    const directory = folder({
      'v1/hindcast.yaml': config(4000),
      'v2/hindcast.yaml': config(4000, 'sim/large'),
      'v3/hindcast.yaml': config(4000, 'sim/third'),
    });
    const data = join(directory, '..data');
    symlinkSync('v1', data);
    symlinkSync('..data/hindcast.yaml', join(directory, 'hindcast.yaml'));
    const { next } = watched(directory);
    for (const [version, expected] of [
      ['v2', 'sim/large'],
      ['v3', 'sim/third'],
    ] as const) {
      symlinkSync(version, `${data}_tmp`);
      renameSync(`${data}_tmp`, data);
      expect(target(await next())).toBe(expected);
    }
  });

  it('is followed to the folder that a link to it leads to', async () => {
    const real = join(folder({ 'real.yaml': config(4000) }), 'real.yaml');
    const directory = folder();
    symlinkSync(real, join(directory, 'hindcast.yaml'));
    const { next } = watched(directory);
    writeFileSync(real, config(4000, 'sim/large'));
    expect(target(await next())).toBe('sim/large');
    writeFileSync(real, config(4000, 'sim/third'));
    expect(target(await next())).toBe('sim/third');
  });

  it('is read again when a secret file of it changes', async () => {
    const secrets = folder({ key: 'first' });
    const yaml = `providers: { o: { api: openai, key: "\${file:${join(secrets, 'key')}}" } }`;
    const { next } = watched(folder({ 'deploy/my.yaml': yaml }), 'deploy/my.yaml');
    const keyOf = (seen: Seen) => (seen.type === 'changed' ? seen.settings.providers.get('o')?.keys[0]?.reveal() : seen.problems);
    writeFileSync(join(secrets, 'key'), 'second');
    expect(keyOf(await next())).toBe('second');
    rmSync(join(secrets, 'key'));
    expect(await next()).toMatchObject({ type: 'refused' });
    writeFileSync(join(secrets, 'key'), 'third');
    expect(keyOf(await next())).toBe('third');
  });

  it('a change between loading and watching is noticed', async () => {
    const directory = folder({ 'hindcast.yaml': config(4000) });
    const loaded = loadConfig({ directory, environment: {} });
    if (!loaded.ok) throw new Error('refused');
    writeFileSync(join(directory, 'hindcast.yaml'), config(4000, 'sim/large'));
    const next = await new Promise<Settings>((changed, refused) => {
      const watcher = watchConfig(loaded.settings, { changed, refused });
      onTestFinished(() => watcher.close());
    });
    expect(next.routes.get('fast')?.steps[0]?.target).toBe('sim/large');
  });

  it('is not watched when there is no file, even if one appears', () => {
    const directory = folder();
    const loaded = loadConfig({ directory, environment: {} });
    if (!loaded.ok) throw new Error('refused');
    const fail = (): void => expect.unreachable();
    mkdirSync(join(directory, 'x'));
    watchConfig(loaded.settings, { changed: fail, refused: fail }).close();
  });
});
