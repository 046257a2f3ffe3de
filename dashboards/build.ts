/** Writes grafana/*.json from boards.ts and queries/*.sql: `npm run dashboards`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from './boards.ts';
import { renderBoard } from './grafana.ts';

const folder = import.meta.dirname;

/** A panel's SQL, as it stands in its file. */
export const sqlOf = (query: string): string => readFileSync(join(folder, 'queries', `${query}.sql`), 'utf8').trim();

/** File names and contents, as they are committed. */
export const builtFiles = (): readonly { readonly path: string; readonly text: string }[] =>
  boards.map(board => ({
    path: join(folder, 'grafana', `${board.uid}.json`),
    text: `${JSON.stringify(renderBoard(board, sqlOf), null, 2)}\n`,
  }));

if (import.meta.main) for (const { path, text } of builtFiles()) writeFileSync(path, text);
