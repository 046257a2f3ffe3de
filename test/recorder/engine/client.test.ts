/** What ClickHouse's JavaScript client does with a server, done with the embedded engine: pings, inserts in every way, settings, errors, timeouts, aborts, ids. */
import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineMissing, startTestEngine, type TestEngine, writerKey } from '../running-engine.ts';

describe.skipIf(engineMissing)(`ClickHouse's client and the embedded engine${engineMissing}`, () => {
  let engine: TestEngine;
  let client: ClickHouseClient;
  const rows = async <Row>(query: string): Promise<Row[]> => (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
  const ids = async (): Promise<readonly number[]> =>
    (await rows<{ id: number | string }>('SELECT id FROM things ORDER BY id')).map(({ id }) => Number(id));

  beforeAll(async () => {
    engine = await startTestEngine();
    client = createClient({ url: engine.url, username: 'writer', password: writerKey });
    await client.command({
      query:
        "CREATE TABLE things (id UInt64, name String DEFAULT 'none', tags Array(String), m Map(String, String), d Decimal(18, 12), ts DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY id",
    });
  });
  afterAll(async () => {
    await client.close();
    await engine.close();
  });

  it('answers both kinds of ping, and the refused one says why', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toEqual({ success: true });
    const stranger = createClient({ url: engine.url, username: 'nobody', password: 'x' });
    const refused = await stranger.ping({ select: true });
    expect(refused).toMatchObject({ success: false, error: { code: '516' } });
    await stranger.close();
  });

  it('takes rows of an array, of a stream, of some columns, of all but some, none at all, and says how many were written', async () => {
    await client.command({ query: 'TRUNCATE TABLE things' });
    const complete = { id: 1, name: "a'b\\c\n\t", tags: ['x', ''], m: { k: 'v' }, d: '0.000000000001', ts: '2026-01-31 10:00:00.123' };
    const { executed, summary } = await client.insert({
      table: 'things',
      values: [complete, { id: '2', name: 'ü' }],
      format: 'JSONEachRow',
    });
    expect([executed, summary?.written_rows]).toEqual([true, '2']);
    const [read] = await rows<Record<string, unknown>>('SELECT * FROM things WHERE id = 1');
    expect(read).toEqual({ ...complete, id: expect.anything(), d: expect.anything() });
    const stream = Readable.from(Array.from({ length: 5_000 }, (_, i) => ({ id: i + 10, name: `n${i}` })));
    await client.insert({ table: 'things', values: stream, format: 'JSONEachRow' });
    await client.insert({
      table: 'things (id, name)',
      values: Readable.from(['6000,abc\n', '6001,"d,e"\n'], { objectMode: false }),
      format: 'CSV',
    });
    await client.insert({ table: 'things', columns: ['id', 'name'], values: [[7000, 'zz']], format: 'JSONCompactEachRow' });
    await client.insert({ table: 'things', columns: { except: ['m', 'd'] }, values: [{ id: 7001 }], format: 'JSONEachRow' });
    expect((await client.insert({ table: 'things', values: [], format: 'JSONEachRow' })).executed).toBe(false);
    await client.insert({
      ...{ table: 'things', values: [{ id: 7002 }], format: 'JSONEachRow' },
      clickhouse_settings: { async_insert: 1, wait_for_async_insert: 1 },
    });
    const found = await ids();
    expect([found.length, found.slice(-5)]).toEqual([5_007, [6_000, 6_001, 7_000, 7_001, 7_002]]);
    expect(await rows('SELECT name FROM things WHERE id IN (6001, 7001) ORDER BY id')).toEqual([{ name: 'd,e' }, { name: 'none' }]);
  });

  it('inserts by commands and by exec, with the rows in the statement, in a stream, or from a SELECT', async () => {
    await client.command({ query: 'TRUNCATE TABLE things' });
    await client.command({ query: "INSERT INTO things (id, name) SELECT number + 100, 'sel' FROM numbers(10)" });
    for (const call of [
      { query: "INSERT INTO things (id, name) VALUES (1, 'v'), (2, 'w')" },
      { query: 'INSERT INTO things (id, name) FORMAT CSV', values: Readable.from(['3,x\n'], { objectMode: false }) },
    ]) {
      const { stream } = await client.exec(call);
      stream.resume();
      await new Promise(resolve => stream.once('close', resolve));
    }
    expect(await ids()).toEqual([1, 2, 3, ...Array.from({ length: 10 }, (_, i) => i + 100)]);
  });

  it('applies the settings of a call to it, and to none after it', async () => {
    const query = "SELECT getSetting('max_threads') AS threads, getSetting('max_block_size') AS block";
    const set = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: { max_threads: 1, max_block_size: '77' } });
    const [own] = await set.json<{ threads: unknown; block: unknown }>();
    expect([Number(own!.threads), Number(own!.block)]).toEqual([1, 77]);
    const [after] = await rows<{ block: unknown }>(query);
    expect(Number(after!.block)).not.toBe(77);
  });

  it.each([
    ['an unknown table', () => client.query({ query: 'SELECT * FROM nope' }), '60', 'UNKNOWN_TABLE'],
    ['an unknown column', () => client.query({ query: 'SELECT nope FROM things' }), '47', 'UNKNOWN_IDENTIFIER'],
    ['no SQL', () => client.command({ query: 'selec 1' }), '62', 'SYNTAX_ERROR'],
    [
      'a setting that is not for callers',
      () => client.query({ query: 'SELECT 1', clickhouse_settings: { nope: 1 } as never }),
      '164',
      'READONLY',
    ],
    ['a parameter that was not given', () => client.query({ query: 'SELECT {a: UInt8}' }), '456', 'UNKNOWN_QUERY_PARAMETER'],
    [
      'a row that is none',
      () => client.insert({ table: 'things', values: [{ id: 'abc' }], format: 'JSONEachRow' }),
      expect.stringMatching(/^(27|72|6)$/),
      expect.any(String),
    ],
  ])('raises the ClickHouseError of %s', async (_, call, code, type) => {
    const error = await (call() as Promise<unknown>).then(
      () => undefined,
      (raised: unknown) => raised,
    );
    expect(error).toBeInstanceOf(ClickHouseError);
    expect(error).toMatchObject({ code, type });
  });

  it('raises one in the middle of a stream, after the rows before it', async () => {
    const set = await client.query({
      query: "SELECT throwIf(number = 90000, 'in the middle') AS x FROM numbers(100000)",
      format: 'JSONEachRow',
      clickhouse_settings: { max_block_size: '1000' },
    });
    let count = 0;
    const reading = (async () => {
      for await (const part of set.stream()) count += part.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: '395' });
    expect(count).toBeGreaterThan(1_000);
  });

  it('ends what takes too long: for the caller by its timeout, for the engine by its limit, and for both when it is aborted', async () => {
    const slow = 'SELECT max(sipHash64(number, toString(number))) FROM numbers(20000000000)';
    const hasty = createClient({ url: engine.url, username: 'writer', password: writerKey, request_timeout: 300 });
    await expect(hasty.query({ query: slow })).rejects.toThrow(/timeout/i);
    await hasty.close();
    const limited = client.query({ query: slow, format: 'JSON', clickhouse_settings: { max_execution_time: 1 } }).then(set => set.json());
    await expect(limited).rejects.toMatchObject({ code: '159' });
    // By its text, since the engine numbers its queries itself.
    const running = async (): Promise<number> => {
      const set = await client.query({
        query: 'SELECT count() AS n FROM system.processes WHERE query LIKE {text:String}',
        query_params: { text: `${slow}%` },
        format: 'JSON',
      });
      return Number((await set.json<{ n: string }>()).data[0]!.n);
    };
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    const abort = new AbortController();
    const aborted = client
      .query({ query: slow, format: 'JSON', abort_signal: abort.signal, query_id: 'to-be-aborted' })
      .then(set => set.json());
    await Promise.race([expect.poll(running, { timeout: 10_000 }).toBeGreaterThan(0), aborted]);
    abort.abort();
    await expect(aborted).rejects.toThrow(/abort/i);
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    await expect.poll(() => client.ping({ select: true }), { timeout: 10_000 }).toEqual({ success: true });
  });

  it('gives every answer its id, the caller’s or one of its own, and the headers beside it', async () => {
    const named = await client.query({ query: 'SELECT 1 AS x', query_id: 'my-own-id', format: 'JSONEachRow' });
    expect(named.query_id).toBe('my-own-id');
    expect(named.response_headers).toMatchObject({ 'x-clickhouse-query-id': 'my-own-id', 'x-clickhouse-format': 'JSONEachRow' });
    await named.text();
    const [one, two] = [await client.command({ query: 'SELECT 1' }), await client.command({ query: 'SELECT 1' })];
    expect(one.query_id).not.toBe(two.query_id);
  });

  it('binds parameters of every kind, whatever they say', async () => {
    const nasty = "it's \\ a\ttab\nline? ünï ' OR 1=1 --";
    const set = await client.query({
      query:
        'SELECT {a: UInt32} AS a, {b: String} AS b, {c: Array(String)} AS c, {d: Map(String, UInt8)} AS d, {e: Nullable(String)} AS e, {f: Bool} AS f, {g: DateTime64(3)} AS g',
      query_params: { a: 7, b: nasty, c: [nasty, ''], d: { [nasty]: 1 }, e: null, f: true, g: new Date(1_769_853_600_123) },
      format: 'JSONEachRow',
    });
    expect(await set.json()).toEqual([
      { a: 7, b: nasty, c: [nasty, ''], d: { [nasty]: 1 }, e: null, f: true, g: expect.stringMatching(/^2026-01-31.10:00:00\.123/) },
    ]);
  });

  it('packs both ways with each codec that the client has', async () => {
    await client.command({ query: 'TRUNCATE TABLE things' });
    const packed = createClient({
      url: engine.url,
      username: 'writer',
      password: writerKey,
      compression: { request: true, response: true },
    });
    const values = Array.from({ length: 2_000 }, (_, id) => ({ id, name: 'näm'.repeat(40) }));
    await packed.insert({ table: 'things', values, format: 'JSONEachRow' });
    const set = await packed.query({ query: 'SELECT name FROM things ORDER BY id', format: 'JSONEachRow' });
    expect(set.response_headers['content-encoding']).toBe('gzip');
    expect(await set.json()).toHaveLength(2_000);
    await packed.close();
  });

  it('serves fifty at once, each its own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) =>
        (await client.query({ query: 'SELECT {i: UInt32} AS i', query_params: { i }, format: 'JSONEachRow' })).json<{ i: number }>(),
      ),
    );
    expect(answers.flat().map(({ i }) => i)).toEqual(answers.map((_, i) => i));
  });

  it('counts progress beside the rows', async () => {
    const set = await client.query({ query: 'SELECT number AS n FROM numbers(1000)', format: 'JSONEachRowWithProgress' });
    let count = 0;
    for await (const part of set.stream()) for (const row of part) count += 'row' in (row.json() as object) ? 1 : 0;
    expect(count).toBe(1_000);
  });
});
