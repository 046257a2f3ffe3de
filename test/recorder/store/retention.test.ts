import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { columnsOf } from '../../../recorder/rows/tables.ts';
import { migrate } from '../../../recorder/store/migrate.ts';
import { applyRetention, retentionDaysOf, retentionOf, shortestRetention } from '../../../recorder/store/retention.ts';
import { rowsOf } from '../encoded-rows.ts';
import { plainExchange } from '../plain-exchange.ts';
import { engineMissing, startTestEngine, type TestEngine } from '../running-engine.ts';
import { settingsIn } from '../settings.ts';

test("a tenant's own days go before those of all, and no body outlives its record", () => {
  const settings = {
    ...settingsIn('/x'),
    tenants: new Map([
      ['a', { name: 'a', routes: undefined, retention: { records: 7 } }],
      ['b', { name: 'b', routes: undefined }],
    ]),
  };
  const retention = retentionOf(settings);
  expect(retention).toEqual({ records: 90, payloads: 30, tenants: { a: { records: 7, payloads: 30 } } });
  expect([
    retentionDaysOf(retention, 'a'),
    retentionDaysOf(retention, 'b'),
    retentionDaysOf(retention, 'toString'),
    shortestRetention(retention),
  ]).toEqual([
    { records: 7, payloads: 7 },
    { records: 90, payloads: 30 },
    { records: 90, payloads: 30 },
    { records: 7, payloads: 7 },
  ]);
});

describe.skipIf(engineMissing)(`in the real engine${engineMissing}`, { timeout: 60_000 }, () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer, { search: true });
  });
  afterAll(() => engine.close());

  const put = async (exchange: ReturnType<typeof plainExchange>, days: { records: number; payloads: number }) => {
    const rows = rowsOf(exchange, { records: 90, payloads: 30, tenants: { short: days } });
    for (const table of ['requests', 'payloads'] as const)
      await engine.writer.insertBinary(
        table,
        columnsOf(table).map(({ name }) => name),
        rows[table].bytes,
        `${exchange.id} ${table}`,
      );
  };

  test('rows that are older than their days go with their part, those of others stay', async () => {
    const old = Date.now() - 40 * 86_400_000;
    const [short, long] = ['short', 'long'].map(tenant => {
      const plain = plainExchange({ receivedAt: old });
      return { ...plain, caller: { ...plain.caller, tenant } };
    });
    await put(short!, { records: 30, payloads: 7 });
    await put(long!, { records: 30, payloads: 7 });
    await engine.writer.command('OPTIMIZE TABLE requests FINAL');
    await expect.poll(() => engine.writer.select('SELECT tenant_id FROM requests'), { timeout: 10_000 }).toEqual([{ tenant_id: 'long' }]);
  });

  test('tables whose rows do not say it themselves are told once', async () => {
    const days = { scores: 10, replays: 20, audit: 30 };
    expect(await applyRetention(engine.writer, days)).toEqual(['scores', 'replay_results', 'audit']);
    expect(await applyRetention(engine.writer, days)).toEqual([]);
    await migrate(engine.writer);
    expect(await applyRetention(engine.writer, { ...days, audit: 31 })).toEqual(['audit']);
  });

  test('the words of bodies are found by an index, and migrating again changes nothing', async () => {
    await put(plainExchange({ request: Buffer.from('{"messages":[{"content":"Where is the Zanzibar ferry?"}]}') }), {
      records: 30,
      payloads: 7,
    });
    await migrate(engine.writer, { search: true });
    const question = "FROM payloads WHERE hasAllTokens(lower(request_body), 'zanzibar ferry')";
    expect(await engine.writer.select(`SELECT count() AS n ${question}`)).toEqual([{ n: 1 }]);
    const created = await engine.writer.select<{ name: string }>(
      "SELECT name FROM system.data_skipping_indices WHERE table = 'payloads' AND type = 'text' ORDER BY name",
    );
    expect(created.map(({ name }) => name)).toEqual(['ft_request', 'ft_response']);
  });
});
