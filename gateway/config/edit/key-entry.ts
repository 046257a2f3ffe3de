/** One key's entry in the text of a config: where it stands, and the file without it. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import { type ConfigLocation, readConfig } from '../load.ts';
import { didYouMean } from '../nearest.ts';
import { formatProblems, quoted } from '../problem.ts';
import { describeReadError } from '../source/expand.ts';
import { ConfigEditError } from './edit-error.ts';
import { replaceFile } from './replace-file.ts';

export interface FoundKey {
  readonly index: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** No other key is there. */
  readonly isLast: boolean;
}

/** Where the key of this name stands in the file. Throws ConfigEditError, with near names, when there is none. */
export function findKey(file: string, name: string): FoundKey {
  const lines = new LineCounter();
  const keys = parsed(file, lines).get('keys');
  const entries = isSeq(keys) ? keys.items : [];
  const names = entries.map(entry => (isMap(entry) ? entry.get('name') : undefined));
  const index = names.indexOf(name);
  const entry = entries[index];
  if (!isMap(entry) || !entry.range) {
    const known = names.filter(known => typeof known === 'string');
    throw new ConfigEditError(`${file} has no key named ${quoted(name)}${didYouMean(name, known) || '; `hindcast keys list` names them'}`);
  }
  const [start, end] = entry.range;
  return {
    index,
    firstLine: lines.linePos(start).line,
    lastLine: lines.linePos(Math.max(start, end - 1)).line,
    isLast: entries.length === 1,
  };
}

/** Replaces the file in one step, and only by one that says the same but for this key, and that is no worse. */
export function removeKey(file: string, found: FoundKey, location: Omit<ConfigLocation, 'file'>): void {
  const wasGood = readConfig({ ...location, file }).loaded.ok;
  const loaded = replaceFile(file, withoutKey(file, found), location, ({ ok }) => ok || !wasGood);
  if (wasGood && !loaded.ok) {
    throw new ConfigEditError(`Nothing was written: without this key the file would be invalid:\n${formatProblems(loaded.problems)}`);
  }
}

/** Cut out by lines where that is right, so that nothing else of the file changes; else written anew by the parser, comments kept. */
function withoutKey(file: string, { index, firstLine, lastLine }: FoundKey): string {
  const document = parsed(file, new LineCounter());
  const before = document.toJS() as { keys: unknown[] };
  const expected = { ...before, keys: before.keys.filter((_, i) => i !== index) };
  const lines = readFileSync(file, 'utf8').split('\n');
  document.deleteIn(['keys', index]);
  const cut = [...lines.slice(0, firstLine - 1), ...lines.slice(lastLine)].join('\n');
  const edited = [cut, document.toString({ lineWidth: 0 })].find(text => parsesTo(text, expected));
  if (edited === undefined) throw new ConfigEditError(`${file} cannot be edited by this command; delete the entry by hand.`);
  return edited;
}

function parsesTo(text: string, expected: unknown): boolean {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), expected);
}

function parsed(file: string, lineCounter: LineCounter): Document.Parsed {
  try {
    const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter, prettyErrors: false, logLevel: 'silent' });
    if (document.errors.length === 0) return document;
  } catch (error) {
    throw new ConfigEditError(`${file}: ${describeReadError(error)}`);
  }
  throw new ConfigEditError(`${file} is not valid YAML; \`hindcast config check\` says where.`);
}
