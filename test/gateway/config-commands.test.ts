// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerConfig, registerKeys } from '../../gateway/cli/config-commands.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { folder } from './config-files.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

interface Run {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** The output and exit code of a command. */
async function run(...words: readonly string[]): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(String(text)) > 0);
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(text => err.push(String(text)) > 0);
  const program = new Command('hindcast');
  registerConfig(program);
  registerKeys(program);
  const before = process.exitCode;
  process.exitCode = 0;
  await program.parseAsync(words, { from: 'user' });
  const code = Number(process.exitCode);
  process.exitCode = before;
  stdout.mockRestore();
  stderr.mockRestore();
  return { out: out.join(''), err: err.join(''), code };
}

const file = (yaml: string): string => join(folder({ 'hindcast.yaml': yaml }), 'hindcast.yaml');
const hash = (n: number): string => `sha256:${String(n).repeat(64)}`;
const sim = 'providers: { sim: { api: simulated } }\n';

describe('config check', () => {
  it('prints all problems and exits with 2', async () => {
    const path = file(`${sim}server: { prot: 1 }\nroutes: { a: smi/x }`);
    const { out, code } = await run('config', 'check', '--config', path);
    expect(code).toBe(2);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/hindcast\.yaml:2:11: server\.prot: unknown key "prot"; did you mean "port"\?$/),
      expect.stringMatching(/hindcast\.yaml:3:14: routes\.a: there is no provider "smi"; did you mean "sim"\?$/),
      '2 problems in the configuration.',
      '',
    ]);
    const json = await run('config', 'check', '--config', path, '--json');
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 2, column: 11, path: 'server.prot' }, { line: 3 }] });
  });

  it('accepts 10,000 keys, 1,000 routes and 200 providers, and cuts long tables', { timeout: 120_000 }, async () => {
    const lines = (count: number, line: (n: number) => string): string => Array.from({ length: count }, (_, n) => line(n)).join('\n');
    const sha = (n: number): string => createHash('sha256').update(String(n)).digest('hex');
    const path = file(`
providers:
${lines(200, n => `  p${n}: { api: openai, key: k, base_url: "http://127.0.0.1:9/v1", allow_private: true }`)}
routes:
${lines(1_000, n => `  r${n}: [p${n % 200}/a, p${(n + 1) % 200}/b]`)}
tenants: { acme: {} }
keys:
${lines(10_000, n => `  - { name: key${n}, hash: "sha256:${sha(n)}", tenant: acme, project: web, user: u${n} }`)}
`);
    const { out, code } = await run('config', 'check', '--config', path);
    expect(code).toBe(0);
    expect(out.match(/… and \d+ more, which --json lists/g)).toEqual([100, 900, 9_900].map(n => `… and ${n} more, which --json lists`));
    const json = await run('config', 'check', '--config', path, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ keys: { length: 10_000 }, routes: { length: 1_000 }, providers: { length: 200 } });
  });

  it('prints what is configured, and where keys come from but never a key', async () => {
    vi.stubEnv('CANARY_KEY', 'sk-canary-value');
    const path = file(`
providers:
  sim: { api: simulated }
  o: { api: openai, keys: ["\${CANARY_KEY}", sk-canary-literal, "\${UNSET_HERE:-sk-canary-default}"] }
routes:
  smart: { steps: [{ target: sim/a, accept: { any: [{ confidence: 0.7 }, { all: [{ margin: 0.1 }, { schema_valid: 1 }] }] } }, { target: o/b, hedge_after: p95 }] }
tenants: { acme: { routes: [smart] } }
keys: [{ name: web, hash: "${hash(1)}", tenant: acme }]
`);
    const { out, code } = await run('config', 'check', '--config', path);
    expect(code).toBe(0);
    expect(out).toContain('CANARY_KEY, written in the file, UNSET_HERE (its default)');
    expect(out).toContain('sim/a (confidence ≥ 0.7 or (margin ≥ 0.1 and schema_valid ≥ 1)) → o/b, hedged after p95');
    expect(out).toMatch(/config hash [0-9a-f]{16}/);
    expect(out).not.toContain('sk-canary');
    const json = await run('config', 'check', '--config', path, '--json');
    expect(JSON.parse(json.out)).toMatchObject({ ok: true, file: path, keys: [{ name: 'web', tenant: 'acme', hash: '11111111' }] });
    expect(json.out).not.toContain('sk-canary');
    expect(json.out).not.toContain(hash(1).slice(7));
  });

  it('finds the file of HINDCAST_CONFIG', async () => {
    vi.stubEnv('HINDCAST_CONFIG', '/nowhere/at/all.yaml');
    const { out, code } = await run('config', 'check');
    expect(code).toBe(2);
    expect(out).toContain('/nowhere/at/all.yaml: there is no such file');
  });
});

describe('config schema', () => {
  it('prints a JSON Schema', async () => {
    const { out } = await run('config', 'schema');
    expect(JSON.parse(out)).toMatchObject({
      $schema: expect.stringContaining('json-schema.org'),
      type: 'object',
      additionalProperties: false,
    });
  });
});

describe('keys create', () => {
  it('prints a key of 256 bits and the line that admits exactly this key', async () => {
    const path = file(`${sim}tenants: { acme: {} }`);
    const { out, err, code } = await run(
      'keys',
      'create',
      'true: "x"',
      '--tenant',
      'acme',
      '--project',
      'web',
      '--role',
      'admin',
      '--config',
      path,
    );
    expect(code).toBe(0);
    const [key = '', , ...yaml] = out.split('\n');
    expect(key).toMatch(/^hc_[A-Za-z0-9_-]{43}$/);
    expect(err).not.toContain(key);
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n${yaml.join('\n')}`);
    const loaded = loadConfig({ file: path, directory: '/', environment: {} });
    const digest = createHash('sha256').update(key).digest('hex');
    expect(loaded.ok && loaded.settings.keys.get(digest)).toEqual({
      name: 'true: "x"',
      tenant: 'acme',
      project: 'web',
      user: '',
      role: 'admin',
    });
  });

  it('never prints the same key twice, and prints JSON with --json', async () => {
    const path = file(sim);
    const keys: { readonly key: string; readonly hash: string }[] = [];
    for (let i = 0; i < 3; i++) keys.push(JSON.parse((await run('keys', 'create', 'a', '--json', '--config', path)).out));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(3);
    for (const { key, hash: printed } of keys) expect(printed).toBe(`sha256:${createHash('sha256').update(key).digest('hex')}`);
  });

  it('rejects an existing name, and warns of an unknown tenant', async () => {
    const path = file(`${sim}keys: [{ name: web, hash: "${hash(1)}" }]`);
    expect(await run('keys', 'create', 'web', '--config', path)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('A key named "web" exists'),
    });
    expect(await run('keys', 'create', 'new', '--tenant', 'acme', '--config', path)).toMatchObject({
      code: 0,
      err: expect.stringContaining('no tenant "acme"'),
    });
  });

  it('works while the file is invalid because it has no key', async () => {
    const path = file(`${sim}server: { host: 0.0.0.0 }`);
    expect((await run('config', 'check', '--config', path)).code).toBe(2);
    expect((await run('keys', 'create', 'first', '--config', path)).code).toBe(0);
  });
});

describe('keys list', () => {
  it('prints the names of keys, and eight digits of each hash', async () => {
    const { out } = await run(
      'keys',
      'list',
      '--config',
      file(`${sim}keys: [{ name: web, hash: "${hash(1)}", user: u1 }, { name: ops, hash: "${hash(2)}", role: admin }]`),
    );
    expect(out).toContain('11111111…');
    expect(out).not.toContain('111111111');
    expect(out).toMatch(/ops +default .*admin +22222222…/);
  });

  it('says that callers need no key when there are none', async () => {
    expect((await run('keys', 'list', '--config', file(sim))).out).toBe('There are no keys: callers need none.\n');
  });
});

describe('keys revoke', () => {
  const block = `# ours\n${sim}\nkeys:\n  # the web\n  - {name: web,   hash: "${hash(1)}"}   # first\n  - name: two\n    # why\n    hash: ${hash(2)}\n  - name: three\n    hash: ${hash(3)}\nstate: { url: sqlite }\n`;
  const namesIn = (path: string): readonly string[] | undefined => {
    const loaded = loadConfig({ file: path, directory: '/', environment: {} });
    return loaded.ok ? [...loaded.settings.keys.values()].map(({ name }) => name) : undefined;
  };

  it('prints the lines to delete, and deletes nothing', async () => {
    const path = file(block);
    const { out, err, code } = await run('keys', 'revoke', 'two', '--config', path);
    expect(code, 'nobody may take the key for revoked').toBe(2);
    expect(err).toContain('with --write');
    expect(out).toBe(`Nothing is revoked yet. Delete lines 7 to 9 of ${path}, or use --write.\n`);
    expect(readFileSync(path, 'utf8')).toBe(block);
  });

  it('cuts the lines and keeps every other byte', async () => {
    const path = file(block);
    chmodSync(path, 0o600);
    await run('keys', 'revoke', 'two', '--write', '--config', path);
    expect(readFileSync(path, 'utf8')).toBe(block.split('\n').toSpliced(6, 3).join('\n'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(namesIn(path)).toEqual(['web', 'three']);
  });

  it('removes a key from a list on one line, and keeps comments', async () => {
    const path = file(`# ours\n${sim}keys: [{ name: a, hash: "${hash(1)}" }, { name: b, hash: "${hash(2)}" }] # all\n`);
    await run('keys', 'revoke', 'a', '--write', '--config', path);
    expect(namesIn(path)).toEqual(['b']);
    expect(readFileSync(path, 'utf8')).toMatch(/^# ours\n[\s\S]*# all\n$/);
  });

  it('writes through a symbolic link and keeps it', async () => {
    const path = file(block);
    const link = join(folder(), 'link.yaml');
    symlinkSync(path, link);
    await run('keys', 'revoke', 'web', '--write', '--config', link);
    expect(realpathSync(link)).toBe(realpathSync(path));
    expect(namesIn(path)).toEqual(['two', 'three']);
  });

  it('warns for the last key, and keeps the file when the gateway would be open to everyone without it', async () => {
    const one = `keys:\n  - { name: a, hash: "${hash(1)}" }\n`;
    const local = file(sim + one);
    expect((await run('keys', 'revoke', 'a', '--write', '--config', local)).err).toContain('the only key');
    expect(namesIn(local)).toEqual([]);
    const open = file(`${sim}server: { host: 0.0.0.0 }\n${one}`);
    expect(await run('keys', 'revoke', 'a', '--write', '--config', open)).toMatchObject({
      code: 2,
      err: expect.stringContaining('Nothing was written'),
    });
    expect(namesIn(open)).toEqual(['a']);
  });

  it('suggests the nearest key for an unknown name', async () => {
    expect(await run('keys', 'revoke', 'tow', '--config', file(block))).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean "two"?'),
    });
  });
});

describe('help', () => {
  it.each([
    ['config', 'check'],
    ['config', 'schema'],
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'revoke'],
  ])('%s %s shows examples', (group, name) => {
    const program = new Command('hindcast');
    registerConfig(program);
    registerKeys(program);
    const command = program.commands.find(c => c.name() === group)!.commands.find(c => c.name() === name)!;
    const help: string[] = [];
    command.configureOutput({ writeOut: text => void help.push(text) }).outputHelp();
    for (const part of ['Examples:', '--config', '--json']) expect(help.join('')).toContain(part);
  });
});
