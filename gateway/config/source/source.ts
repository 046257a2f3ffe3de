/** Parses the text of a config into plain data, expands every `${…}`, and keeps the position of each value. */
import { LineCounter, parseDocument } from 'yaml';
import { type ConfigProblem, type Finding, formatPath, pathId } from '../problem.ts';
import type { ExpansionContext } from './expand.ts';
import { syntaxMessage } from './syntax.ts';
import { type TextPosition, walkDocument } from './walk.ts';

export interface Source {
  /** The file's name in problems. */
  readonly file: string;
  /** Maps, lists and scalars; a map at the top. Only `coerceExpanded` changes it. */
  readonly value: Record<string, unknown>;
  /** By pathId: the variables and files of each expanded value. Such values are never printed. */
  readonly origins: ReadonlyMap<string, readonly string[]>;
  /** Every file that `${file:…}` named. */
  readonly files: readonly string[];
  readonly findings: readonly Finding[];
  locate(finding: Finding): ConfigProblem;
}

/** A config without a file: its problems have a path and no line. */
export function sourceWithoutText(file: string, value: Record<string, unknown>, origins: ReadonlyMap<string, readonly string[]>): Source {
  return { file, value, origins, files: [], findings: [], locate: finding => problemAt(file, finding, undefined) };
}

export type ParseResult =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The parsed config, or its syntax problems with line and column. */
export function parseSource(file: string, text: string, context: ExpansionContext): ParseResult {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    // The excerpt under a pretty error could show a secret.
    prettyErrors: false,
    // 'silent' would let a second document pass.
    logLevel: 'error',
    schema: 'core',
    stringKeys: true,
    // The walk finds duplicates: it knows the path.
    uniqueKeys: false,
    resolveKnownTags: false,
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) {
    const problems = errors.map(({ code, pos }) => problemAtOffset(file, lines, pos[0], '', syntaxMessage(code, text, pos[0])));
    return { ok: false, problems };
  }
  const walked = walkDocument(document.contents, context);
  const locate = (finding: Finding): ConfigProblem => problemAt(file, finding, offsetOf(walked.places, finding), lines);
  if (walked.overflowed) return { ok: false, problems: walked.findings.map(locate) };
  const { origins, files } = walked;
  // An empty file is valid.
  const value = walked.value ?? {};
  if (!isRecord(value)) {
    const finding: Finding = { path: [], at: 'value', message: `expected a map of settings such as "routes:", got ${kindOf(value)}` };
    return { ok: false, problems: [...walked.findings, finding].map(locate) };
  }
  return { ok: true, source: { file, value, origins, files, findings: walked.findings, locate } };
}

/** The YAML type of a value, for a message. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'text';
  return typeof value === 'number' ? 'a number' : String(value);
}

/** Whether a value is a map: no list, not null. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The offset of the key or value, or of the nearest enclosing one in the text. */
function offsetOf(places: ReadonlyMap<string, TextPosition>, { path, at, offset }: Finding): number | undefined {
  if (offset !== undefined) return offset;
  const own = places.get(pathId(path));
  if (own) return at === 'key' ? (own.key ?? own.value) : own.value;
  for (let length = path.length - 1; length >= 0; length--) {
    const enclosing = places.get(pathId(path.slice(0, length)));
    if (enclosing) return enclosing.key ?? enclosing.value;
  }
  return undefined;
}

function problemAt(file: string, { path, message }: Finding, offset: number | undefined, lines?: LineCounter): ConfigProblem {
  if (offset === undefined || !lines) return { file, line: 0, column: 0, path: formatPath(path), message };
  return problemAtOffset(file, lines, offset, formatPath(path), message);
}

function problemAtOffset(file: string, lines: LineCounter, offset: number, path: string, message: string): ConfigProblem {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col), path, message };
}
