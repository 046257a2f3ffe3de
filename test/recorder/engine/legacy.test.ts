import { ClickHouse } from 'clickhouse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineMissing, startTestEngine, type TestEngine, writerKey } from '../running-engine.ts';

/** The npm package `clickhouse`: written by others, against servers of another decade. */
describe.skipIf(engineMissing)(`The embedded engine spoken to with a second client${engineMissing}`, () => {
  let engine: TestEngine;
  const clientOf = (username: string, password: string, options: object = {}) => {
    const { hostname, port } = new URL(engine.url);
    return new ClickHouse({ url: `http://${hostname}`, port: Number(port), basicAuth: { username, password }, format: 'json', ...options });
  };

  beforeAll(async () => {
    engine = await startTestEngine();
    await engine.writer.command('CREATE TABLE t (id UInt32, name String) ENGINE = MergeTree ORDER BY id');
  });
  afterAll(() => engine.close());

  it('inserts, selects and streams', async () => {
    const client = clientOf('writer', writerKey);
    await client
      .insert('INSERT INTO t (id, name)', [
        { id: 1, name: "it's" },
        { id: 2, name: 'two\nlines' },
      ])
      .toPromise();
    expect(await client.query('SELECT id, name FROM t ORDER BY id').toPromise()).toEqual([
      { id: 1, name: "it's" },
      { id: 2, name: 'two\nlines' },
    ]);
    let rows = 0;
    await new Promise((resolve, reject) => {
      client
        .query('SELECT number FROM numbers(20000)')
        .stream()
        .on('data', () => (rows += 1))
        .on('error', reject)
        .on('end', resolve);
    });
    expect(rows).toBe(20_000);
  });

  it('binds parameters, also by POST', async () => {
    const client = clientOf('default', '', { usePost: true });
    const requested = client.query('SELECT {n:UInt32} + 1 AS n', { params: { n: 41 } });
    expect(await requested.toPromise()).toEqual([{ n: 42 }]);
  });

  it('reads compressed answers, which it does for streams alone', async () => {
    const client = clientOf('default', '', { isUseGzip: true, config: { enable_http_compression: 1 } });
    const rows: unknown[] = [];
    for await (const row of client.query('SELECT number AS n FROM numbers(3)').stream()) rows.push(row);
    expect(rows).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  it('hears errors with their code', async () => {
    await expect(clientOf('default', '').query('SELECT * FROM nowhere').toPromise()).rejects.toMatchObject({ code: 60 });
    // It takes codes of two digits only, and leaves the others in the message.
    await expect(clientOf('default', '').query('DROP TABLE t').toPromise()).rejects.toThrow(/403: Code: 164\. DB::Exception/);
    await expect(clientOf('default', 'wrong').query('SELECT 1').toPromise()).rejects.toThrow(/403: Code: 516\. DB::Exception/);
  });
});
