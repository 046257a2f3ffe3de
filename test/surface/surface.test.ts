/** What users and other programs hold on to, as committed lists: it is read from the running program, so that files may move. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type CommandResult, Workspace } from '../hindcast.ts';
import { fileCommands, firstCommands, type JsonCommand, laterCommands, recordCommands, writeFiles } from './json-commands.ts';
import { keyPaths } from './key-paths.ts';
import { expectDocument, expectListed } from './lists.ts';
import { type RecordedFolder, recordedRequests, recordFolder } from './recorded-folder.ts';
import { runCommands } from './run-commands.ts';

const root = resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(join(tmpdir(), 'hindcast-surface-'));
const declaredFile = join(scratch, 'declared.jsonl');
let folder: RecordedFolder;
let ran: readonly (JsonCommand & CommandResult)[];

beforeAll(async () => {
  const declaring = declareCommands();
  folder = await recordFolder(declaredFile);
  writeFiles(folder.place);
  await folder.gateway.flush();
  await vi.waitFor(async () => expect(await rows("SELECT count() FROM requests WHERE run_id = ''")).toEqual([String(recordedRequests)]), {
    timeout: 30_000,
    interval: 100,
  });
  const run = async (commands: readonly JsonCommand[]): Promise<readonly (JsonCommand & CommandResult)[]> => {
    const ended = await runCommands(
      folder.place.folder,
      commands.map(({ args }) => args),
    );
    return commands.map((command, i) => ({ ...command, ...ended[i]! }));
  };
  const all = await Promise.all([
    run(fileCommands()),
    ...recordCommands.map(run),
    run(firstCommands(folder)).then(async first => [...first, ...(await run(laterCommands(folder)))]),
  ]);
  await declaring;
  ran = all.flat();
}, 120_000);
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** Lines of what the store says to a reader. */
async function rows(sql: string): Promise<readonly string[]> {
  const response = await fetch(folder.gateway.storeUrl, { method: 'POST', body: sql });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return text.trimEnd().split('\n');
}

async function declareCommands(): Promise<void> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
  const hooks = pathToFileURL(join(import.meta.dirname, 'hooks.ts')).href;
  const child = spawn(process.execPath, ['--import', hooks, join(root, 'main.ts'), '--surface'], {
    env: { PATH, HOME, NODE_COMPILE_CACHE, HINDCAST_SURFACE: declaredFile },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  expect((await once(child, 'close'))[0]).toBe(0);
}

const declared = (kind: string): readonly string[] =>
  readFileSync(declaredFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { readonly kind: string; readonly line: string })
    .filter(line => line.kind === kind)
    .map(({ line }) => line);

const commandOf = ({ args }: JsonCommand): string =>
  args.slice(0, args[0] === 'doctor' || args[0] === 'show' || args[0] === 'open' ? 1 : args[1] === 'dataset' ? 3 : 2).join(' ');

test('commands and flags are those of the list', () => expectListed('commands', declared('commands')));

test('the JSON Schema of the configuration is that of the list', () => {
  const schema = ran.find(({ args }) => args.slice(0, 2).join(' ') === 'config schema')!;
  expectDocument('config-schema', JSON.parse(schema.stdout));
});

test('tables, views and their columns are those of the list', async () => {
  const tables = await rows(`SELECT name || ' ' || engine FROM system.tables WHERE database = currentDatabase() FORMAT TSVRaw`);
  const columns = await rows(
    `SELECT trimRight(table || '.' || name || ' ' || type || ' ' || default_kind || ' ' || default_expression)
     FROM system.columns WHERE database = currentDatabase() FORMAT TSVRaw`,
  );
  expectListed('tables', [...tables, ...columns]);
});

test('metrics have the names, types and labels of the list', async () => {
  const metrics = declared('metrics').filter(line => /^(hindcast|gen_ai)_/.test(line));
  expectListed('metrics', metrics);
  // What is declared is what a scrape shows.
  const page = await (await fetch(`${folder.gateway.url}/metrics`)).text();
  const shown = [...page.matchAll(/^# TYPE ((?:hindcast|gen_ai)_\S+)/gm)].map(match => match[1]);
  expect(shown.toSorted()).toEqual(metrics.map(line => line.split(' ', 1)[0]!).toSorted());
});

test('the server has the routes of the list', () => {
  expectListed(
    'routes',
    declared('routes').filter(line => !line.endsWith(' *')),
  );
});

test('headers of requests and answers are those of the list', async () => {
  const sources = globSync('{main.ts,*/**/*.ts}', { cwd: root, exclude: ['node_modules/**', 'dist/**', 'test/**'] });
  const text = sources.map(path => readFileSync(join(root, path), 'utf8')).join('\n');
  const ours = [...text.matchAll(/['"`](x-hindcast-[a-z-]+)/g)].map(match => match[1]!);
  const standard = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key', 'idempotency-key', 'last-event-id', 'x-request-id'];
  const known = [...standard, 'traceparent', 'tracestate', 'anthropic-version'].filter(name => new RegExp(`['".]${name}\\b`).test(text));
  expectListed('headers', [
    ...ours.map(name => `ours ${name}`),
    ...known.map(name => `read ${name}`),
    ...(await recordedHeaders()).map(name => `recorded ${name}`),
    ...[...folder.headers].map(name => `answered ${name}`),
  ]);
});

/** Request headers that are kept with a record. */
const recordedHeaders = (): Promise<readonly string[]> =>
  rows('SELECT DISTINCT arrayJoin(mapKeys(request_headers)) FROM payloads FORMAT TSVRaw');

test('every command with --json has been run', () => {
  const withJson = declared('commands').flatMap(line => /^hindcast (.*) --json$/.exec(line)?.[1] ?? []);
  const reported = new Set(ran.filter(({ args, stdout }) => args.at(-1) === '--json' && stdout !== '').map(commandOf));
  // Two go on until they are stopped.
  expect(withJson.filter(name => !reported.has(name) && name !== 'serve' && name !== 'tail')).toEqual([]);
});

test('what --json prints has the keys of the list', () => {
  const printed = ran.filter(({ args }) => args.at(-1) === '--json' && args[1] !== 'schema');
  for (const { args, stdout, stderr } of printed) expect(stdout, `${args.join(' ')}: ${stderr}`).toMatch(/^[[{]/);
  const byCommand = Map.groupBy(printed, commandOf);
  const log = folder.gateway
    .output()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as unknown);
  const run = folder.place.read('run.jsonl').trim().split('\n');
  expectListed('json-keys', [
    ...[...byCommand].flatMap(([name, ended]) =>
      pathsOf(
        name,
        ended.map(({ stdout }) => JSON.parse(stdout) as unknown),
      ),
    ),
    ...pathsOf('serve', log),
    ...pathsOf(
      'replay export',
      run.map(line => JSON.parse(line) as unknown),
    ),
  ]);
});

const pathsOf = (name: string, values: readonly unknown[]): readonly string[] => keyPaths(values).map(path => `${name}: ${path}`);

test('exit codes are those of the list', { timeout: 60_000 }, async () => {
  await using place = new Workspace('providers: { sim: { api: simulated } }\nstore: { port: 0 }\n');
  const broken = `data:text/javascript,${encodeURIComponent("process.stdout.write = () => { throw new Error('a mistake'); };")}`;
  await using mistaken = new Workspace(undefined, { NODE_OPTIONS: `--import ${JSON.stringify(broken)}` });
  const [unknown, problem, mistake, interrupt] = await Promise.all([
    place.run('nothing'),
    place.run('eval', 'sweep'),
    mistaken.run('config', 'check'),
    interrupted(),
  ]);
  const code = (name: string): number | null => ran.find(({ args }) => args.join(' ').startsWith(name))!.code;
  expectListed('exit-codes', [
    `${code('config check')} a command that did what it was asked`,
    `${code('config check --config broken.yaml')} a configuration with problems`,
    `${code('eval gate fails.yaml')} a gate that fails`,
    `${code('eval gate gate.yaml')} a gate that cannot be told`,
    `${code('replay run --since 1h --route smart-route --against sim/small --max-cost')} a run whose money ends`,
    `${code('replay plan --since 1h --route none')} nothing is selected`,
    `${unknown.code} a command that does not exist`,
    `${problem.code} a flag that is missing`,
    `${mistake.code} a mistake of the program's own`,
    `${interrupt} a run that is interrupted`,
  ]);
});

/** A run that would take long, and the signal that ends it. */
async function interrupted(): Promise<number | null> {
  const { place } = folder;
  const args = ['replay', 'run', '--since', '1h', '--route', 'smart-route', '--against', 'sim/small:ttft=60000', '--yes'];
  const child = spawn(process.execPath, [join(root, 'main.ts'), ...args], { cwd: place.folder, stdio: 'ignore' });
  const ended = once(child, 'close');
  const before = new Set(journals(place.folder));
  await expect.poll(() => journals(place.folder).filter(path => !before.has(path)).length, { timeout: 20_000 }).toBe(1);
  child.kill('SIGINT');
  return (await ended)[0] as number | null;
}

const journals = (path: string): readonly string[] => globSync('hindcast-data/runs/*/journal.jsonl', { cwd: path });
