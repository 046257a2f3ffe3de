/** What ClickHouse's own client can request: every format, out and in, streaming and not, compressed and not. */
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asWriter, engineMissing, runQuery, startTestEngine, type TestEngine, writerKey } from '../running-engine.ts';

const complete = ['JSON', 'JSONCompact', 'JSONStrings', 'JSONCompactStrings', 'JSONColumnsWithMetadata', 'JSONObjectEachRow'] as const;
const byRow = [
  'JSONEachRow',
  'JSONStringsEachRow',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'JSONCompactEachRowWithNames',
  'JSONCompactEachRowWithNamesAndTypes',
  'JSONCompactStringsEachRowWithNames',
  'JSONCompactStringsEachRowWithNamesAndTypes',
] as const;
const texts = [
  'CSV',
  'CSVWithNames',
  'CSVWithNamesAndTypes',
  'TabSeparated',
  'TabSeparatedRaw',
  'TabSeparatedWithNames',
  'TabSeparatedWithNamesAndTypes',
  'CustomSeparated',
] as const;
const roundTrips = [
  'JSONEachRow',
  'JSONStringsEachRow',
  'JSONCompactEachRow',
  'JSONCompactStringsEachRow',
  'JSONCompactEachRowWithNames',
  'JSONCompactEachRowWithNamesAndTypes',
  'JSONCompactStringsEachRowWithNames',
  'JSONCompactStringsEachRowWithNamesAndTypes',
  'JSON',
  'JSONCompact',
  'JSONObjectEachRow',
  'CSV',
  'CSVWithNames',
  'CSVWithNamesAndTypes',
  'TabSeparated',
  'TabSeparatedWithNames',
  'TabSeparatedWithNamesAndTypes',
  'RowBinary',
  'RowBinaryWithNames',
  'RowBinaryWithNamesAndTypes',
  'Native',
  'Parquet',
  'Arrow',
  'ORC',
  'Avro',
  'MsgPack',
  'BSONEachRow',
  'TSKV',
  'Values',
] as const;

describe.skipIf(engineMissing)(`every format of the embedded engine${engineMissing}`, () => {
  let engine: TestEngine;
  let client: ClickHouseClient;
  beforeAll(async () => {
    engine = await startTestEngine();
    client = createClient({ url: engine.url, username: 'writer', password: writerKey });
    await client.command({ query: 'CREATE TABLE pairs (id UInt32, name String) ENGINE = MergeTree ORDER BY id' });
  });
  afterAll(async () => {
    await client.close();
    await engine.close();
  });
  const query = "SELECT toUInt32(number) AS id, concat('näm\\'e\\t', toString(number)) AS name FROM numbers(3)";

  it.each(complete)('gives a document in %s', async format => {
    const found = await (await client.query({ query, format })).json<unknown>();
    expect(JSON.stringify(found)).toContain("näm'e\\t2");
  });

  it.each(byRow)('gives rows in %s, whole and as a stream', async format => {
    const rows = await (await client.query({ query, format })).json<unknown>();
    const head = Number(/WithNames/.test(format)) + Number(/AndTypes/.test(format));
    expect(rows).toHaveLength(3 + head);
    const streamed: unknown[] = [];
    for await (const part of (await client.query({ query, format })).stream()) for (const row of part) streamed.push(row.json());
    expect(streamed).toEqual(rows);
  });

  it.each(texts.filter(format => format !== 'CustomSeparated'))('gives text in %s, whole and as a stream', async format => {
    const text = await (await client.query({ query, format })).text();
    let streamed = '';
    for await (const part of (await client.query({ query, format })).stream()) for (const row of part) streamed += `${row.text}\n`;
    expect(streamed).toBe(text);
    expect(text.split('\n').length - 1).toBe(3 + Number(/WithNames/.test(format)) + Number(/AndTypes/.test(format)));
  });

  it.each(roundTrips)('reads %s as it wrote it', async format => {
    const written = await fetch(`${engine.url}/?default_format=${format}`, { method: 'POST', headers: asWriter, body: query });
    const body = await written.arrayBuffer();
    await client.command({ query: 'TRUNCATE TABLE pairs' });
    const inserted = await fetch(`${engine.url}/?query=${encodeURIComponent(`INSERT INTO pairs FORMAT ${format}`)}`, {
      method: 'POST',
      headers: asWriter,
      body,
    });
    expect([inserted.status, await inserted.text()]).toEqual([200, '']);
    const rows = await (await client.query({ query: 'SELECT * FROM pairs ORDER BY id', format: 'JSONEachRow' })).json();
    expect(rows).toEqual([0, 1, 2].map(id => ({ id, name: `näm'e\t${id}` })));
  });

  it('keeps a head that belongs to the whole to one, however many blocks there are', async () => {
    for (const format of ['CSVWithNames', 'JSONCompactEachRowWithNames', 'TabSeparatedWithNames']) {
      const { text } = await runQuery(engine.url, `SELECT number AS heading FROM numbers(200000) FORMAT ${format}`, {
        query: 'max_block_size=1000',
      });
      expect(text.match(/heading/g), format).toHaveLength(1);
    }
  });

  it('refuses a format that reads or writes elsewhere, and one that is none', async () => {
    for (const format of ['Template', 'Protobuf', 'CapnProto', 'NoSuchFormat'])
      expect((await runQuery(engine.url, `SELECT 1 FORMAT ${format}`)).code, format).toBe(73);
  });

  it('packs answers and unpacks rows for a client that wants that', async () => {
    const packed = createClient({
      url: engine.url,
      username: 'writer',
      password: writerKey,
      compression: { request: true, response: true },
    });
    await packed.command({ query: 'TRUNCATE TABLE pairs' });
    await packed.insert({ table: 'pairs', values: [{ id: 1, name: 'x'.repeat(5_000) }], format: 'JSONEachRow' });
    expect(await (await packed.query({ query: 'SELECT length(name) AS n FROM pairs', format: 'JSONEachRow' })).json()).toEqual([
      { n: 5000 },
    ]);
    await packed.close();
  });

  it('takes the session ids that clients make up, and keeps nothing under them', async () => {
    for (const query of ['session_id=a&session_timeout=60', 'session_id=a&session_check=1']) {
      expect((await runQuery(engine.url, 'SELECT 1', { query })).text).toBe('1\n');
    }
    expect(
      (await runQuery(engine.url, 'SET max_threads = 1', { query: 'session_id=a' })).code,
      'a session could only be changed by SET',
    ).toBe(497);
  });
});
