/** `hindcast eval import`. */
import { basename } from 'node:path';
import { CommandError, exit, loadSettings, note, printResult } from '../../../gateway/cli/command.ts';
import type { Json } from '../../../gateway/core/chat/json.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { parseCsv } from '../../../recorder/export/csv.ts';
import { parquetRows } from '../../../replay/recorded/request-file.ts';
import { parseOutcomes, printLineProblems } from '../../outcomes/file.ts';
import { type ForeignFile, foreignOutcomes } from '../../outcomes/foreign.ts';
import { type ImportResult, importItems } from '../../outcomes/import.ts';
import type { Item } from '../../outcomes/outcomes.ts';
import { printOutcomes } from '../../outcomes/snapshot.ts';
import { count } from '../../report/shared/format.ts';
import { readText, type SharedOptions, writeText } from '../shared/options.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface ImportOptions extends SharedOptions {
  readonly name?: string;
  readonly target?: string;
  readonly quality?: string;
  readonly output?: string;
}

/** Outcomes of one's own format or of other tools, kept as a run, or written as JSONL with `--output`. */
export async function runImport(files: readonly string[], options: ImportOptions): Promise<void> {
  const { items, text, notes } = await readFiles(files, options);
  for (const line of notes) note(line);
  const named = files.join(', ');
  if (options.output !== undefined) {
    const targets = [...new Set(items.flatMap(item => [...item.outcomes.keys()]))].sort();
    writeText(options.output, printOutcomes(items, targets));
    const written = { output: options.output, items: items.length, targets };
    printResult(options, written, () => writtenText(written));
    return;
  }
  if (items.some(item => item.tags && Object.keys(item.tags).length > 0))
    note(`${named}: the items' tags are not kept in the store; slices and where need --outcomes ${files[0]}.`);
  if (items.some(({ weight = 1 }) => weight !== 1))
    throw new CommandError(exit.usage, `${named}: the store keeps no weights; judge the file itself: --outcomes ${files[0]}.`);
  const settings = loadSettings(options);
  const name = options.name ?? files.map(file => basename(file)).join(', ');
  const imported = await withStore(settings, store => importItems(store, items, { text, name, at: wallClock.now() }));
  printResult(options, imported, () => importText(imported));
}

interface ReadItems {
  readonly items: readonly Item[];
  /** Whose hash names the run. */
  readonly text: string;
  readonly notes: readonly string[];
}

async function readFiles(files: readonly string[], options: ImportOptions): Promise<ReadItems> {
  if (files.length === 1 && !/\.(csv|parquet)$/i.test(files[0]!)) {
    const text = readText(files[0]!, 'a JSONL file of outcomes');
    const parsed = parseOutcomes(text);
    if (parsed.ok) return { items: parsed.items, text, notes: [] };
    if (isOwnFormat(text)) throw new CommandError(exit.usage, printLineProblems(files[0]!, parsed.problems));
  }
  const foreign: ForeignFile[] = [];
  for (const name of files) foreign.push({ name, rows: await rowsOf(name) });
  const read = foreignOutcomes(foreign, options);
  if (typeof read === 'string') throw new CommandError(exit.usage, `${read}.`);
  if (read.items.length === 0) throw new CommandError(exit.nothing, `${files.join(', ')}: there is no outcome in it.`);
  const unlabelled = read.items.reduce(
    (total, item) => total + [...item.outcomes.values()].filter(({ quality, failure }) => quality === undefined && !failure).length,
    0,
  );
  const lacking = unlabelled > 0 ? [`${count(unlabelled, 'answer')} without a quality: score them, or name the score with --quality.`] : [];
  return {
    items: read.items,
    text: JSON.stringify([foreign.map(({ rows }) => rows), options.target ?? '', options.quality ?? '']),
    notes: [`Read as ${read.formats.join(' and ')}.`, ...read.notes, ...lacking],
  };
}

/** Its first line names targets: then what is wrong with it is said by line. */
const isOwnFormat = (text: string): boolean => /^\s*\{[^\n]*"targets"\s*:/.test(text);

async function rowsOf(file: string): Promise<readonly Json[]> {
  if (/\.parquet$/i.test(file)) {
    try {
      return await parquetRows(file);
    } catch (error) {
      throw new CommandError(exit.usage, `${file}: ${(error as Error).message}.`);
    }
  }
  const text = readText(file, 'a file of outcomes');
  if (/\.csv$/i.test(file)) {
    const [head = [], ...rows] = parseCsv(text);
    return rows.map(row => Object.fromEntries(head.map((name, i) => [name.trim(), row[i] ?? ''])));
  }
  try {
    const whole = JSON.parse(text) as Json;
    return Array.isArray(whole) ? (whole as readonly Json[]) : [whole];
  } catch {
    // Not one document: a line for each.
  }
  try {
    return text.split('\n').flatMap(line => (line.trim() === '' ? [] : [JSON.parse(line) as Json]));
  } catch (error) {
    throw new CommandError(exit.usage, `${file}: it is neither JSON nor JSON lines: ${(error as Error).message}.`);
  }
}

function writtenText({
  output,
  items,
  targets,
}: {
  readonly output: string;
  readonly items: number;
  readonly targets: readonly string[];
}): string {
  return `Written: ${count(items, 'item')} to ${output}.\nTargets: ${targets.join(', ')}\nNext (cheap targets first): hindcast eval sweep --chain '${targets.join(',')}' --outcomes ${output}`;
}

function importText({ run, items, targets, added }: ImportResult): string {
  const chain = targets.join(',');
  const summary = added ? `Imported ${count(items, 'item')} as run ${run}.` : `Run ${run} holds this file already; nothing was added.`;
  return `${summary}\nTargets: ${targets.join(', ')}\nNext (cheap targets first): hindcast eval sweep --chain '${chain}' --run ${run}`;
}
