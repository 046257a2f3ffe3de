/** Applies the schema's numbered files to the store, once and in order. Released files never change. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { clusterStatements } from './cluster.ts';
import { notClickHouse } from './not-clickhouse.ts';
import { statementsOf } from './sql-tokens.ts';
import type { Store } from './store.ts';

export interface Migration {
  readonly version: number;
  /** The file's name without its ending: `001_records`. */
  readonly name: string;
  readonly sql: string;
  /** sha256 of the text, hex. */
  readonly checksum: string;
}

export interface MigrateOptions {
  readonly migrations?: readonly Migration[];
  /** Makes everything on all of this cluster. */
  readonly cluster?: string | undefined;
  /** With the full-text index. */
  readonly search?: boolean;
  /** False where the recorder fills the rollups itself. */
  readonly views?: boolean;
}

/** The store's migrations differ from the files; nothing was changed. */
export class MigrationError extends Error {}

/**
 * Applies the missing migrations and returns their names. Every statement can run twice, so two processes may migrate at once, and one may be
 * killed. A store that a newer version has migrated stays as it is, because migrations only add.
 */
export async function migrate(
  store: Store,
  { migrations = schemaFiles(), cluster, search = false, views = true }: MigrateOptions = {},
): Promise<readonly string[]> {
  const statementsFor = (sql: string): readonly string[] =>
    statementsOf(sql)
      .filter(statement => views || !statement.trimStart().startsWith('CREATE MATERIALIZED VIEW'))
      .flatMap(statement => (cluster === undefined ? [statement] : clusterStatements(statement, cluster)));
  const applied = await appliedMigrations(store);
  for (const { version, name, checksum } of migrations) {
    const before = applied.get(version);
    if (before && (before.checksum !== checksum || before.name !== name)) throw new MigrationError(changedMessage(before.name, name));
  }
  const missing = migrations.filter(({ version }) => !applied.has(version));
  for (const migration of missing) {
    const startedAt = performance.now();
    for (const statement of statementsFor(migration.sql)) await store.command(statement);
    await store.insert('schema_migrations', [
      {
        version: migration.version,
        name: migration.name,
        checksum: migration.checksum,
        duration_ms: Math.round(performance.now() - startedAt),
      },
    ]);
  }
  if (search) for (const statement of statementsFor(searchIndexSql())) await store.command(statement);
  return missing.map(({ name }) => name);
}

/** Not a numbered migration: operators may add and drop it. */
const searchIndexSql = (): string => readFileSync(new URL('./schema/search/payloads.sql', import.meta.url), 'utf8');

const changedMessage = (before: string, now: string): string =>
  before === now
    ? `Migration ${now} was changed after it had been applied to this store: put the file back as it was and write the change as a new one.`
    : `This store has migration ${before} where this version has ${now}: the two do not belong together.`;

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

async function appliedMigrations(store: Store): Promise<ReadonlyMap<number, AppliedMigration>> {
  const [found] = await store.select<{ n: number }>(
    "SELECT count() AS n FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'",
  );
  if (!found) throw notClickHouse();
  if (Number(found.n) === 0) return new Map();
  const rows = await store.select<AppliedMigration>('SELECT version, name, checksum FROM schema_migrations FINAL');
  return new Map(rows.map(row => [row.version, row]));
}

/** The files beside this one, in order. */
export function schemaFiles(directory = new URL('./schema/', import.meta.url)): readonly Migration[] {
  const files = readdirSync(directory).filter(file => file.endsWith('.sql'));
  const migrations = files.map(file => {
    const version = /^(\d{3})_\w+\.sql$/.exec(file)?.[1];
    if (!version) throw new MigrationError(`A migration is named like 003_what_it_adds.sql, unlike ${file}.`);
    // Git may check out other line endings than were committed.
    const sql = readFileSync(new URL(file, directory), 'utf8').replaceAll('\r\n', '\n');
    return { version: Number(version), name: file.slice(0, -'.sql'.length), sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
  migrations.sort((a, b) => a.version - b.version);
  const duplicate = migrations.find((migration, i) => migrations[i + 1]?.version === migration.version);
  if (duplicate) throw new MigrationError(`Two migrations have the number ${duplicate.version}.`);
  return migrations;
}
