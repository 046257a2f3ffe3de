import { afterAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../../recorder/engine/session/addon.ts';
import { eraseRows } from '../../../recorder/erase/tables.ts';
import { clusterStatements, ddlTargetOf } from '../../../recorder/store/cluster.ts';
import { schemaFiles } from '../../../recorder/store/migrate.ts';
import { statementsOf } from '../../../recorder/store/sql-tokens.ts';
import { engineMissing, temporaryFolder } from '../running-engine.ts';

const statements = schemaFiles().flatMap(({ sql }) => statementsOf(sql));
const forms = statements.flatMap(statement => clusterStatements(statement, "c'1"));

describe.skipIf(engineMissing)(`the form for a cluster${engineMissing}`, async () => {
  const addon = engineMissing ? undefined : await loadAddon();
  const session = addon && new addon.Session(temporaryFolder());
  afterAll(async () => {
    session?.close();
    await addon?.drainPending();
  });
  const parses = (statement: string): string => session!.query(`EXPLAIN AST ${statement}`, 'TSVRaw');

  test.each([...statements.flatMap(statement => clusterStatements(statement, "c'1"))])(
    'is understood by the real engine: %.70s',
    statement => {
      expect(parses(statement)).toMatch(/^(CreateQuery|AlterQuery)/);
      expect(statement).toContain("ON CLUSTER 'c\\'1'");
    },
  );

  test('of an erasure is understood as well', async () => {
    const sent: string[] = [];
    const store = { command: async (query: string) => void sent.push(query) };
    await eraseRows(store, { tenant: 'a', user: 'u' }, 0, {}, ddlTargetOf('c'));
    expect(sent.length).toBeGreaterThan(4);
    for (const statement of sent) expect(parses(statement.replaceAll(/\{(\w+): \w+(?:\(\d\))?\}/g, "'x'"))).toContain('AlterQuery');
  });
});

test('every table is replicated under a local name and spread under its own, in the same order and with its settings', () => {
  const tables = statements.flatMap(statement => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1] ?? []);
  for (const table of tables) {
    const local = forms.find(form => form.startsWith(`CREATE TABLE IF NOT EXISTS ${table}_local ON CLUSTER`));
    expect(local).toMatch(/ENGINE = Replicated\w*MergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'/);
    expect(local).not.toContain('non_replicated');
    const spread = forms.find(form => form.startsWith(`CREATE TABLE IF NOT EXISTS ${table} ON CLUSTER`));
    expect(spread).toContain(`AS ${table}_local ENGINE = Distributed('c\\'1', currentDatabase(), '${table}_local', `);
  }
  // A column that comes later is seen from outside as well.
  const widened = statements.filter(statement => /^\s*ALTER TABLE [\s\S]*\bCOLUMN\b/.test(statement));
  expect(forms.length).toBe(statements.length + tables.length + widened.length);
});

test('a view fills the local rollup from the local rows', () => {
  const view = forms.find(form => form.includes('usage_1m_mv'));
  expect(view).toContain("usage_1m_mv ON CLUSTER 'c\\'1' TO usage_1m_local AS\nSELECT");
  expect(view).toContain('FROM requests_local AS r\n');
});

test('a new column is added on both sides, an index only where the rows are', () => {
  expect(clusterStatements('ALTER TABLE payloads ADD COLUMN IF NOT EXISTS x UInt8', 'c')).toEqual([
    "ALTER TABLE payloads_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS x UInt8",
    "ALTER TABLE payloads ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS x UInt8",
  ]);
  expect(clusterStatements('ALTER TABLE payloads ADD INDEX i x TYPE minmax', 'c')).toEqual([
    "ALTER TABLE payloads_local ON CLUSTER 'c' ADD INDEX i x TYPE minmax",
  ]);
  expect(() => clusterStatements('DROP TABLE payloads', 'c')).toThrow('no form for a cluster');
});
