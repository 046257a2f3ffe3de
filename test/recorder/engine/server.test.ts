import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ClickHouseError, createClient } from '@clickhouse/client';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError, startEngine } from '../../../recorder/engine/server.ts';
import { loadAddon } from '../../../recorder/engine/session/addon.ts';
import { asWriter, engineMissing, runQuery, startTestEngine, type TestEngine, temporaryFolder, writerKey } from '../running-engine.ts';

let engine: TestEngine;

describe.skipIf(engineMissing)(`The embedded engine${engineMissing}`, () => {
  beforeAll(async () => {
    engine = await startTestEngine();
    await engine.writer.command('CREATE TABLE t (id UInt64, body String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY id');
  });
  afterAll(() => engine.close());

  describe('spoken to with @clickhouse/client', () => {
    it('answers pings, selects and parameters', async () => {
      expect(await engine.reader.ping()).toBe(true);
      const rows = await engine.reader.select(
        'SELECT {n: UInt64} AS n, {s: String} AS s, {a: Array(String)} AS a, {none: Nullable(String)} AS none',
        {
          n: 7,
          s: "a'b\\c\t\nü\0x",
          a: ["x'", 'y\\'],
          none: null,
        },
      );
      expect(rows).toEqual([{ n: 7, s: "a'b\\c\t\nü\0x", a: ["x'", 'y\\'], none: null }]);
    });

    it('gives any text back that went in as a parameter', () =>
      fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async text => {
          expect(await engine.reader.select('SELECT {s: String} AS s', { s: text })).toEqual([{ s: text }]);
        }),
        { numRuns: process.env.HINDCAST_LONG ? 500 : 25 },
      ));

    it('takes long lists as parameters', async () => {
      const ids = Array.from({ length: 2000 }, (_, i) => `01980000-0000-7000-8000-${String(i).padStart(12, '0')}`);
      expect(await engine.reader.select('SELECT length({ids: Array(UUID)}) AS n', { ids })).toEqual([{ n: 2000 }]);
    });

    it('gives integers and decimals as numbers, and times in UTC', async () => {
      const [row] = await engine.reader.select(
        "SELECT count() AS n, toDecimal64('0.000000001', 12) AS cost, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS ts, CAST(1, 'Bool') AS yes FROM numbers(3)",
      );
      expect(row).toEqual({ n: 3, cost: 1e-9, ts: '2026-01-02T03:04:05.678Z', yes: true });
    });

    it('streams many rows', async () => {
      let count = 0;
      let sum = 0;
      for await (const { n } of engine.reader.stream<{ n: number }>("SELECT number AS n, repeat('x', 20) AS s FROM numbers(300000)")) {
        count += 1;
        sum += n;
      }
      expect([count, sum]).toEqual([300_000, (300_000 * 299_999) / 2]);
    });

    it('ends the query behind a stream that is left early', async () => {
      for await (const { n } of engine.reader.stream<{ n: number }>('SELECT number AS n FROM numbers(100000000000)'))
        if (n > 100_000) break;
      await expect.poll(() => running()).toBe(0);
    });

    it('ends a query whose caller gives up', async () => {
      const client = createClient({ url: engine.url, log: { level: 127 } });
      // A stream's query and one that is answered whole.
      for (const format of ['JSONEachRow', 'JSON'] as const) {
        const leaving = new AbortController();
        const requested = client.query({
          query: 'SELECT max(sipHash64(number)) FROM numbers(100000000000)',
          format,
          abort_signal: leaving.signal,
        });
        await expect.poll(() => running()).toBeGreaterThan(0);
        leaving.abort();
        await expect(requested).rejects.toThrow(/aborted/i);
        await expect.poll(() => running(), { timeout: 10_000 }).toBe(0);
      }
      await client.close();
    });

    it('gives errors their code, before and in the middle of an answer', async () => {
      const failing = [
        ['SELECT * FROM nowhere', '60'],
        ['SELECT FROM WHERE', '62'],
        ['SELECT nothing', '47'],
        ['SELECT nonsense(1)', '46'],
        ['SELECT {x: UInt8}', '456'],
        ["SELECT throwIf(1, 'boom')", '395'],
      ] as const;
      for (const [query, code] of failing) {
        const error = await engine.reader.select(query).catch((error: unknown) => error);
        expect(error, query).toBeInstanceOf(ClickHouseError);
        expect((error as ClickHouseError).code, query).toBe(code);
      }
      let rows = 0;
      const broken = (async () => {
        for await (const _ of engine.reader.stream("SELECT throwIf(number = 250000, 'boom') AS x, number FROM numbers(300000)")) rows += 1;
      })();
      await expect(broken).rejects.toMatchObject({ code: '395', message: expect.stringContaining('boom') });
      expect(rows).toBeGreaterThan(10_000);
    });

    it('refuses a wrong password and an unknown user alike', async () => {
      for (const [username, password] of [
        ['writer', ''],
        ['writer', 'wrong'],
        ['default', 'wrong'],
        ['admin', writerKey],
      ] as const) {
        const client = createClient({ url: engine.url, username, password, log: { level: 127 } });
        await expect(client.query({ query: 'SELECT 1' }), username).rejects.toMatchObject({ code: '516' });
        await client.close();
      }
    });

    it('serves many at once without mixing them up', async () => {
      const requested = Array.from({ length: 60 }, (_, i) =>
        engine.reader.select<{ i: number }>('SELECT {i: UInt32} AS i, sleepless FROM (SELECT count() AS sleepless FROM numbers(100000))', {
          i,
        }),
      );
      expect((await Promise.all(requested)).map(([row]) => row?.i)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    });

    it('answers beside a long query', async () => {
      const client = createClient({ url: engine.url, log: { level: 127 } });
      const leaving = new AbortController();
      const long = client.query({
        query: 'SELECT max(sipHash64(number)) FROM numbers(100000000000)',
        format: 'JSONEachRow',
        abort_signal: leaving.signal,
      });
      await expect.poll(() => running()).toBeGreaterThan(0);
      // The long one would never end.
      expect(await engine.reader.select('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      leaving.abort();
      await expect(long).rejects.toThrow();
      await client.close();
    });

    it('stays on its feet while a scalar subquery is computed', async () => {
      const startedAt = performance.now();
      const since = () => performance.now() - startedAt;
      const slow = engine.reader.select('SELECT (SELECT max(sipHash64(number)) FROM numbers(60000000)) AS x').then(since);
      expect(await engine.reader.ping()).toBe(true);
      const pinged = since();
      expect(pinged).toBeLessThan((await slow) / 2);
    });
  });

  describe('given rows to insert', () => {
    it('takes binary batches exactly, whatever bytes they hold', async () => {
      await engine.writer.command('CREATE TABLE bytes (id UInt64, body String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY id');
      const sum = createHash('md5');
      let id = 0;
      for (let batch = 0; batch < 4; batch += 1) {
        const rows: Buffer[] = [];
        for (let i = 0; i < 1000; i += 1, id += 1) {
          const body = [
            randomBytes(i % 700),
            Buffer.from(` \n\t;'"\\${i}\r\n\n`),
            Buffer.from('x'.repeat(i)),
            Buffer.from([0, 255, 10, 59]),
          ][batch]!;
          sum.update(body);
          rows.push(uint64(id), varint(body.length), body);
        }
        await engine.writer.insertBinary('bytes', ['id', 'body'], Buffer.concat(rows), `batch-${batch}`);
      }
      const answer = await fetch(`${engine.url}/?${new URLSearchParams({ query: 'SELECT body FROM bytes ORDER BY id FORMAT RowBinary' })}`);
      expect(await engine.reader.select('SELECT count() AS n, uniqExact(id) AS ids FROM bytes')).toEqual([{ n: 4000, ids: 4000 }]);
      const back = createHash('md5');
      for (const body of stringsOf(Buffer.from(await answer.arrayBuffer()))) back.update(body);
      expect(back.digest('hex')).toBe(sum.digest('hex'));
      expect(readdirSync(`${engine.path}/hindcast-incoming`)).toEqual([]);
    });

    it('takes a batch once per token, through materialized views as well', async () => {
      await engine.writer.command(
        'CREATE TABLE once (day Date, id UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY id SETTINGS non_replicated_deduplication_window = 1000',
      );
      await engine.writer.command(
        'CREATE TABLE once_sum (day Date, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY day SETTINGS non_replicated_deduplication_window = 1000',
      );
      await engine.writer.command('CREATE MATERIALIZED VIEW once_mv TO once_sum AS SELECT day, count() AS n FROM once GROUP BY day');
      const rows = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.concat([uint16(20_000 + (i % 3)), uint64(i)])));
      for (const token of ['a', 'a', 'b', 'a']) await engine.writer.insertBinary('once', ['day', 'id'], rows, token);
      for (const token of ['j', 'j']) await engine.writer.insert('once', [{ day: '2024-10-04', id: 1 }], token);
      expect(await engine.reader.select('SELECT count() AS n, (SELECT sum(n) FROM once_sum) AS sum FROM once')).toEqual([
        { n: 6001, sum: 6001 },
      ]);
    });

    it('fills what JSON rows leave out with the defaults of the table', async () => {
      await engine.writer.command(
        "CREATE TABLE defaults (id UInt64, name String DEFAULT concat('n', toString(id)), at DateTime64(3, 'UTC') DEFAULT now64(3), twice UInt64 MATERIALIZED id * 2, tags Map(LowCardinality(String), String), score Nullable(Float64)) ENGINE = MergeTree ORDER BY id",
      );
      await engine.writer.insert('defaults', [
        { id: 1 },
        { id: 2, name: "a'b\\\n", at: '2026-01-01T00:00:00.123Z', tags: { k: 'v' }, score: 0.74, unknown: 1 },
      ]);
      const rows = await engine.reader.select("SELECT id, name, twice, tags, score, at > '2026-01-02' AS recent FROM defaults ORDER BY id");
      expect(rows).toEqual([
        { id: 1, name: 'n1', twice: 2, tags: {}, score: null, recent: 1 },
        { id: 2, name: "a'b\\\n", twice: 4, tags: { k: 'v' }, score: 0.74, recent: 0 },
      ]);
    });

    it.each([
      ['JSONEachRow', '{"id":"1","body":"a b"}\n{"id":"2","body":"ü"}\n'],
      ['JSONCompactEachRow', '["1","a b"]\n["2","ü"]\n'],
      ['JSONCompactEachRowWithNames', '["body","id"]\n["a b","1"]\n["ü","2"]\n'],
      ['CSV', '1,"a b"\n2,ü\n'],
      ['CSVWithNames', 'body,id\n"a b",1\nü,2\n'],
      ['TabSeparated', '1\ta b\n2\tü\n'],
      ['Values', "(1, 'a b'), (2, 'ü')"],
      ['Values', "(1, 'a b'), (2, 'ü');"],
    ])('reads %s as the body, with the statement in the URL or before the data', async (format, data) => {
      for (const inUrl of [true, false]) {
        await engine.writer.command('TRUNCATE TABLE t');
        const statement = `INSERT INTO t (id, body) FORMAT ${format}`;
        const reply = inUrl
          ? await runQuery(engine.url, data, { query: String(new URLSearchParams({ query: statement })), headers: asWriter })
          : await runQuery(engine.url, `${statement}\n${data}`, { headers: asWriter });
        expect(reply.text).toBe('');
        expect(JSON.parse(reply.headers.get('x-clickhouse-summary') ?? '{}')).toMatchObject({ written_rows: '2' });
        expect(await engine.reader.select('SELECT * FROM t ORDER BY id')).toEqual([
          { id: 1, body: 'a b' },
          { id: 2, body: 'ü' },
        ]);
      }
    });

    it('reads Native, Parquet and named binary rows as it wrote them', async () => {
      for (const format of ['Native', 'Parquet', 'RowBinaryWithNames', 'RowBinaryWithNamesAndTypes', 'ArrowStream', 'MsgPack']) {
        await engine.writer.command('TRUNCATE TABLE t');
        const query = `SELECT number AS id, reverse(toString(number)) AS body FROM numbers(1000) FORMAT ${format}`;
        const written = await fetch(`${engine.url}/?${new URLSearchParams({ query })}`);
        const inserted = await fetch(`${engine.url}/?${new URLSearchParams({ query: `INSERT INTO default.t FORMAT ${format}` })}`, {
          method: 'POST',
          body: Buffer.from(await written.arrayBuffer()),
          headers: asWriter,
        });
        expect(await inserted.text(), format).toBe('');
        expect(await engine.reader.select('SELECT count() AS n, countIf(body = reverse(toString(id))) AS right FROM t'), format).toEqual([
          { n: 1000, right: 1000 },
        ]);
      }
    });

    it('says what is wrong with data, without saying where they lay', async () => {
      const wrong = await runQuery(engine.url, 'INSERT INTO t FORMAT JSONEachRow {"id":"x"}', { headers: asWriter });
      expect([wrong.status, wrong.code]).toEqual([400, 27]);
      expect(wrong.text).toMatch(/row 1/);
      expect(wrong.text).not.toContain('incoming');
      const short = await runQuery(engine.url, 'abc', { query: 'query=INSERT+INTO+t+FORMAT+RowBinary', headers: asWriter });
      expect(short.status).not.toBe(200);
      const codes = async (sql: string) => (await runQuery(engine.url, sql, { headers: asWriter })).code;
      expect(await codes('INSERT INTO nowhere FORMAT CSV 1')).toBe(60);
      expect(await codes('INSERT INTO t (nothing) FORMAT CSV 1')).toBe(16);
      expect(await codes('INSERT INTO t FORMAT Nonsense 1')).toBe(73);
      expect(await codes('INSERT INTO t (id) VALUES (1 + 1)')).toBe(62);
      expect(await codes('INSERT INTO t (id)')).toBe(62);
    });

    it('takes nothing of a body that breaks off, even between two rows', async () => {
      await engine.writer.command('TRUNCATE TABLE t');
      const row = Buffer.concat([uint64(1), Buffer.from([1, 120])]);
      const rows = Buffer.concat(Array.from({ length: 1000 }, () => row));
      const path = `/?${new URLSearchParams({ query: 'INSERT INTO t (id, body) FORMAT RowBinary' })}`;
      const { hostname, port } = new URL(engine.url);
      for (const [headers, body] of [
        [{ 'content-length': String(rows.length * 2) }, rows],
        [{ 'transfer-encoding': 'chunked' }, rows],
        [{ 'transfer-encoding': 'chunked', 'content-encoding': 'gzip' }, gzipSync(rows).subarray(0, -4)],
      ] as const) {
        const sending = request({ hostname, port, path, method: 'POST', headers: { ...asWriter, ...headers }, agent: false });
        sending.on('error', () => {});
        await new Promise(resolve => sending.write(body, resolve));
        await expect.poll(() => readdirSync(`${engine.path}/hindcast-incoming`)).toHaveLength(1);
        sending.destroy();
        await expect.poll(() => readdirSync(`${engine.path}/hindcast-incoming`)).toEqual([]);
      }
      expect(await engine.reader.select('SELECT count() AS n FROM t')).toEqual([{ n: 0 }]);
    });

    it('takes all columns but some', async () => {
      await engine.writer.command('TRUNCATE TABLE t');
      expect((await runQuery(engine.url, 'INSERT INTO t (* EXCEPT (body)) FORMAT CSV\n5\n', { headers: asWriter })).text).toBe('');
      expect(await engine.reader.select('SELECT * FROM t')).toEqual([{ id: 5, body: '' }]);
      expect((await runQuery(engine.url, 'INSERT INTO t (* EXCEPT nothing) FORMAT CSV\n5\n', { headers: asWriter })).code).toBe(16);
    });

    it('reads nothing but an INSERT over GET', async () => {
      const reply = await fetch(
        `${engine.url}/?${new URLSearchParams({ query: 'TRUNCATE TABLE t', user: 'writer', password: writerKey })}`,
      );
      expect([reply.status, reply.headers.get('x-clickhouse-exception-code')]).toEqual([403, '164']);
    });
  });

  describe('spoken to with plain HTTP', () => {
    it.each(['/ping', '/', '/replicas_status'])('answers %s without credentials', async path => {
      const reply = await fetch(`${engine.url}${path}`);
      expect([reply.status, await reply.text()]).toEqual([200, 'Ok.\n']);
    });

    it('reads the statement from the URL, the body, both, or a form', async () => {
      const get = (query: Record<string, string>) => fetch(`${engine.url}/?${new URLSearchParams(query)}`).then(reply => reply.text());
      expect(await get({ query: 'SELECT 1, 2' })).toBe('1\t2\n');
      expect((await runQuery(engine.url, 'SELECT 1, 2')).text).toBe('1\t2\n');
      expect((await runQuery(engine.url, ', 2', { query: 'query=SELECT+1' })).text).toBe('1\t2\n');
      const form = new FormData();
      form.set('query', 'SELECT {a:UInt8} + 1, {s:String}');
      form.set('param_a', '1');
      form.set('param_s', 'x');
      expect(await (await fetch(`${engine.url}/`, { method: 'POST', body: form })).text()).toBe('2\tx\n');
    });

    it('takes format, database and user from headers and parameters', async () => {
      const json = { 'x-clickhouse-format': 'JSONEachRow' };
      expect((await runQuery(engine.url, 'SELECT 1 AS a', { headers: json })).text).toBe('{"a":1}\n');
      expect((await runQuery(engine.url, 'SELECT 1 AS a', { query: 'default_format=CSV' })).text).toBe('1\n');
      expect((await runQuery(engine.url, 'SELECT 1 AS a FORMAT JSONCompactEachRow', { headers: json })).text).toBe('[1]\n');
      expect((await runQuery(engine.url, 'SELECT * FROM one', { query: 'database=system' })).text).toBe('0\n');
      expect((await runQuery(engine.url, 'SELECT * FROM processes', { headers: { 'x-clickhouse-database': 'system' } })).code).toBe(497);
      expect((await runQuery(engine.url, 'SELECT 1', { query: 'database=other' })).status).toBe(404);
      const basic = `Basic ${Buffer.from(`writer:${writerKey}`).toString('base64')}`;
      expect((await runQuery(engine.url, 'SELECT count() FROM system.processes', { headers: { authorization: basic } })).status).toBe(200);
    });

    it('sends the headers that clients look for', async () => {
      const { headers } = await runQuery(engine.url, 'SELECT 1 FORMAT JSON', { query: 'query_id=my-id' });
      expect(headers.get('x-clickhouse-query-id')).toBe('my-id');
      expect(headers.get('x-clickhouse-format')).toBe('JSON');
      expect(headers.get('x-clickhouse-timezone')).toBeTruthy();
      expect(headers.get('x-clickhouse-server-display-name')).toBe('hindcast');
      expect(headers.get('x-clickhouse-exception-tag')).toMatch(/^[0-9a-f]{16}$/);
      expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
      expect(JSON.parse(headers.get('x-clickhouse-summary') ?? '')).toMatchObject({ result_rows: '1' });
      const injected = await runQuery(engine.url, 'SELECT 1', { query: `query_id=${encodeURIComponent('a\r\nx: y')}` });
      expect(injected.headers.get('x-clickhouse-query-id')).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('reads compressed bodies', async () => {
      const sql = Buffer.from('SELECT 1, 2');
      for (const [coding, body] of [
        ['gzip', gzipSync(sql)],
        ['deflate', deflateSync(sql)],
        ['br', brotliCompressSync(sql)],
        ['zstd', zstdCompressSync(sql)],
      ] as const) {
        const reply = await fetch(engine.url, { method: 'POST', body, headers: { 'content-encoding': coding } });
        expect(await reply.text(), coding).toBe('1\t2\n');
      }
      const broken = await fetch(engine.url, { method: 'POST', body: 'not gzip', headers: { 'content-encoding': 'gzip' } });
      expect(broken.status).toBe(400);
      const unknown = await fetch(engine.url, { method: 'POST', body: 'x', headers: { 'content-encoding': 'lzma' } });
      expect(unknown.status).toBe(400);
    });

    it('writes compressed answers when asked, also when they end in an error', async () => {
      const raw = (coding: string, sql: string) =>
        rawAnswer(`/?enable_http_compression=1&query=${encodeURIComponent(sql)}`, { 'accept-encoding': coding });
      const rows = 'SELECT number FROM numbers(100000) FORMAT CSV';
      const plain = (await rawAnswer(`/?query=${encodeURIComponent(rows)}`, {})).body.toString();
      const gzip = await raw('br;q=0, gzip', rows);
      expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', plain]);
      const zstd = await raw('gzip, zstd', rows);
      expect([zstd.headers['content-encoding'], zstdDecompressSync(zstd.body).toString()]).toEqual(['zstd', plain]);
      const failed = await raw('gzip', 'SELECT * FROM nowhere');
      expect(gunzipSync(failed.body).toString()).toMatch(/^Code: 60\. DB::Exception: /);
    });

    it('frames an exception in the middle of an answer', async () => {
      const { headers, text } = await runQuery(
        engine.url,
        "SELECT throwIf(number = 250000, 'boom'), number FROM numbers(300000) FORMAT CSV",
      );
      const tag = headers.get('x-clickhouse-exception-tag');
      const frame = new RegExp(`\\r\\n__exception__\\r\\n${tag}\\r\\n(Code: 395[\\s\\S]*\\n)(\\d+) ${tag}\\r\\n__exception__\\r\\n$`).exec(
        text,
      );
      expect(frame).not.toBeNull();
      expect(Number(frame?.[2])).toBe(Buffer.byteLength(frame?.[1] ?? ''));
    });

    it.each([
      ['SELECT 1', 'compress=1', 501],
      ['SELECT 1', 'decompress=1', 501],
      ['', '', 400],
      ['SELECT 1; SELECT 2', '', 400],
      ['SELECT 1 FORMAT Nonsense', '', 400],
    ])('refuses %s with %s', async (sql, query, status) => {
      expect((await runQuery(engine.url, sql, { query })).status).toBe(status);
    });

    it('has no other handles and methods', async () => {
      expect((await fetch(`${engine.url}/play`)).status).toBe(404);
      expect((await fetch(`${engine.url}/?query=SELECT+1`, { method: 'DELETE' })).status).toBe(501);
    });

    it('does not answer pages in a browser, nor names that resolve here', async () => {
      const headers = (headers: Record<string, string>) => rawAnswer('/?query=SELECT+1', headers).then(({ status }) => status);
      expect(await headers({ origin: 'https://evil.example' })).toBe(403);
      expect(await headers({ origin: 'null' })).toBe(403);
      expect(await headers({ 'sec-fetch-site': 'cross-site' })).toBe(403);
      expect(await headers({ host: 'evil.example:8123' })).toBe(403);
      expect(await headers({ host: 'evil.example' })).toBe(403);
      expect(await headers({ host: '127.0.0.1.evil.example' })).toBe(403);
      expect(await headers({ host: 'localhost:8123' })).toBe(200);
      expect(await headers({ host: '[::1]:8123' })).toBe(200);
      expect(await headers({ host: '192.168.0.7' })).toBe(200);
      expect((await runQuery(engine.url, 'SELECT 1')).headers.get('access-control-allow-origin')).toBeNull();
    });

    it('bounds the body of who only reads', async () => {
      expect((await runQuery(engine.url, `SELECT '${'x'.repeat(400_000)}'`)).status).toBe(413);
      expect((await runQuery(engine.url, 'SELECT 1')).status).toBe(200);
    });

    it("greets Grafana's client at its own protocol and keeps to the oldest afterwards", async () => {
      const query = 'SELECT displayName(), version(), revision(), timezone()';
      const reply = await rawAnswer(`/?default_format=Native&client_protocol_version=54460&query=${encodeURIComponent(query)}`, {});
      const [columns, rows] = [reply.body[8], reply.body[9]];
      expect([columns, rows]).toEqual([4, 1]);
      const at = reply.body.indexOf('UInt32') + 'UInt32'.length + 1;
      expect(reply.body.readUInt32LE(at)).toBe(0);
      const plain = await rawAnswer(`/?default_format=Native&query=${encodeURIComponent('SELECT 7 AS x')}`, {});
      expect([...plain.body]).toEqual([1, 1, 1, 0x78, 5, ...Buffer.from('UInt8'), 7]);
    });

    it('writes statements out again without changing what they mean', async () => {
      const sql =
        "SELECT toTypeName(1.0), 1.0, 0.30000000000000004, -5, 1e300, $$a'b$$, '\\n\\'\\0x', x'4142', 0xff, `a b`, 2 BETWEEN 1 AND 3, 1::String, DATE '2026-01-02', NULL, true FROM (SELECT 1 AS `a b`)";
      const { text } = await runQuery(engine.url, sql, { query: 'default_format=JSONCompactEachRow' });
      expect(JSON.parse(text)).toEqual([
        'Float64',
        1,
        0.30000000000000004,
        -5,
        1e300,
        "a'b",
        "\n'\0x",
        'AB',
        255,
        1,
        1,
        '1',
        '2026-01-02',
        null,
        true,
      ]);
      const names = await runQuery(engine.url, 'SELECT 1+1, count(*), now() IS NULL AS `x y` FROM numbers(1)', {
        query: 'default_format=JSONCompactEachRowWithNames',
      });
      expect(JSON.parse(names.text.split('\n')[0] ?? '')).toEqual(['plus(1, 1)', 'count()', 'x y']);
    });
  });
});

describe.skipIf(engineMissing)(`The engine's folder${engineMissing}`, () => {
  it('belongs to one process, and another is told so by name', async () => {
    const mine = await startTestEngine();
    const { execFileSync } = await import('node:child_process');
    const code = `
      import { startEngine } from ${JSON.stringify(new URL('../../../recorder/engine/server.ts', import.meta.url).href)};
      try { await startEngine({ path: process.argv[1], host: '127.0.0.1', port: 0, writerKey: 'k' }); console.log('opened'); }
      catch (error) { console.log(error.constructor.name + ': ' + error.message); }
      process.exit(0);`;
    const sent = execFileSync(process.execPath, ['--input-type=module', '-e', code, mine.path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(sent).toBe(
      `EngineError: The store's folder ${mine.path} is in use by process ${process.pid}. One process at a time can have it: query the running one over HTTP, stop it first, or set store.path to another folder.\n`,
    );
    expect(await mine.reader.select('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await mine.close();
  });

  it('can be closed and opened again, with everything in it', async () => {
    const path = temporaryFolder();
    const first = await startTestEngine({ path });
    await first.writer.command('CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id');
    await first.writer.insert('kept', [{ id: 1 }]);
    await first.close();
    const second = await startTestEngine({ path });
    expect(await second.reader.select('SELECT * FROM kept')).toEqual([{ id: 1 }]);
    await second.close();
  });

  it('closes while queries run: reads end, writes are finished', async () => {
    const path = temporaryFolder();
    const first = await startTestEngine({ path });
    await first.writer.command('CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id');
    const read = first.reader.select('SELECT max(sipHash64(number)) FROM numbers(100000000000)').catch((error: unknown) => error);
    const running = async () =>
      (await first.writer.select<{ n: number }>("SELECT count() AS n FROM system.processes WHERE query NOT LIKE '%processes%'"))[0]?.n;
    await expect.poll(running, { timeout: 10_000 }).toBe(1);
    const write = first.writer.command('INSERT INTO kept SELECT number FROM numbers(3000000)');
    await expect.poll(running, { interval: 10, timeout: 10_000 }).toBe(2);
    const closed = first.close();
    expect(await read).toBeInstanceOf(Error);
    await write;
    await closed;
    const second = await startTestEngine({ path });
    expect(await second.reader.select('SELECT count() AS n FROM kept')).toEqual([{ n: 3_000_000 }]);
    await second.close();
  });
});

describe('An engine that cannot start', () => {
  it('says which platforms have one, and what else there is', async () => {
    const missing = loadAddon(() => Promise.reject(new Error('chdb: no native binding for win32-x64.')));
    await expect(missing).rejects.toThrow(EngineError);
    await expect(missing).rejects.toThrow(/chdb: no native binding for win32-x64[\s\S]*--omit=optional[\s\S]*store\.url/);
  });

  it('refuses to listen to other machines without a password', async () => {
    const open = startEngine({ path: '/nowhere', host: '0.0.0.0', port: 0, writerKey: 'k' });
    await expect(open).rejects.toThrow(/store\.password/);
  });

  it.skipIf(engineMissing)('names a port that is taken, and frees the folder', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const path = temporaryFolder();
    await expect(startEngine({ path, host: '127.0.0.1', port, writerKey: 'k' })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken: set store.port`,
    );
    taken.close();
    const mine = await startTestEngine({ path });
    await expect(startEngine({ path, host: '127.0.0.1', port: 0, writerKey: 'k' })).rejects.toThrow(/open in this process already/);
    await mine.close();
  });

  it.skipIf(engineMissing)('asks the reader for the password when there is one', async () => {
    const guarded = await startTestEngine({ password: 'open sesame' });
    expect(await guarded.reader.select('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await runQuery(guarded.url, 'SELECT 1')).code).toBe(516);
    const browser = { origin: 'https://grafana.example', 'x-clickhouse-user': 'default', 'x-clickhouse-key': 'open sesame' };
    expect((await runQuery(guarded.url, 'SELECT 1', { headers: browser })).status).toBe(200);
    await guarded.close();
  });
});

/** Queries that run in the engine besides this one. */
const running = async (): Promise<number> =>
  (await engine.writer.select<{ n: number }>("SELECT count() AS n FROM system.processes WHERE query NOT LIKE '%system.processes%'"))[0]
    ?.n ?? 0;

function rawAnswer(
  path: string,
  headers: Record<string, string>,
): Promise<{ readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(engine.url);
    const requested = request({ hostname, port, path, headers, agent: false }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    requested.on('error', reject).end();
  });
}

function varint(n: number): Buffer {
  const bytes: number[] = [];
  for (let rest = n; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

function uint64(n: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

function uint16(n: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(n);
  return bytes;
}

/** The strings of a RowBinary answer with one column. */
function* stringsOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
