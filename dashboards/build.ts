/** Writes grafana/*.json from the boards and queries: `npm run dashboards`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from './boards/index.ts';
import { expandFilters } from './filters.ts';
import { renderBoard } from './grafana.ts';

const folder = import.meta.dirname;

/** The text of a panel's query file, with its filters. */
export const textOf = (query: string): string => expandFilters(readFileSync(join(folder, 'queries', query), 'utf8').trim());

/** Paths and contents of the committed dashboards. */
export const builtFiles = (): readonly { readonly path: string; readonly text: string }[] =>
  boards.map(board => ({
    path: join(folder, 'grafana', `${board.uid}.json`),
    text: `${JSON.stringify(renderBoard(board, textOf), null, 2)}\n`,
  }));

if (import.meta.main) for (const { path, text } of builtFiles()) writeFileSync(path, text);
