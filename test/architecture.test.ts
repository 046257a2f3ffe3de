/** The architecture, enforced; and each rule seen failing on a planted source that breaks it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { folderFilesMax, gatewayTopFilesMax } from './layers.ts';
import {
  adminApiImportsOnlyZod,
  compositionRootsAreNotImported,
  consoleImportsOnlyTheApi,
  exportsAreDocumented,
  fullFolders,
  functionLinesMax,
  importRings,
  importsPointDown,
  linesMax,
  providersHaveFixtures,
  pureFoldersImportOnlyPureFolders,
  pureFoldersUseNoImpureGlobals,
  type Rule,
  sourcesAreShort,
  sourcesHaveALayer,
} from './rules.ts';
import { type Source, SourceReader } from './sources.ts';

const root = resolve(import.meta.dirname, '..');
const paths = globSync('{main.ts,bin/*.ts,{statistics,gateway,recorder,replay,eval,dashboards,scripts}/**/*.{ts,tsx}}', { cwd: root })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => !path.includes('/dist'));
const reader = new SourceReader();
afterAll(() => reader[Symbol.dispose]());
const sources = reader.read(Object.fromEntries(paths.map(path => [path, readFileSync(join(root, path), 'utf8')])));
const objections = (rule: Rule, over: readonly Source[] = sources): readonly string[] => over.flatMap(rule);

const hasFixture = (name: string): boolean => existsSync(join(root, `test/fixtures/providers/${name}.jsonl`));

describe('the sources', () => {
  test('are all read', () => {
    expect(sources.length).toBeGreaterThan(30);
    expect(sources.find(s => s.path === 'gateway/core/routing/router.ts')?.imports).toContain('./retry.ts');
  });
  test('each belong to a layer', () => expect(objections(sourcesHaveALayer)).toEqual([]));
  test('import only from below, types included', () => expect(objections(importsPointDown)).toEqual([]));
  test('form no ring, types included', () => expect(importRings(sources)).toEqual([]));
  test('lie in folders of at most 15', () => expect(fullFolders(sources)).toEqual([]));
  test('import no composition root', () => expect(objections(compositionRootsAreNotImported)).toEqual([]));
  test('of core, providers and dialects import only core and their siblings', () =>
    expect(objections(pureFoldersImportOnlyPureFolders)).toEqual([]));
  test('of core, providers and dialects touch no clock, no dice, no environment', () =>
    expect(objections(pureFoldersUseNoImpureGlobals)).toEqual([]));
  test(`have at most ${linesMax} lines, and their functions ${functionLinesMax}`, () => expect(objections(sourcesAreShort)).toEqual([]));
  test('say of each exported function and class what it gives', () => expect(objections(exportsAreDocumented)).toEqual([]));
  test('of providers have a fixture each', () => expect(objections(providersHaveFixtures(hasFixture))).toEqual([]));
  test("of the admin API's table import zod alone, and the console that table alone", () =>
    expect([...objections(adminApiImportsOnlyZod), ...objections(consoleImportsOnlyTheApi)]).toEqual([]));
});

describe('a rule objects', () => {
  const planted = (path: string, text: string): readonly Source[] => reader.read({ [path]: text });

  test.each([
    ['gateway/http/edge.ts', "import { openSpool } from '../../recorder/spool/spool.ts';", 'recorder/spool/spool.ts'],
    ['gateway/exchange/x.ts', "import type { RequestExecutor } from '../http/request-executor.ts';", 'gateway/http/request-executor.ts'],
    ['gateway/core/routing/x.ts', "export type { Trial } from '../../../eval/sweep/sweep.ts';", 'eval/sweep/sweep.ts'],
    ['recorder/rows/tables.ts', "const { diff } = await import('../../replay/comparison/diff.ts');", 'replay/comparison/diff.ts'],
    ['replay/run/cost-plan.ts', "export const x = (t: import('../../eval/sweep/sweep.ts').Trial) => t;", 'eval/sweep/sweep.ts'],
    ['replay/main.ts', "import { gate } from '../eval/commands/comparison/gate.ts';", 'eval/commands/comparison/gate.ts'],
    ['statistics/x.ts', "import { parseJson } from '../gateway/core/chat/json.ts';", 'gateway/core/chat/json.ts'],
  ])('when %s imports from above: %s', (path, text, target) => {
    expect(objections(importsPointDown, planted(path, text))).toEqual([`${path} imports ${target}, which stands above it`]);
  });

  test('but not when the composition root of the gateway does, or a script, or who imports from below', () => {
    const composing = planted('gateway/main.ts', "import { openSpool } from '../recorder/spool/spool.ts';");
    const script = planted('scripts/build.ts', "import '../eval/sweep/sweep.ts';");
    const downward = planted('eval/sweep/sweep.ts', "import '../../gateway/core/routing/router.ts'; import 'got';");
    expect(objections(importsPointDown, [...composing, ...script, ...downward])).toEqual([]);
  });

  test('when a source lies in no layer', () => {
    expect(objections(sourcesHaveALayer, planted('novel/x.ts', ''))).toEqual(['novel/x.ts lies in no folder of test/layers.ts']);
    expect(objections(sourcesHaveALayer, planted('scripts/x.ts', ''))).toEqual([]);
  });

  test('when files import one another, by whatever detour and if only for a type', () => {
    const ring = reader.read({
      'gateway/core/a.ts': "import type { B } from './b.ts';",
      'gateway/core/b.ts': "export * from './c.ts';",
      'gateway/core/c.ts': "export type C = import('./a.ts').A;",
      'gateway/core/d.ts': "import './a.ts';",
    });
    expect(importRings(ring)).toEqual(['gateway/core/a.ts, gateway/core/b.ts, gateway/core/c.ts import one another']);
    expect(importRings(ring.filter(({ path }) => path !== 'gateway/core/b.ts'))).toEqual([]);
  });

  test('when too many sources lie in one folder', () => {
    const files = (folder: string, count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/x${i}.ts`, '']));
    expect(fullFolders(reader.read({ ...files('eval/gate', folderFilesMax), ...files('gateway', gatewayTopFilesMax) }))).toEqual([]);
    expect(fullFolders(reader.read(files('eval/gate', folderFilesMax + 1)))).toHaveLength(1);
    expect(fullFolders(reader.read(files('gateway', gatewayTopFilesMax + 1)))).toHaveLength(1);
  });

  test("when the admin API's table or the console imports the server", () => {
    const api = planted(
      'gateway/admin/api/x.ts',
      "import type { Settings } from '../../settings/settings.ts'; import 'zod'; import './y.ts';",
    );
    expect(objections(adminApiImportsOnlyZod, api)).toHaveLength(1);
    const text = "import type { AnswerOf } from '../../gateway/admin/api/table.ts'; import '../../gateway/server.ts'; import 'react';";
    expect(objections(consoleImportsOnlyTheApi, planted('dashboards/console/x.ts', text))).toHaveLength(1);
  });

  test('when somebody imports a main', () => {
    expect(
      objections(compositionRootsAreNotImported, planted('eval/gate/evaluate.ts', "import { register } from '../../replay/main.ts';")),
    ).toHaveLength(1);
    expect(
      objections(compositionRootsAreNotImported, planted('eval/main.ts', "import { register } from '../replay/main.ts';")),
    ).toHaveLength(1);
    expect(objections(compositionRootsAreNotImported, planted('replay/x.ts', "import '../main.ts';"))).toHaveLength(1);
    expect(objections(compositionRootsAreNotImported, planted('main.ts', "await import('./gateway/main.ts');"))).toEqual([]);
  });

  test.each([
    ['gateway/core/x.ts', "import { z } from 'zod';"],
    ['gateway/core/x.ts', "import { createHash } from 'node:crypto';"],
    ['gateway/core/x.ts', "import type { Secret } from '../secret.ts';"],
    ['gateway/core/x.ts', "import { openai } from '../providers/openai.ts';"],
    ['gateway/core/x.ts', 'const x = await import(name);'],
    ['gateway/providers/x.ts', "import { openaiChat } from '../dialects/openai.ts';"],
    ['gateway/providers/openai/x.ts', "import { sseFrames } from '../../frames.ts';"],
    ['gateway/dialects/x.ts', "import { openai } from '../providers/openai.ts';"],
    ['gateway/dialects/openai/x.ts', "import 'eventsource-parser';"],
  ])('when %s says %s', (path, text) => {
    expect(objections(pureFoldersImportOnlyPureFolders, planted(path, text))).toHaveLength(1);
  });

  test.each([
    'export const now = () => Date.now();',
    'export const now = () => new Date();',
    'export const dice = () => Math.random();',
    'export const later = (f: () => void) => setTimeout(f, 1);',
    'export const now = () => performance.now();',
    "export const key = () => process.env['KEY'];",
    "export const key = () => globalThis.process.env['KEY'];",
    "export const get = () => fetch('https://example.com');",
    "export const say = () => console.log('x');",
    'export const id = () => crypto.randomUUID();',
    'const { random } = Math; export const dice = () => random();',
    'export const bytes = (text: string) => Buffer.from(text);',
    'export const dice = [Math.random];',
    'export const later = { run: queueMicrotask };',
  ])('when core says %s', text => {
    const sent = objections(pureFoldersUseNoImpureGlobals, planted('gateway/core/x.ts', text));
    expect(sent).toHaveLength(1);
    expect(objections(pureFoldersUseNoImpureGlobals, planted('gateway/http/edge.ts', text))).toEqual([]);
  });

  test('but not when a name is only called like that', () => {
    const innocent = `
      import type { Date as Day } from './time.ts';
      interface Process { readonly process: string; fetch(): void; performance?: Performance; console: Date }
      // Date.now() and Math.random() in a comment, and "process.env" in a text
      export const parsed = Date.parse('2026-01-01T00:00:00Z') + Math.max(1, 2);
      export const play = (performance: { status: number }) => performance.status;
      export const text = 'setTimeout(f, 1)';
      export const member = (x: Process) => x.process + x.fetch();
      export const object = { fetch: 1, process: 2 };
    `;
    expect(objections(pureFoldersUseNoImpureGlobals, planted('gateway/core/x.ts', innocent))).toEqual([]);
  });

  test('when a file or a function is too long', () => {
    const filler = (count: number): string => Array.from({ length: count }, (_, i) => `  x += ${i};`).join('\n');
    const file = (lines: number): string => `let x = 0;\n${filler(lines - 1)}\n`;
    const sum = (lines: number): string => `/** Says\n * something.\n */\nexport function sum(x: number) {\n${filler(lines - 2)}\n}\n`;
    const method = (lines: number): string => `class A {\n  b = (x: number) => {\n${filler(lines - 2)}\n  };\n}\n`;
    expect(objections(sourcesAreShort, planted('eval/x.ts', file(linesMax)))).toEqual([]);
    expect(objections(sourcesAreShort, planted('eval/x.ts', file(linesMax + 1)))).toHaveLength(1);
    expect(objections(sourcesAreShort, planted('test/x.ts', file(linesMax + 1)))).toEqual([]);
    expect(objections(sourcesAreShort, planted('eval/x.ts', sum(functionLinesMax)))).toEqual([]);
    expect(objections(sourcesAreShort, planted('eval/x.ts', sum(functionLinesMax + 1)))).toEqual([
      'eval/x.ts:4 sum has 61 lines: 60 are the limit',
    ]);
    expect(objections(sourcesAreShort, planted('eval/x.ts', method(functionLinesMax + 1)))).toEqual([
      'eval/x.ts:2 b has 61 lines: 60 are the limit',
    ]);
  });

  test('when an exported function or class has no docstring, but not when the file is about that one thing', () => {
    const text = `
/** Gives one. */
export function one(): number;
export function one(x?: number): number { return 1; }
export const two = (): number => 2;
// Not a docstring.
export class Three {}
export const four = 4;
export interface Five {}
const six = (): number => 6;
`;
    expect(objections(exportsAreDocumented, planted('eval/x.ts', text))).toEqual([
      'eval/x.ts:5 two has no docstring',
      'eval/x.ts:7 Three has no docstring',
    ]);
    const alone = 'export const two = (): number => 2;';
    expect(objections(exportsAreDocumented, planted('eval/x.ts', `/** Twos. */\n${alone}`))).toEqual([]);
    expect(objections(exportsAreDocumented, planted('eval/x.ts', alone))).toHaveLength(1);
    expect(objections(exportsAreDocumented, planted('scripts/x.ts', alone))).toEqual([]);
    expect(objections(exportsAreDocumented, planted('dashboards/console/x.ts', alone))).toEqual([]);
  });

  test('when a provider has no fixture', () => {
    const rule = providersHaveFixtures(name => name === 'acme');
    const text = 'export const x = 1;';
    expect(objections(rule, planted('gateway/providers/acme.ts', text))).toEqual([]);
    expect(objections(rule, planted('gateway/providers/index.ts', text))).toEqual([]);
    expect(objections(rule, planted('gateway/providers/acme/stream.ts', text))).toEqual([]);
    expect(objections(rule, planted('gateway/providers/novel.ts', text))).toHaveLength(1);
  });
});
