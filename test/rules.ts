/** The architecture as rules over sources: each gives its objections, none when all is well. */
import { dirname, join, normalize } from 'node:path';
import { folderFilesMax, gatewayTopFilesMax, layerOf, layers, pureRooms } from './layers.ts';
import type { Source } from './sources.ts';

export type Rule = (source: Source) => readonly string[];

const rankOf = (path: string): number => layers.indexOf(layerOf(path) ?? '');
const isOutside = (path: string): boolean => /^(bin|scripts|test)\//.test(path);
const isRoot = (path: string): boolean => path === 'main.ts' || /^[^/]+\/main\.ts$/.test(path);

/** Where an import leads, from the root of the project; a package stays as it is named. */
export const targetOf = (path: string, specifier: string): string =>
  specifier.startsWith('.') ? normalize(join(dirname(path), specifier)).replaceAll('\\', '/') : specifier;

const targetsOf = ({ path, imports }: Source): readonly string[] => imports.map(specifier => targetOf(path, specifier));

/** The command line and the gateway's composition root hand in what stands above the rest. */
const composes = (path: string): boolean => path === 'main.ts' || path === 'gateway/main.ts';

/** Types count as well. */
export const importsPointDown: Rule = source => {
  if (composes(source.path) || layerOf(source.path) === undefined) return [];
  return targetsOf(source)
    .filter(target => rankOf(target) > rankOf(source.path))
    .map(target => `${source.path} imports ${target}, which stands above it`);
};

/** Every source belongs to a layer, but the command line and scripts. */
export const sourcesHaveALayer: Rule = ({ path }) =>
  path === 'main.ts' || isOutside(path) || layerOf(path) !== undefined ? [] : [`${path} lies in no folder of test/layers.ts`];

/** Import rings between files, types included; each as the files that form it. */
export function importRings(sources: readonly Source[]): readonly string[] {
  const paths = new Set(sources.map(({ path }) => path));
  const graph = new Map(sources.map(source => [source.path, targetsOf(source).filter(target => paths.has(target))]));
  return stronglyConnected(graph).map(ring => `${ring.toSorted().join(', ')} import one another`);
}

/** Folders with more sources than a reader takes in at a glance. */
export function fullFolders(sources: readonly Source[]): readonly string[] {
  return [...Map.groupBy(sources, ({ path }) => dirname(path))].flatMap(([folder, files]) => {
    const most = folder === 'gateway' ? gatewayTopFilesMax : folderFilesMax;
    return files.length > most ? [`${folder} holds ${files.length} sources: ${most} are the limit`] : [];
  });
}

/** A composition root starts things; whoever imported it would start them, too. Only the command line does. */
export const compositionRootsAreNotImported: Rule = source => {
  if (source.path === 'main.ts' || isOutside(source.path)) return [];
  return targetsOf(source)
    .filter(isRoot)
    .map(target => `${source.path} imports the composition root ${target}`);
};

const apiRoom = 'gateway/admin/api/';

/** The table of the admin API runs in a browser, too. */
export const adminApiImportsOnlyZod: Rule = source =>
  source.path.startsWith(apiRoom)
    ? targetsOf(source)
        .filter(target => target !== 'zod' && !target.startsWith(apiRoom))
        .map(target => `${source.path} imports ${target}: the admin API imports itself and zod`)
    : [];

/** The console knows what the API says, and nothing of who says it. */
export const consoleImportsOnlyTheApi: Rule = source =>
  source.path.startsWith('dashboards/console/')
    ? targetsOf(source)
        .filter(target => /^(?:gateway|recorder|replay|eval)\//.test(target) && !target.startsWith(apiRoom))
        .map(target => `${source.path} imports ${target}: the console imports the admin API's types only`)
    : [];

const pureRoomOf = (path: string): string | undefined => Object.keys(pureRooms).find(room => path.startsWith(`${room}/`));

export const pureFoldersImportOnlyPureFolders: Rule = source => {
  const room = pureRoomOf(source.path);
  if (room === undefined) return [];
  const allowedRooms = [room, ...pureRooms[room]!];
  return targetsOf(source)
    .filter(target => !allowedRooms.some(allowed => target.startsWith(`${allowed}/`)))
    .map(target => `${source.path} imports ${target}: ${room} imports only ${allowedRooms.join(', ')}`);
};

/** Clocks, dice, the environment and everything else that answers differently tomorrow. */
const impure = new Set([
  ...['Date', 'performance', 'Temporal', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'crypto'],
  ...['process', 'console', 'fetch', 'globalThis', 'global', 'require', 'Buffer', 'navigator', 'WebSocket', 'EventSource'],
]);
/** The same for the same arguments, always. */
const allowed = new Set(['Date.parse', 'Date.UTC']);

export const pureFoldersUseNoImpureGlobals: Rule = source => {
  if (pureRoomOf(source.path) === undefined) return [];
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

/**
 * Who calls a function reads what it gives without opening the file. The only export of a file may have the file's docstring. The console's
 * components say by name and props what they show.
 */
export const exportsAreDocumented: Rule = ({ path, exports, isIntroduced }) =>
  isOutside(path) || path.startsWith('dashboards/console/') || (exports.length === 1 && isIntroduced)
    ? []
    : exports
        .filter(({ isCallable, isDocumented }) => isCallable && !isDocumented)
        .map(({ name, line }) => `${path}:${line} ${name} has no docstring`);

/** `hasFixture` is asked with the provider's name. */
export const providersHaveFixtures =
  (hasFixture: (name: string) => boolean): Rule =>
  ({ path }) => {
    const name = /^gateway\/providers\/(?:vendors\/)?([^/]+)\.ts$/.exec(path)?.[1];
    if (name === undefined || name === 'index' || hasFixture(name)) return [];
    return [`${path} has no fixture test/fixtures/providers/${name}.jsonl`];
  };

/** Tarjan: the sets of nodes that reach one another, single nodes left out. */
function stronglyConnected(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const rings: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const ring = stack.splice(stack.indexOf(node));
    if (ring.length > 1) rings.push(ring);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return rings;
}
