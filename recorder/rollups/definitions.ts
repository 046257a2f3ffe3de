/** What the rollups hold, as the schema's materialized views say it, and the same for some records only. */

import { type Migration, schemaFiles } from '../store/migrate.ts';
import { statementsOf } from '../store/sql-tokens.ts';

export interface RollupDefinition {
  readonly view: string;
  /** The table that the view fills. */
  readonly target: string;
  readonly select: string;
}

const viewPattern = /^\s*CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\s+(SELECT[\s\S]*)$/;

/** By the last migration that creates each view. */
export function rollupDefinitions(migrations: readonly Migration[] = schemaFiles()): readonly RollupDefinition[] {
  const definitions = new Map<string, RollupDefinition>();
  for (const statement of migrations.flatMap(({ sql }) => statementsOf(sql))) {
    const [, view, target, select] = viewPattern.exec(statement) ?? [];
    if (view && target && select) definitions.set(view, { view, target, select });
  }
  return [...definitions.values()];
}

/** Records that came to the store together. */
export interface RecordRange {
  /** Milliseconds: of the first and the last arrival. */
  readonly first: number;
  readonly last: number;
  /** UUIDs, with commas between. */
  readonly ids: string;
}

/** The view's SELECT over the rows of these records. Throws for a form that no view has had yet. */
export function deltaSelect({ view, select }: RollupDefinition, { first, last, ids }: RecordRange): string {
  const [, alias] = /\bFROM \w+ AS (\w+)\s/.exec(select) ?? [];
  const place = select.search(/\s+GROUP BY /);
  if (alias === undefined || place < 0 || !/\sWHERE /.test(select))
    throw new Error(`the view ${view} has a form that no delta is known of`);
  const condition = ` AND ${alias}.ts >= fromUnixTimestamp64Milli(${Math.floor(first)}) AND ${alias}.ts <= fromUnixTimestamp64Milli(${Math.floor(last)})
AND ${alias}.request_id IN (SELECT toUUID(arrayJoin(splitByChar(',', '${ids}'))))`;
  return `${select.slice(0, place)}${condition}${select.slice(place)}`;
}
