/** The architecture as rules over sources: each gives its objections, none when all is well. */
import { dirname, join, normalize } from 'node:path';
import type { Source } from './sources.ts';

export type Rule = (source: Source) => readonly string[];

/** What stands to the left knows nothing of what stands to its right. */
const order = ['gateway', 'recorder', 'replay', 'eval'];
const rankOf = (path: string): number => order.indexOf(path.split('/')[0]!);
const isRoot = (path: string): boolean => path === 'main.ts' || /^[^/]+\/main\.ts$/.test(path);
const isFree = (path: string): boolean => /^(bin|scripts|test)\//.test(path);

/** Where an import leads, from the root of the project; a package stays as it is named. */
const targetOf = (path: string, specifier: string): string =>
  specifier.startsWith('.') ? normalize(join(dirname(path), specifier)).replaceAll('\\', '/') : specifier;

const targetsOf = ({ path, imports }: Source): readonly string[] => imports.map(specifier => targetOf(path, specifier));

/** gateway <- recorder <- replay <- eval. Composition roots may import anything and hand it in. */
export const importsPointLeft: Rule = source => {
  if (isRoot(source.path) || isFree(source.path) || rankOf(source.path) < 0) return [];
  return targetsOf(source)
    .filter(target => rankOf(target) > rankOf(source.path))
    .map(target => `${source.path} imports ${target}, which stands to its right`);
};

/** A composition root starts things; whoever imported it would start them, too. Only the command line does. */
export const compositionRootsAreNotImported: Rule = source => {
  if (source.path === 'main.ts' || isFree(source.path)) return [];
  return targetsOf(source)
    .filter(isRoot)
    .map(target => `${source.path} imports the composition root ${target}`);
};

/** The pure rooms, and what each may import. */
const pure: readonly { readonly room: string; readonly mayImport: RegExp }[] = [
  { room: 'gateway/core/', mayImport: /^gateway\/core\// },
  { room: 'gateway/providers/', mayImport: /^gateway\/(core|providers)\// },
  { room: 'gateway/dialects/', mayImport: /^gateway\/(core|dialects)\// },
];

export const pureFoldersImportOnlyPureFolders: Rule = source => {
  const folder = pure.find(({ room }) => source.path.startsWith(room));
  if (!folder) return [];
  return targetsOf(source)
    .filter(target => !folder.mayImport.test(target))
    .map(target => `${source.path} imports ${target}: ${folder.room} imports only core and itself`);
};

/** Clocks, dice, the environment and everything else that answers differently tomorrow. */
const impure = new Set([
  ...['Date', 'performance', 'Temporal', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'crypto'],
  ...['process', 'console', 'fetch', 'globalThis', 'global', 'require', 'Buffer', 'navigator', 'WebSocket', 'EventSource'],
]);
/** The same for the same arguments, always. */
const allowed = new Set(['Date.parse', 'Date.UTC']);

export const pureFoldersUseNoImpureGlobals: Rule = source => {
  if (!pure.some(({ room }) => source.path.startsWith(room))) return [];
  return source.globals
    .filter(name => name === 'Math.random' || name === 'Math' || (impure.has(name.split('.', 1)[0]!) && !allowed.has(name)))
    .map(name => `${source.path} touches ${name}`);
};

export const linesMax = 300;
export const functionLinesMax = 60;

export const sourcesAreShort: Rule = ({ path, lines, functions }) => {
  if (path.startsWith('test/')) return [];
  const long = functions.filter(f => f.lines > functionLinesMax);
  return [
    ...(lines > linesMax ? [`${path} has ${lines} lines: split it by question, ${linesMax} are the limit`] : []),
    ...long.map(({ name, line, lines }) => `${path}:${line} ${name} has ${lines} lines: ${functionLinesMax} are the limit`),
  ];
};

/** `hasFixture` is asked with the provider's name. */
export const providersHaveFixtures =
  (hasFixture: (name: string) => boolean): Rule =>
  ({ path }) => {
    const name = /^gateway\/providers\/(?:vendors\/)?([^/]+)\.ts$/.exec(path)?.[1];
    if (name === undefined || name === 'index' || hasFixture(name)) return [];
    return [`${path} has no fixture test/fixtures/providers/${name}.jsonl`];
  };
