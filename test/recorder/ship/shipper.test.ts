import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../../gateway/core/exchange.ts';
import { columnsOf } from '../../../recorder/rows/tables.ts';
import { Shipper } from '../../../recorder/ship/shipper.ts';
import { payloadIdentity } from '../../../recorder/spool/payload-identity.ts';
import { parseSegment } from '../../../recorder/spool/segment.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { clickhouseError, FakeStore, uuidBytes } from '../fake-store.ts';
import { plainExchange, temporaryFolder } from '../plain-exchange.ts';
import { forms, writeSegment } from '../segments.ts';

const patient = { timeout: 15_000, interval: 10 };
const retention = { records: 90, payloads: 30 };

function ship(root: string, store: FakeStore, log: (line: string) => void = () => {}): Shipper {
  return new Shipper({ root, store, retention, verify: false, log, pollMs: 5 });
}

const exchangesOf = (count: number, changes: Partial<Exchange> = {}): readonly Exchange[] =>
  Array.from({ length: count }, () => plainExchange(changes));
const idsOf = (exchanges: readonly Exchange[]): string[] => exchanges.map(({ id }) => id);
const segmentsIn = (root: string): string[] => readdirSync(join(root, 'writer')).filter(name => /\.(seg|open|splits)$/.test(name));
const settled = (root: string): Promise<void> => expect.poll(() => segmentsIn(root), patient).toEqual([]);

describe('shipping', () => {
  it('puts every exchange of every writer into every table once, the oldest first, and deletes what is shipped', async () => {
    using folder = temporaryFolder();
    const root = folder.path;
    const [old, young] = [exchangesOf(3), exchangesOf(2, { run: 'run-1', replayOf: plainExchange().id, arm: 'sim/large' })];
    writeSegment(root, young, Date.now());
    writeSegment(root, old, Date.now() - 60_000);
    const store = new FakeStore();
    const shipper = ship(root, store);
    await settled(root);
    const ids = idsOf([...old, ...young]);
    for (const table of ['requests', 'attempts'] as const) expect(store.count(table, ids)).toBe(5);
    expect(store.count('payloads', ids)).toBe(10);
    const requests = store.inserts.filter(({ table }) => table === 'requests');
    expect(requests[0]!.body.includes(uuidBytes(old[0]!.id))).toBe(true);
    expect(store.inserts.filter(({ table }) => table === 'replay_results')).toHaveLength(1);
    await expect
      .poll(() => shipper.stats)
      .toMatchObject({ exchangesWritten: 5, rowsWritten: 22, queueSegments: 0, rejected: 0, corrupt: 0, torn: 0 });
    await shipper.close(1_000);
  });

  it('writes the row of requests after everything that belongs to it', async () => {
    using folder = temporaryFolder();
    writeSegment(folder.path, exchangesOf(2));
    const store = new FakeStore();
    const shipper = ship(folder.path, store);
    await settled(folder.path);
    expect(store.inserts.map(({ table }) => table).at(-1)).toBe('requests');
    await shipper.close(1_000);
  });

  it.for(forms)('uses the same tokens for the same bytes in another life, so that the store takes each record once (%s)', async form => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(45, { request: Buffer.alloc(400_000, 'x') });
    const path = writeSegment(folder.path, exchanges, Date.now(), form);
    copyFileSync(path, `${path}.copy`);
    const store = new FakeStore();
    // The first life dies after some inserts: the segment is still there.
    store.refuse = () => (store.inserts.length < 4 ? undefined : new Error('socket hang up'));
    const first = ship(folder.path, store);
    await expect.poll(() => store.attempted.length, patient).toBeGreaterThan(5);
    await first.close(0);
    const before = store.inserts.length;
    store.refuse = () => undefined;
    const second = ship(folder.path, store);
    await settled(folder.path);
    await second.close(1_000);
    expect(before).toBeGreaterThan(2);
    expect(store.count('requests', idsOf(exchanges))).toBe(45);
    expect(store.count('payloads', idsOf(exchanges))).toBe(90);
    // And a third life that ships the whole segment again changes nothing.
    renameSync(`${path}.copy`, path);
    const third = ship(folder.path, store);
    await settled(folder.path);
    await third.close(1_000);
    expect(store.count('requests', idsOf(exchanges))).toBe(45);
    expect(store.count('payloads', idsOf(exchanges))).toBe(90);
  });

  it('keeps batch borders and tokens where they were when a frame is lost to damage between two tries', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(6);
    const path = writeSegment(folder.path, exchanges);
    const store = new FakeStore();
    store.refuse = ({ table }) => (table === 'requests' ? new Error('socket hang up') : undefined);
    const first = ship(folder.path, store);
    await expect.poll(() => store.attempted.filter(({ table }) => table === 'requests').length, patient).toBeGreaterThan(0);
    await first.close(0);
    const file = readFileSync(path);
    file[parseSegment(file, '').frames[0]!.offset + 30]! ^= 1;
    writeFileSync(path, file);
    store.refuse = () => undefined;
    const second = ship(folder.path, store);
    await settled(folder.path);
    await second.close(1_000);
    expect(store.count('attempts', idsOf(exchanges))).toBe(6);
    expect(store.count('requests', idsOf(exchanges))).toBe(5);
    expect(second.stats).toMatchObject({ corrupt: 1 });
  });

  it.for([
    ['packed', 19],
    ['json', 11],
  ] as const)('keeps batches within their bytes and rows of many days apart (%s)', async ([form, mebibytesMax]) => {
    using folder = temporaryFolder();
    const day = 86_400_000;
    const large = exchangesOf(12, { request: Buffer.alloc(2 * 1024 * 1024, 'y') });
    const days = Array.from({ length: 120 }, (_, i) => plainExchange({ receivedAt: Date.now() - i * day }));
    writeSegment(folder.path, [...large, ...days], Date.now(), form);
    const store = new FakeStore();
    const shipper = ship(folder.path, store);
    await settled(folder.path);
    await shipper.close(1_000);
    const payloads = store.inserts.filter(({ table }) => table === 'payloads');
    expect(Math.max(...payloads.map(({ body }) => body.length))).toBeLessThan(mebibytesMax * 1024 * 1024);
    for (const { table, body } of store.inserts) {
      if (table !== 'requests') continue;
      const of = days.filter(({ id }) => body.includes(uuidBytes(id)));
      expect(new Set(of.map(({ receivedAt }) => Math.floor(receivedAt / day))).size).toBeLessThanOrEqual(50);
    }
    expect(store.count('requests', idsOf([...large, ...days]))).toBe(132);
  });

  it('waits while the store is down, for as long as it takes, and tells why', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(10);
    for (let i = 0; i < 10; i++) writeSegment(folder.path, [exchanges[i]!], Date.now() - 10_000 + i);
    const store = new FakeStore();
    store.refuse = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    const lines: string[] = [];
    const shipper = ship(folder.path, store, line => lines.push(line));
    await expect.poll(() => shipper.stats.problem, patient).toMatch(/does not take rows of \w+: connect ECONNREFUSED/);
    await expect.poll(() => shipper.stats).toMatchObject({ queueSegments: 10, exchangesWritten: 0 });
    expect(shipper.stats.oldestSeconds).toBeGreaterThan(9);
    expect(segmentsIn(folder.path)).toHaveLength(10);
    store.refuse = () => undefined;
    await settled(folder.path);
    await expect.poll(() => shipper.stats).toMatchObject({ problem: undefined, exchangesWritten: 10, rejected: 0 });
    expect(store.count('requests', idsOf(exchanges))).toBe(10);
    expect(lines.length).toBeLessThanOrEqual(4);
    await shipper.close(1_000);
  });

  it('skips a torn tail and broken frames, counts them and says so', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(5);
    const path = writeSegment(folder.path, exchanges);
    const file = readFileSync(path);
    const { frames } = parseSegment(file, '');
    file[frames[2]!.offset + 40]! ^= 0xff;
    writeFileSync(path, file.subarray(0, file.length - 7));
    const store = new FakeStore();
    const lines: string[] = [];
    const shipper = ship(folder.path, store, line => lines.push(line));
    await settled(folder.path);
    await shipper.close(1_000);
    await expect.poll(() => shipper.stats).toMatchObject({ corrupt: 1, torn: 1, exchangesWritten: 3 });
    expect(lines.join()).toMatch(/1 broken records and \d+ bytes of an unfinished one were skipped/);
  });

  it('ships what a writer that died left open, and nothing of one that lives', async () => {
    using folder = temporaryFolder();
    const dead = exchangesOf(2);
    const path = writeSegment(folder.path, dead);
    renameSync(path, path.replace('.seg', '.open'));
    const living = openSpool(join(folder.path, 'living'), {
      durability: 'process',
      whenFull: 'refuse',
      bytesMax: 1e9,
      segmentAgeMs: 60_000,
    });
    const unfinished = plainExchange();
    await living.record(unfinished);
    const store = new FakeStore();
    const shipper = ship(folder.path, store);
    await settled(folder.path);
    expect(store.count('requests', idsOf(dead))).toBe(2);
    expect(store.count('requests', [unfinished.id])).toBe(0);
    await living.close();
    await shipper.close(5_000);
    expect(store.count('requests', [unfinished.id])).toBe(1);
  });
});

describe('a segment of version 0.1.0', () => {
  it('goes to the store under the tokens and within the borders that 0.1.0 gave it: it may have been inserted in part', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(5_003);
    const path = writeSegment(folder.path, exchanges, Date.now(), 'json');
    const id = path.split('/').at(-1)!.replace('.seg', '');
    const days = Math.floor(exchanges[0]!.receivedAt / 86_400_000 / 50);
    const { frames } = parseSegment(readFileSync(path), id);
    const store = new FakeStore();
    const shipper = ship(folder.path, store);
    await settled(folder.path);
    await shipper.close(1_000);
    const requests = store.inserts.filter(({ table }) => table === 'requests');
    const places = frames.map(({ offset, sequence }) => `${Math.floor(offset / (8 * 2 ** 20))}.${Math.floor(sequence / 5_000)}`);
    expect(requests.map(({ token }) => token)).toEqual([...new Set(places)].map(place => `${id}.${place}.${days}.requests`));
    expect(requests.length).toBeGreaterThan(2);
    const atBorders = [0, 4_999, 5_000, 5_002].map(i => exchanges[i]!);
    expect(store.count('requests', idsOf(atBorders))).toBe(4);
  });

  it('leaves the rows that the same exchanges leave when they are packed', async () => {
    using folder = temporaryFolder();
    const exchanges = [...exchangesOf(3), plainExchange({ run: 'r', arm: 'a', attempts: [] })];
    const stores = await Promise.all(
      forms.map(async form => {
        const root = join(folder.path, form);
        writeSegment(root, exchanges, Date.now(), form);
        const store = new FakeStore();
        const shipper = ship(root, store);
        await settled(root);
        await shipper.close(1_000);
        return new Map(store.inserts.map(({ table, body }) => [table, body.toString('latin1')]));
      }),
    );
    expect(stores[0]!.size).toBe(4);
    expect(stores[1]).toEqual(stores[0]);
  });
});

describe('what the store refuses', () => {
  it('is halved when it is too much at once, under tokens that another life finds again', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(9);
    const path = writeSegment(folder.path, exchanges);
    const store = new FakeStore();
    const rowsIn = (body: Buffer): number => exchanges.filter(({ id }) => body.includes(uuidBytes(id))).length;
    // It dies on the way: what is halved once stays halved, though the store could take it all later.
    store.refuse = ({ table, body }) => {
      if (table === 'payloads' && rowsIn(body) > 3) return clickhouseError(241, 'Memory limit exceeded');
      return table === 'requests' ? new Error('socket hang up') : undefined;
    };
    const first = ship(folder.path, store);
    await expect.poll(() => store.attempted.filter(({ table }) => table === 'requests').length, patient).toBeGreaterThan(0);
    await first.close(0);
    expect(segmentsIn(folder.path).filter(name => name.endsWith('.splits'))).toHaveLength(1);
    store.refuse = () => undefined;
    const second = ship(folder.path, store);
    await settled(folder.path);
    await second.close(1_000);
    expect(store.count('payloads', idsOf(exchanges))).toBe(18);
    expect(store.count('requests', idsOf(exchanges))).toBe(9);
    expect(second.stats.rejected).toBe(0);
    expect(path).toBeTruthy();
  });

  it('is set aside when it alone is at fault, and the others go on', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(7);
    const poison = exchanges[4]!;
    writeSegment(folder.path, exchanges);
    const store = new FakeStore();
    store.described = columnsOf;
    store.refuse = ({ table, body }) =>
      table === 'attempts' && body.includes(uuidBytes(poison.id)) ? clickhouseError(33, 'Cannot read all data') : undefined;
    const lines: string[] = [];
    const shipper = ship(folder.path, store, line => lines.push(line));
    await settled(folder.path);
    await shipper.close(1_000);
    expect(store.count('attempts', idsOf(exchanges))).toBe(6);
    expect(store.count('requests', idsOf(exchanges))).toBe(7);
    const rejected = readdirSync(join(folder.path, 'rejected'));
    expect(rejected).toEqual([expect.stringMatching(/^[0-9a-f]{24}-4-attempts\.rejected$/)]);
    expect(payloadIdentity(readFileSync(join(folder.path, 'rejected', rejected[0]!))).ids).toContain(poison.id);
    expect(shipper.stats.rejected).toBe(1);
    expect(lines.join()).toMatch(/is set aside in .*Cannot read all data/);
  });

  it('waits instead when the table is not what this version writes: no record is at fault for that', async () => {
    using folder = temporaryFolder();
    const exchanges = exchangesOf(3);
    writeSegment(folder.path, exchanges);
    const store = new FakeStore();
    store.refuse = () => clickhouseError(33, 'Cannot read all data');
    store.described = table => columnsOf(table).slice(1);
    const shipper = ship(folder.path, store);
    await expect.poll(() => store.attempted.length, patient).toBeGreaterThan(2);
    store.refuse = () => undefined;
    await settled(folder.path);
    await shipper.close(1_000);
    for (const table of ['requests', 'attempts'] as const) expect(store.count(table, idsOf(exchanges)), table).toBe(3);
    expect(store.attempted.every(({ token }) => !token.includes('/'))).toBe(true);
    expect(shipper.stats.rejected).toBe(0);
  });

  it('is set aside when no table can hold it', async () => {
    using folder = temporaryFolder();
    const good = exchangesOf(2);
    writeSegment(folder.path, [good[0]!, plainExchange({ id: 'no id' }), good[1]!]);
    const store = new FakeStore();
    const shipper = ship(folder.path, store);
    await settled(folder.path);
    await shipper.close(1_000);
    expect(store.count('requests', idsOf(good))).toBe(2);
    expect(readdirSync(join(folder.path, 'rejected'))).toEqual([expect.stringMatching(/-1-frame\.rejected$/)]);
    await expect.poll(() => shipper.stats).toMatchObject({ rejected: 1, exchangesWritten: 2 });
  });
});
