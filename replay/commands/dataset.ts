/** `hindcast replay dataset create|list|show`. */
import { printResult, table } from '../../gateway/cli/command.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { openStore } from '../../recorder/process/open-store.ts';
import { createDataset, listDatasets, readDataset } from '../recorded/dataset.ts';
import type { SelectionOptions } from '../recorded/selection.ts';
import { itemsOf, selectRequests, settingsFor } from './prepare.ts';

export interface DatasetOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Selects requests and writes them as the next version of the dataset. */
export async function runCreateDataset(name: string, options: DatasetOptions & SelectionOptions): Promise<void> {
  const settings = settingsFor(options);
  const store = await openStore(settings);
  try {
    const items = itemsOf(await selectRequests(store, settings, options, false));
    const { version } = createDataset(settings.store.path, name, options, items, wallClock.now());
    printResult(options, { name, version, requests: items.length }, () => `${name}@${version}: ${items.length} requests.`);
  } finally {
    await store.close();
  }
}

/** Prints name, version, size and date of every dataset. */
export function runListDatasets(options: DatasetOptions): void {
  const { path } = settingsFor(options).store;
  const sets = listDatasets(path).map(({ name, version }) => readDataset(path, `${name}@${version}`));
  const rows = sets.map(set => [`${set.name}@${set.version}`, `${set.items.length}`, new Date(set.createdAt).toISOString().slice(0, 19)]);
  const summaries = sets.map(({ name, version, items, createdAt }) => ({ name, version, requests: items.length, createdAt }));
  printResult(options, summaries, () =>
    rows.length === 0
      ? 'There is no dataset yet: hindcast replay dataset create NAME --since 7d'
      : table(['dataset', 'requests', 'created'], rows),
  );
}

/** Prints the selection and the requests of a dataset. */
export function runShowDataset(reference: string, options: DatasetOptions): void {
  const set = readDataset(settingsFor(options).store.path, reference);
  const selection = Object.entries(set.selection).filter(([flag]) => flag !== 'json' && flag !== 'config');
  printResult(options, set, () =>
    [
      `${set.name}@${set.version}, created ${new Date(set.createdAt).toISOString().slice(0, 19)} with ${selection.map(([flag, value]) => `${flag} ${value}`).join(', ') || 'no filter'}`,
      table(
        ['request', 'weight'],
        set.items.map(({ id, weight }) => [id, weight.toFixed(2)]),
      ),
    ].join('\n\n'),
  );
}
