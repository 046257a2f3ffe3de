/** `hindcast eval import`. */
import { basename } from 'node:path';
import { CommandError, exit, loadSettings, note, printResult } from '../../../gateway/cli/command.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { parseOutcomes, printLineProblems } from '../../outcomes/file.ts';
import { type ImportResult, importItems } from '../../outcomes/import.ts';
import { count } from '../../report/shared/format.ts';
import { readText, type SharedOptions } from '../shared/options.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface ImportOptions extends SharedOptions {
  readonly name?: string;
}

export async function runImport(file: string, options: ImportOptions): Promise<void> {
  const text = readText(file, 'a JSONL file of outcomes');
  const parsed = parseOutcomes(text);
  if (!parsed.ok) throw new CommandError(exit.usage, printLineProblems(file, parsed.problems));
  if (parsed.items.some(item => item.tags && Object.keys(item.tags).length > 0))
    note(`${file}: the items' tags are not kept in the store; slices and where need --outcomes ${file}.`);
  if (parsed.items.some(({ weight = 1 }) => weight !== 1))
    throw new CommandError(exit.usage, `${file}: the store keeps no weights; judge the file itself: --outcomes ${file}.`);
  const settings = loadSettings(options);
  const imported = await withStore(settings, store =>
    importItems(store, parsed.items, { text, name: options.name ?? basename(file), at: wallClock.now() }),
  );
  printResult(options, imported, () => importText(imported));
}

function importText({ run, items, targets, added }: ImportResult): string {
  const chain = targets.join(',');
  const summary = added ? `Imported ${count(items, 'item')} as run ${run}.` : `Run ${run} holds this file already; nothing was added.`;
  return `${summary}\nTargets: ${targets.join(', ')}\nNext (cheap targets first): hindcast eval sweep --chain '${chain}' --run ${run}`;
}
