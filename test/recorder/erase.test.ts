import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { erase } from '../../recorder/erase/erase.ts';
import { exportTo } from '../../recorder/export/export.ts';
import { exportedFiles, recordOutputFile } from '../../recorder/export/exported-files.ts';
import { rejectedFolder, spoolRoot } from '../../recorder/files/paths.ts';
import { columnsOf, tableNames } from '../../recorder/rows/tables.ts';
import { batchesOf } from '../../recorder/ship/batch.ts';
import { Arena, buffersOf } from '../../recorder/spool/arena.ts';
import { frameHeaderBytes, parseSegment } from '../../recorder/spool/segment.ts';
import { openSpool } from '../../recorder/spool/spool.ts';
import { closedSegments } from '../../recorder/spool/spool-folders.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { isErased, recordIdentity, tombstoneOf } from '../../recorder/tombstones/tombstone.ts';
import { createDataset, readDataset } from '../../replay/recorded/dataset.ts';
import type { RecordedRequest } from '../../replay/recorded/requests.ts';
import { createRun, readRun } from '../../replay/run/run-folder.ts';
import { rowsOf } from './encoded-rows.ts';
import { jsonPayload } from './json-segment.ts';
import { newId, plainExchange, temporaryFolder } from './plain-exchange.ts';
import { engineMissing, startTestEngine, type TestEngine } from './running-engine.ts';
import { settingsIn } from './settings.ts';

const by = (tenant: string, user: string, changes: Partial<Exchange> = {}): Exchange => {
  const plain = plainExchange(changes);
  return { ...plain, caller: { ...plain.caller, tenant, user } };
};

// Each erasure rewrites parts of many tables, one after the other.
describe.skipIf(engineMissing)(`erasing${engineMissing}`, { timeout: 90_000 }, () => {
  let engine: TestEngine;
  const folder = temporaryFolder();
  const settings = settingsIn(folder.path);
  beforeAll(async () => {
    engine = await startTestEngine();
    await migrate(engine.writer);
  });
  afterAll(async () => {
    await engine.close();
    folder[Symbol.dispose]();
  });

  async function insert(exchanges: readonly Exchange[]): Promise<void> {
    for (const exchange of exchanges) {
      const rows = rowsOf(exchange, { records: 90, payloads: 30 });
      for (const table of tableNames) {
        if (rows[table].count > 0)
          await engine.writer.insertBinary(
            table,
            columnsOf(table).map(({ name }) => name),
            rows[table].bytes,
            `${exchange.id} ${table}`,
          );
      }
    }
  }
  const idsIn = async (table: string, column = 'request_id'): Promise<readonly string[]> =>
    (await engine.writer.select<{ id: string }>(`SELECT DISTINCT toString(${column}) AS id FROM ${table} ORDER BY id`)).map(({ id }) => id);
  const packedPayload = (exchange: Exchange): Buffer =>
    Buffer.concat(buffersOf([new Arena().pack(exchange)], 0, 0)).subarray(frameHeaderBytes);
  const keepRejected = (exchange: Exchange, form: 'json' | 'packed'): void => {
    mkdirSync(rejectedFolder(spoolRoot(folder.path)), { recursive: true });
    writeFileSync(
      join(rejectedFolder(spoolRoot(folder.path)), `${exchange.id}.rejected`),
      form === 'json' ? jsonPayload(exchange) : packedPayload(exchange),
    );
  };

  test('a user goes from every table, from what was refused and from exports, with the replays of what was asked; the others stay', async () => {
    const gone = by('acme', "o'bob\n\\");
    const repeated = by('acme', "o'bob\n\\", { run: 'r1', arm: 'sim/x', replayOf: gone.id });
    const kept = by('acme', 'al');
    const elsewhere = by('other', "o'bob\n\\");
    await insert([gone, repeated, kept, elsewhere]);
    await engine.writer.insert(
      'scores',
      [gone, kept].map(({ id }) => ({
        tenant_id: 'acme',
        request_id: id,
        ts: new Date().toISOString(),
        name: 'quality',
        score_id: newId(),
        value: 1,
      })),
    );
    keepRejected(gone, 'json');
    keepRejected(kept, 'packed');
    for (const format of ['jsonl', 'parquet'] as const)
      await exportTo(engine.writer, folder.path, join(folder.path, `all.${format}`), format, { replays: true, payloads: true });
    await exportTo(engine.writer, folder.path, join(folder.path, 'al.parquet'), 'parquet', {
      where: "end_user = 'al'",
      replays: false,
      payloads: false,
    });

    const erasure = await erase(settings, engine.writer, { tenant: 'acme', user: "o'bob\n\\" }, Date.now());

    expect(erasure).toMatchObject({ verified: true, spool: 'shipped', rejected: 1, rows: { requests: 2, scores: 1, replay_results: 1 } });
    const left = [kept.id, elsewhere.id].sort();
    for (const table of ['requests', 'attempts', 'payloads']) expect([table, await idsIn(table)]).toEqual([table, left]);
    expect(await idsIn('scores')).toEqual([kept.id]);
    expect(await idsIn('replay_results')).toEqual([]);
    const lines = readFileSync(join(folder.path, 'all.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map(line => (JSON.parse(line) as { request_id: string }).request_id)).not.toContain(gone.id);
    expect(Object.fromEntries(erasure.exports.map(({ path, outcome }) => [path.slice(folder.path.length + 1), outcome]))).toEqual({
      'all.jsonl': 2,
      'all.parquet': 'removed',
      'al.parquet': 'untouched',
    });
    const audit = await engine.writer.select<{ action: string; subject: string; detail: string }>(
      'SELECT action, subject, detail FROM audit ORDER BY ts',
    );
    expect(audit.map(({ action }) => action)).toEqual(['erase-requested', 'erase']);
    expect(JSON.stringify(audit)).not.toContain('bob');
    expect(audit[1]!.subject).toMatch(/^tenant:acme user:sha256:[0-9a-f]{64}$/);
  });

  test('what replays keep goes as well: requests of datasets and runs, exported pairs, and reports that name one', async () => {
    const [gone, kept] = [by('acme', 'eve'), by('acme', 'al')];
    const repeated = by('acme', 'eve', { run: 'r2', arm: 'sim/x', replayOf: gone.id });
    await insert([gone, kept, repeated]);
    const requestOf = (exchange: Exchange) =>
      ({
        ...{ id: exchange.id, receivedAt: exchange.receivedAt, tenant: exchange.caller.tenant, user: exchange.caller.user },
        body: `{"said by": "${exchange.caller.user}"}`,
      }) as RecordedRequest;
    const ofFile = [gone, kept].map(exchange => ({ id: exchange.id, weight: 1, request: requestOf(exchange) }));
    const imported = { id: 'their-own-id', weight: 1, request: { ...requestOf(gone), id: 'their-own-id' } };
    createDataset(
      folder.path,
      'by-id',
      {},
      [gone, kept, repeated].map(({ id }) => ({ id, weight: 1 })),
      0,
    );
    createDataset(folder.path, 'whole', {}, [...ofFile, imported], 0);
    const manifest = { version: 1, run: 'r2', createdAt: 0, configHash: '', arms: {}, options: {}, jobs: 3 } as const;
    createRun(folder.path, manifest, [...ofFile, imported]);
    const output = (name: string, format: 'jsonl' | 'whole', text: string): void => {
      recordOutputFile(folder.path, join(folder.path, name), format);
      writeFileSync(join(folder.path, name), text);
    };
    const pairs = [gone, kept].map(exchange => `${JSON.stringify({ request: requestOf(exchange), replay: { id: newId() } })}\n`);
    output('pairs.jsonl', 'jsonl', pairs.join(''));
    output('ids.jsonl', 'jsonl', [repeated, kept].map(({ id }) => `{"request_id":"${id}"}\n`).join(''));
    output('report.html', 'whole', `<td>${gone.id}</td>`);
    output('other.html', 'whole', `<td>${kept.id}</td>`);

    const erasure = await erase(settings, engine.writer, { user: 'eve' }, Date.now());

    const outcomes = Object.fromEntries(erasure.exports.map(({ path, outcome }) => [path.slice(folder.path.length + 1), outcome]));
    expect(outcomes).toMatchObject({
      ...{ 'datasets/by-id/1.json': 2, 'datasets/whole/1.json': 2, 'runs/r2/items.jsonl': 2 },
      ...{ 'pairs.jsonl': 1, 'ids.jsonl': 1, 'report.html': 'removed', 'other.html': 'untouched' },
    });
    expect(readDataset(folder.path, 'by-id').items.map(({ id }) => id)).toEqual([kept.id]);
    expect(readDataset(folder.path, 'whole').items.map(({ id }) => id)).toEqual([kept.id]);
    // The run can go on: it finds an id whose request is nowhere, as after the end of its time.
    expect(readRun(folder.path, 'r2').items).toEqual([{ id: gone.id, weight: 1 }, ofFile[1], { id: 'their-own-id', weight: 1 }]);
    for (const name of ['pairs.jsonl', 'ids.jsonl', 'datasets/whole/1.json', 'runs/r2/items.jsonl'])
      expect([name, readFileSync(join(folder.path, name), 'utf8')]).toEqual([name, expect.not.stringContaining('eve')]);
  });

  test('a tenant goes with its rollups, and one exchange goes alone', async () => {
    const [one, two, three] = [by('t1', ''), by('t1', ''), by('t2', '')];
    await insert([one!, two!, three!]);
    const single = await erase(settings, engine.writer, { exchange: one!.id }, Date.now());
    expect(single).toMatchObject({ verified: true, rows: { requests: 1, attempts: 1, payloads: 2 } });
    expect(await idsIn('requests')).toContain(two!.id);
    await erase(settings, engine.writer, { tenant: 't1' }, Date.now());
    for (const table of ['requests', 'attempts', 'payloads', 'usage_1m', 'usage_1h', 'attempts_1m']) {
      const [row] = await engine.writer.select(
        `SELECT countIf(tenant_id = 't1') AS gone, countIf(tenant_id = 't2') > 0 AS kept FROM ${table}`,
      );
      expect([table, row]).toEqual([table, { gone: 0, kept: 1 }]);
    }
  });

  test('an export has every column, exact bodies, and all or nothing of the file', async () => {
    const odd = by('x1', '', { request: Buffer.from([0x7b, 0xff, 0x00, 0x7d]), response: Buffer.from('{"n":12345678901234567890,"n":1}') });
    await insert([odd]);
    const selection = { tenant: 'x1', replays: false, payloads: true } as const;
    const { path, bytes } = await exportTo(engine.writer, folder.path, join(folder.path, 'x.jsonl'), 'jsonl', selection);
    const text = readFileSync(path, 'utf8');
    const [row] = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
    expect(bytes).toBe(Buffer.byteLength(text));
    expect(row).toMatchObject({
      request_id: odd.id,
      tenant_id: 'x1',
      request_body: '',
      response_body: '{"n":12345678901234567890,"n":1}',
      response_body_base64: '',
    });
    expect(Buffer.from(row!.request_body_base64 as string, 'base64')).toEqual(Buffer.from(odd.request));
    const parquet = await exportTo(engine.writer, folder.path, join(folder.path, 'x.parquet'), 'parquet', selection);
    const [same] = await parquetReadObjects({
      file: await asyncBufferFromFile(parquet.path),
      columns: ['request_id', 'outcome', 'response_body'],
    });
    expect(same).toMatchObject({ request_id: odd.id, outcome: 'ok' });
    await expect(
      exportTo(engine.writer, folder.path, join(folder.path, 'y.jsonl'), 'jsonl', { ...selection, where: 'no_such = 1' }),
    ).rejects.toThrow('no_such');
    await expect(
      exportTo(engine.writer, folder.path, join(folder.path, 'y.jsonl'), 'jsonl', { ...selection, where: '1) UNION ALL SELECT 1 --' }),
    ).rejects.toThrow();
    expect(exportedFiles(folder.path).map(({ path: file }) => file)).not.toContain(join(folder.path, 'y.jsonl'));
  });
});

test('what is meant and still lies in the spool is left out of its batch, and nothing else is', async () => {
  using folder = temporaryFolder();
  const spool = openSpool(join(folder.path, 'writer'), { durability: 'process', whenFull: 'refuse', bytesMax: 2 ** 22, root: folder.path });
  const exchanges = [by('a', 'u'), by('a', 'v'), by('b', 'u')];
  for (const exchange of exchanges) await spool.record(exchange);
  await spool.close();
  const [place] = await closedSegments(folder.path);
  const segment = parseSegment(readFileSync(place!.path), place!.id);
  const left = (tombstone = tombstoneOf({ tenant: 'a', user: 'u' }, Date.now() + 1)) =>
    [...batchesOf(segment, { records: 90, payloads: 30 }, [tombstone])].flatMap(({ batches, erasedCount }) => [
      erasedCount,
      ...batches.flatMap(({ token, entries }) => [token, ...entries.map(({ id }) => id)]),
    ]);
  const [erased, token, ...ids] = left();
  expect([erased, ids]).toEqual([1, [exchanges[1]!.id, exchanges[2]!.id]]);
  // The token depends on the place, so that a half-done insert is recognised.
  expect(token).toBe(left(tombstoneOf({ exchange: newId() }, 0))[1]);
});

test('what arrives after an erasure is not meant by it', () => {
  const exchange = by('a', 'u');
  expect(isErased(recordIdentity(exchange), [tombstoneOf({ tenant: 'a' }, exchange.receivedAt - 1)])).toBe(false);
  expect(isErased(recordIdentity(exchange), [tombstoneOf({ tenant: 'a' }, exchange.receivedAt)])).toBe(true);
  expect(isErased(recordIdentity({ ...exchange, replayOf: 'x' }), [tombstoneOf({ exchange: 'x' }, exchange.receivedAt)])).toBe(true);
});
