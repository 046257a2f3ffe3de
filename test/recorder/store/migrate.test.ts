import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FunctionRow, functionPermissions, functionsQuery } from '../../../recorder/engine/sql/function-permissions.ts';
import { type Migration, MigrationError, migrate, schemaFiles } from '../../../recorder/store/migrate.ts';
import { statementsOf } from '../../../recorder/store/sql-tokens.ts';
import { connect } from '../../../recorder/store/store.ts';
import { engineMissing, startTestEngine, type TestEngine, writerKey } from '../running-engine.ts';

describe('The migrations', () => {
  it('hold only statements that can be run twice', () => {
    for (const { name, sql } of schemaFiles()) {
      for (const statement of statementsOf(sql)) {
        expect(statement, name).toMatch(
          /^(CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE \w+ (ADD|DROP|MODIFY|MATERIALIZE) [\s\S]*|DROP (TABLE|VIEW) IF EXISTS) /,
        );
        if (/^ALTER TABLE \w+ (ADD|DROP) /.test(statement)) expect(statement).toMatch(/IF (NOT )?EXISTS/);
      }
    }
  });

  it('are numbered from 0 without gaps', () => {
    expect(schemaFiles().map(({ version }) => version)).toEqual(schemaFiles().map((_, i) => i));
  });
});

describe.skipIf(engineMissing)(`Migrating a store${engineMissing}`, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    const tables = await engine.writer.select<{ name: string }>(
      "SELECT name FROM system.tables WHERE database = 'default' ORDER BY engine = 'MaterializedView' DESC",
    );
    for (const { name } of tables) await engine.writer.command(`DROP TABLE IF EXISTS ${name} SYNC`);
  });
  const ledger = () => engine.reader.select<{ name: string }>('SELECT name FROM schema_migrations FINAL ORDER BY version');
  const names = schemaFiles().map(({ name }) => name);

  it('applies every file once, in order, and nothing the second time', async () => {
    expect(await migrate(engine.writer)).toEqual(names);
    expect(await migrate(engine.writer)).toEqual([]);
    expect((await ledger()).map(({ name }) => name)).toEqual(names);
    const tables = await engine.reader.select<{ name: string }>('SHOW TABLES');
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'requests',
        'attempts',
        'payloads',
        'scores',
        'runs',
        'replay_results',
        'audit',
        'usage_1m',
        'usage_1h',
        'attempts_1m',
      ]),
    );
  });

  it('is safe under two starters', async () => {
    const second = connect({ url: engine.url, username: 'writer', password: writerKey });
    await Promise.all([migrate(engine.writer), migrate(second), migrate(engine.writer)]);
    await second.close();
    expect((await ledger()).map(({ name }) => name)).toEqual(names);
    expect(await migrate(engine.writer)).toEqual([]);
  });

  it('goes on after a starter that died in the middle of a file', async () => {
    const [ledgerFile, records, ...later] = schemaFiles() as [Migration, Migration, ...Migration[]];
    const half = { ...records, sql: `${statementsOf(records.sql).slice(0, 3).join(';\n')};\nCREATE TABLE IF NOT EXISTS broken (` };
    await expect(migrate(engine.writer, { migrations: [ledgerFile, half, ...later] })).rejects.toMatchObject({ code: '62' });
    expect((await ledger()).map(({ name }) => name)).toEqual([ledgerFile.name]);
    expect(await migrate(engine.writer)).toEqual(names.slice(1));
  });

  it('refuses a file that was changed after it had been applied, before it does anything', async () => {
    await migrate(engine.writer);
    const files = schemaFiles();
    const edited = files.map((file, i) => (i === 1 ? { ...file, checksum: '0'.repeat(64) } : file));
    const next: Migration = {
      version: 999,
      name: '999_next',
      sql: 'CREATE TABLE IF NOT EXISTS next (a Int8) ENGINE = Memory',
      checksum: 'x',
    };
    await expect(migrate(engine.writer, { migrations: [...edited, next] })).rejects.toThrow(
      /001_records was changed after it had been applied/,
    );
    await expect(migrate(engine.writer, { migrations: [...edited, next] })).rejects.toBeInstanceOf(MigrationError);
    expect(await engine.reader.select('EXISTS TABLE next')).toEqual([{ result: 0 }]);
    expect(await migrate(engine.writer, { migrations: [...files, next] })).toEqual(['999_next']);
    // An older version leaves alone what a newer one has added.
    expect(await migrate(engine.writer, { migrations: files })).toEqual([]);
  });

  it('makes rollups of live traffic and of nothing that was replayed', async () => {
    await migrate(engine.writer);
    const at = new Date().toISOString();
    const live = {
      tenant_id: 't',
      ts: at,
      outcome: 'ok',
      model: 'm',
      latency_ms: 100,
      ttft_ms: 0,
      cost_usd: '0.000000001',
      price_id: 'p',
      usage_source: 'provider',
    };
    await engine.writer.insert('requests', [
      { ...live, request_id: '01980000-0000-7000-8000-000000000001' },
      { ...live, request_id: '01980000-0000-7000-8000-000000000002', latency_ms: 300, ttft_ms: 50, price_id: '' },
      {
        ...live,
        request_id: '01980000-0000-7000-8000-000000000003',
        price_id: '',
        usage_source: 'none',
        outcome: 'upstream_error',
        cost_usd: '0',
      },
      { ...live, request_id: '01980000-0000-7000-8000-000000000004', run_id: 'r', replay_of: 'x', cost_usd: '9' },
    ]);
    const attempt = {
      tenant_id: 't',
      ts: at,
      request_id: '01980000-0000-7000-8000-000000000001',
      attempt_no: 1,
      kind: 'primary',
      outcome: 'ok',
      duration_ms: 90,
    };
    await engine.writer.insert('attempts', [attempt, { ...attempt, attempt_no: 2, run_id: 'r' }]);
    const sums = 'sum(requests) AS requests, toString(sum(cost_usd)) AS cost';
    expect(
      await engine.reader.select(
        `SELECT ${sums}, sum(unpriced) AS unpriced, max(max_latency_ms) AS slowest, quantilesTDigestIfMerge(0.5, 0.9, 0.95, 0.99)(ttft)[1] AS ttft FROM usage_1m`,
      ),
    ).toEqual([{ requests: 3, cost: '0.000000002', unpriced: 1, slowest: 300, ttft: 50 }]);
    expect(await engine.reader.select(`SELECT ${sums} FROM usage_1h`)).toEqual([{ requests: 3, cost: '0.000000002' }]);
    expect(await engine.reader.select('SELECT sum(attempts) AS attempts FROM attempts_1m')).toEqual([{ attempts: 1 }]);
  });

  it('gives no column a name that the engine would take for a forbidden function', async () => {
    await migrate(engine.writer);
    const functions = functionPermissions(await engine.reader.select<FunctionRow>(functionsQuery), []);
    const columns = await engine.reader.select<{ name: string }>(
      "SELECT DISTINCT name FROM system.columns WHERE database = 'default' OR table IN ('tables', 'columns', 'parts', 'settings')",
    );
    expect(columns.filter(({ name }) => functions.forbidsBareName(name))).toEqual([]);
  });
});
