/** Writes grafana/*.json from the boards and queries: `npm run dashboards`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from './boards/index.ts';
import { renderBoard } from './grafana.ts';

const folder = import.meta.dirname;

/** A panel's query, as it stands in its file. */
export const textOf = (query: string): string => readFileSync(join(folder, 'queries', query), 'utf8').trim();

/** File names and contents, as they are committed. */
export const builtFiles = (): readonly { readonly path: string; readonly text: string }[] =>
  boards.map(board => ({
    path: join(folder, 'grafana', `${board.uid}.json`),
    text: `${JSON.stringify(renderBoard(board, textOf), null, 2)}\n`,
  }));

if (import.meta.main) for (const { path, text } of builtFiles()) writeFileSync(path, text);
