/** Converts YAML nodes to plain data: expands texts, follows aliases within limits, and records positions. */
import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { type Finding, type Path, pathId, quoted } from '../problem.ts';
import { type AliasTargets, aliasTargets, isEndless } from './alias.ts';
import { type ExpansionContext, expandText } from './expand.ts';

/** Offsets in the text. Entries of a list have no key. */
export interface TextPosition {
  readonly key?: number;
  readonly value: number;
}

export interface WalkResult {
  readonly value: unknown;
  readonly places: ReadonlyMap<string, TextPosition>;
  readonly origins: ReadonlyMap<string, readonly string[]>;
  readonly files: readonly string[];
  readonly findings: readonly Finding[];
  /** The document was too large or too deep, and the rest was not read. */
  readonly overflowed: boolean;
}

/** Enough for some 50,000 keys with ten values each. */
const nodesMax = 500_000;
const aliasesMax = 1_000;
const depthMax = 40;
const charactersMax = 4 * 1024 * 1024;

interface WalkState {
  readonly context: ExpansionContext;
  readonly targets: AliasTargets;
  readonly places: Map<string, TextPosition>;
  readonly origins: Map<string, readonly string[]>;
  readonly files: string[];
  readonly findings: Finding[];
  nodes: number;
  aliases: number;
  characters: number;
  overflowed: boolean;
}

interface Entry {
  readonly name: string;
  /** Offset of the key. */
  readonly at: number;
  readonly value: unknown;
}

/** The plain value with its positions and findings. */
export function walkDocument(contents: unknown, context: ExpansionContext): WalkResult {
  const state: WalkState = {
    context,
    targets: aliasTargets(contents, depthMax),
    places: new Map([[pathId([]), { value: 0 }]]),
    origins: new Map(),
    files: [],
    findings: [],
    nodes: 0,
    aliases: 0,
    characters: 0,
    overflowed: false,
  };
  const value = read(state, contents, [], undefined);
  return { ...state, value };
}

function read(state: WalkState, input: unknown, path: Path, key: number | undefined): unknown {
  const node = resolve(state, input, path);
  if (!node || state.overflowed) return null;
  state.places.set(pathId(path), { ...(key === undefined ? {} : { key }), value: node.range?.[0] ?? 0 });
  state.nodes++;
  if (state.nodes > nodesMax || state.characters > charactersMax) return overflow(state, path, 'with its aliases this is too large');
  if (path.length > depthMax) return overflow(state, path, `this is nested more than ${depthMax} deep`);
  if (isMap(node)) return readMap(state, node, path);
  if (isSeq(node)) return node.items.map((item, i) => read(state, item, [...path, i], undefined));
  return isScalar(node) ? readScalar(state, node.value, path) : null;
}

/** Reports the first overflow only; the rest is not read. */
function overflow(state: WalkState, path: Path, message: string): null {
  if (!state.overflowed) addFinding(state, path, message);
  state.overflowed = true;
  return null;
}

function addFinding(state: WalkState, path: Path, message: string): null {
  state.findings.push({ path, at: 'value', message });
  return null;
}

/** The node itself, or the target of an alias. */
function resolve(state: WalkState, node: unknown, path: Path): Node | null {
  if (!isNode(node)) return null;
  if (!isAlias(node)) return node;
  state.places.set(pathId(path), { value: node.range?.[0] ?? 0 });
  const target = state.targets.get(node);
  if (!target) return addFinding(state, path, `there is no anchor before the alias ${quoted(`*${node.source}`)}`);
  if (isEndless(node, target)) return addFinding(state, path, 'this alias is inside its own anchor');
  if (++state.aliases > aliasesMax) return overflow(state, path, `more than ${aliasesMax} aliases are followed`);
  return target;
}

function readMap(state: WalkState, map: YAMLMap, path: Path): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const { name, at, value } of entriesOf(state, map, path)) out[name] = read(state, value, [...path, name], at);
  return out;
}

/** The map's own keys, then keys merged by `<<: *defaults` that it lacks. */
function entriesOf(state: WalkState, map: YAMLMap, path: Path): readonly Entry[] {
  const own: Entry[] = [];
  const merged: Entry[] = [];
  const names = new Set<string>();
  for (const { key, value } of map.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    const at = key.range?.[0] ?? 0;
    const report = (message: string): number => state.findings.push({ path: [...path, name], at: 'key', message, offset: at });
    if (name === '<<') merged.push(...mergedEntries(state, value, [...path, name]));
    else if (name === '__proto__') report('this name is not allowed; choose another');
    else if (names.has(name)) report('this key is here twice; remove one');
    else {
      names.add(name);
      own.push({ name, at, value });
    }
  }
  return [...own, ...merged.filter(({ name }) => !names.has(name) && names.add(name))];
}

function mergedEntries(state: WalkState, value: unknown, path: Path): readonly Entry[] {
  const node = resolve(state, value, path);
  if (!node || state.overflowed) return [];
  if (isMap(node)) return entriesOf(state, node, path);
  if (isSeq(node)) return node.items.flatMap(item => mergedEntries(state, item, path));
  addFinding(state, path, '"<<" takes a map, or a list of maps');
  return [];
}

function readScalar(state: WalkState, value: unknown, path: Path): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'string') return addFinding(state, path, 'this is not a plain value; put it in quotes "…"');
  const { text, origins, files, problems } = expandText(value, state.context);
  state.characters += text.length;
  state.files.push(...files);
  if (origins.length > 0) state.origins.set(pathId(path), origins);
  for (const message of problems) addFinding(state, path, message);
  return text;
}
