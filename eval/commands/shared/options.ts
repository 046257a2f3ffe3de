/** Parses the flags that eval's commands share. */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { CommandError, exit, note } from '../../../gateway/cli/command.ts';
import { signalNames } from '../../../gateway/core/signals/names.ts';
import { parseOutcomeLines, printLineProblems } from '../../outcomes/file.ts';
import type { Item, Outcomes } from '../../outcomes/outcomes.ts';
import type { SweptSignal } from '../../policies/chain.ts';
import { progressOf } from './progress.ts';

export interface SharedOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** `95%`, `95` and `0.95` are the same. */
export function parseConfidence(text: string): number {
  const number = Number(text.replace(/\s*%$/, ''));
  const confidence = number > 1 || text.includes('%') ? number / 100 : number;
  if (confidence >= 0.51 && confidence <= 0.9999) return confidence;
  throw new CommandError(exit.usage, `--confidence ${text}: write a level from 51% to 99.99%, such as 95%.`);
}

/** The signal named by `--signal`. Throws CommandError (exit code 2) for another name, as do the other parsers here. */
export function parseSignal(text: string): SweptSignal {
  if (text === 'confidence' || (signalNames as readonly string[]).includes(text)) return text as SweptSignal;
  throw new CommandError(exit.usage, `--signal ${text}: write confidence or one of ${signalNames.join(', ')}.`);
}

/** The loss named by `--loss`. */
export function lossOf(text: string): 'harm' | 'net' {
  if (text === 'harm' || text === 'net') return text;
  throw new CommandError(exit.usage, `--loss ${text}: write harm (where it is worse) or net (less where it is better).`);
}

/** `2pp`, `2%` and `0.02` are the same. */
export function parsePoints(text: string, flag = '--max-loss'): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?|\.\d+)\s*(pp|%)?$/.exec(text) ?? [];
  const share = digits === undefined ? Number.NaN : unit === undefined ? Number(digits) : Number(digits) / 100;
  if (share > 0 && share < 1) return share;
  throw new CommandError(exit.usage, `${flag} ${text}: write percentage points above 0, such as 2pp or 0.5pp.`);
}

/** `80%`, `80` and `0.8` are the same. */
/** A chance in (0, 1], as a share or in percent. */
export function parseChance(text: string, flag: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (value > 0 && value <= 1) return value;
  throw new CommandError(exit.usage, `${flag} is a chance above 0 and at most 1, such as 0.03; got ${JSON.stringify(text)}.`);
}

/** The chance of success given by `--power`: 0.8 or 80 %. */
export function parsePower(text: string): number {
  const number = Number(text.replace(/\s*%$/, ''));
  const power = number > 1 || text.includes('%') ? number / 100 : number;
  if (power >= 0.05 && power <= 0.999) return power;
  throw new CommandError(exit.usage, `--power ${text}: write a chance from 5% to 99.9%, such as 80%.`);
}

/** The seed given by `--seed`: a whole number from 0. */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new CommandError(exit.usage, `--seed ${text}: write a whole number, 0 or more.`);
}

/** Collects the values of a flag that may be given several times. */
export const repeatable = (value: string, all: readonly string[] = []): readonly string[] => [...all, value];

/** The text of a file. Throws CommandError (exit code 2) that names `what` was expected. */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, what, error);
  }
}

/** The lines of a file of any size, as they are read. */
export function* linesOf(file: string, what: string): Iterable<string> {
  let opened: number | undefined;
  try {
    opened = openSync(file, 'r');
    const [bytes, decoder] = [Buffer.alloc(1 << 20), new StringDecoder('utf8')];
    let rest = '';
    for (let n = readSync(opened, bytes); n > 0; n = readSync(opened, bytes)) {
      const lines = (rest + decoder.write(bytes.subarray(0, n))).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    yield rest + decoder.end();
  } catch (error) {
    throw unreadable(file, what, error);
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}

function unreadable(file: string, what: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new CommandError(exit.usage, `${file}: ${code === 'ENOENT' ? `there is no such file; name ${what}` : message}.`);
}

export interface OutputFile {
  readonly type: string;
  readonly file: string;
}

/** `-o` as often as wanted: what a file is follows from its name. */
export function pagesAndFiles(files: readonly string[] | undefined, types: readonly string[]): readonly OutputFile[] {
  return (files ?? []).map(file => {
    const extension = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase().replace(/^htm$/, 'html') ?? '';
    if (types.includes(extension)) return { type: extension, file };
    const examples = types.map(type => (type === 'html' ? 'report.html, a page to look at' : `result.${type}`)).join(', or ');
    throw new CommandError(exit.usage, `--output ${file}: its ending says what it shall be: ${examples}.`);
  });
}

/** Writes a page for `-o page.html` and notes its name. */
export function writePage(file: string, page: string): void {
  if (!/\.html?$/.test(file))
    throw new CommandError(exit.usage, `--output ${file}: name a page such as report.html; --json prints the numbers.`);
  writeText(file, page);
  note(`written: ${file}`);
}

/** Makes the folder as well. */
export function writeText(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    throw new CommandError(exit.usage, `${file}: it cannot be written: ${(error as Error).message}.`);
  }
}

/** The items of a JSONL file of outcomes. Throws CommandError (exit code 2) with every bad line. */
export function readItems(file: string): readonly Item[] {
  const parsed = parseOutcomeLines(linesOf(file, 'a JSONL file of outcomes'), progressOf('read requests'));
  if (parsed.ok) return parsed.items;
  throw new CommandError(exit.usage, printLineProblems(file, parsed.problems));
}

/** Rejects weighted items unless the command supports weights (`weighs`): ignoring weights gives wrong results. */
export function readOutcomesFile(file: string, weighted = true): Outcomes {
  const items = readItems(file);
  if (!weighted && items.some(({ weight = 1 }) => weight !== 1))
    throw new CommandError(exit.usage, `${file}: its items have weights, and calibrate, train and explain make no use of them.`);
  return { items, label: 'as given in the file', notes: [] };
}
