/** Finds a key's entry in the text of a config, and removes it. */
import { chmodSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import { type ConfigLocation, readConfig } from '../config/load.ts';
import { didYouMean } from '../config/nearest.ts';
import { formatProblems, quoted } from '../config/problem.ts';
import { describeReadError } from '../config/source/expand.ts';
import { CommandError, exit } from './command.ts';

export interface FoundKey {
  readonly index: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** It is the only key. */
  readonly isLast: boolean;
}

/** The key's entry, by name. Throws a CommandError with a suggestion when there is none. */
export function findKey(file: string, name: string): FoundKey {
  const lines = new LineCounter();
  const keys = parsed(file, lines).get('keys');
  const entries = isSeq(keys) ? keys.items : [];
  const names = entries.map(entry => (isMap(entry) ? entry.get('name') : undefined));
  const index = names.indexOf(name);
  const entry = entries[index];
  if (!isMap(entry) || !entry.range) {
    const known = names.filter(known => typeof known === 'string');
    throw new CommandError(
      exit.usage,
      `${file} has no key named ${quoted(name)}${didYouMean(name, known) || '; `hindcast keys list` names them'}`,
    );
  }
  const [start, end] = entry.range;
  return {
    index,
    firstLine: lines.linePos(start).line,
    lastLine: lines.linePos(Math.max(start, end - 1)).line,
    isLast: entries.length === 1,
  };
}

export function describeRevocation(file: string, name: string, { firstLine, lastLine }: FoundKey, written: boolean): string {
  if (written) return `Deleted the key ${quoted(name)} from ${file}; a running gateway rejects it at once.`;
  const lines = firstLine === lastLine ? `line ${firstLine}` : `lines ${firstLine} to ${lastLine}`;
  return `Nothing is revoked yet. Delete ${lines} of ${file}, or use --write.`;
}

/** Replaces the file atomically. The new file differs only by the key, and is valid if the old one was. */
export function removeKey(file: string, found: FoundKey, location: Omit<ConfigLocation, 'file'>): void {
  const target = realpathSync(file);
  const text = withoutKey(file, found);
  const draft = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { flag: 'wx' });
    chmodSync(draft, statSync(target).mode & 0o777);
    const wasGood = readConfig({ ...location, file }).loaded.ok;
    const { loaded } = readConfig({ ...location, file: draft });
    if (wasGood && !loaded.ok) {
      const why = formatProblems(loaded.problems.map(problem => ({ ...problem, file })));
      throw new CommandError(exit.usage, `Nothing was written: without this key the file would be invalid:\n${why}`);
    }
    renameSync(draft, target);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Cuts the entry's lines where that is exact, so that the rest of the file stays; otherwise the parser writes the file, with comments. */
function withoutKey(file: string, { index, firstLine, lastLine }: FoundKey): string {
  const document = parsed(file, new LineCounter());
  const before = document.toJS() as { keys: unknown[] };
  const expected = { ...before, keys: before.keys.filter((_, i) => i !== index) };
  const lines = readFileSync(file, 'utf8').split('\n');
  document.deleteIn(['keys', index]);
  const cut = [...lines.slice(0, firstLine - 1), ...lines.slice(lastLine)].join('\n');
  const edited = [cut, document.toString({ lineWidth: 0 })].find(text => parsesTo(text, expected));
  if (edited === undefined) throw new CommandError(exit.usage, `${file} cannot be edited by this command; delete the entry by hand.`);
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
    throw new CommandError(exit.usage, `${file}: ${describeReadError(error)}`);
  }
  throw new CommandError(exit.usage, `${file} is not valid YAML; \`hindcast config check\` says where.`);
}
