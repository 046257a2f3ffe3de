import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExchangeSink } from '../../../gateway/core/exchange.ts';
import { parseSegment } from '../../../recorder/spool/segment.ts';
import { openSpool, type SpoolOptions } from '../../../recorder/spool/spool.ts';
import { idsIn, plainExchange, temporaryFolder } from '../plain-exchange.ts';

const options: SpoolOptions = { durability: 'process', whenFull: 'refuse', bytesMax: 64 * 1024 * 1024 };
const record = async (sink: ExchangeSink, count: number, changes = {}): Promise<readonly string[]> => {
  const exchanges = Array.from({ length: count }, () => plainExchange(changes));
  await Promise.all(exchanges.map(exchange => sink.record(exchange)));
  return exchanges.map(({ id }) => id);
};
const namesIn = (folder: string, ending: string): string[] => readdirSync(folder).filter(name => name.endsWith(ending));
const framesIn = (path: string): number => parseSegment(readFileSync(path), '').frames.length;
const kilobytes = (count: number) => ({ request: Buffer.alloc(count * 1024, 'x') });

describe('the spool', () => {
  it.for(['process', 'power', 'off'] as const)('keeps what was recorded, in order, with durability %s', async durability => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability });
    const ids = [...(await record(sink, 20)), ...(await record(sink, 1)), ...(await record(sink, 30))];
    if (durability !== 'off') expect(idsIn(folder.path)).toEqual(ids);
    await sink.close();
    expect(idsIn(folder.path)).toEqual(ids);
    expect(sink.dropped).toBe(0);
  });

  it('resolves only when the bytes are with the kernel, so a reader finds them at once', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, options);
    for (let i = 0; i < 20; i++) {
      const [id] = await record(sink, 1);
      expect(idsIn(folder.path).at(-1)).toBe(id);
    }
    await sink.close();
  });

  it('gives files to nobody else', async () => {
    using folder = temporaryFolder();
    const own = join(folder.path, 'spool', 'gateway-0');
    const sink = openSpool(own, options);
    await record(sink, 1);
    await sink.close();
    for (const name of readdirSync(own)) expect(statSync(join(own, name)).mode & 0o777, name).toBe(0o600);
    for (const place of [own, join(folder.path, 'spool')]) expect(statSync(place).mode & 0o777).toBe(0o700);
  });

  it('closes a segment at its size', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, segmentBytes: 20_000, segmentAgeMs: 60_000 });
    const ids = await record(sink, 40, kilobytes(2));
    await sink.close();
    const sizes = namesIn(folder.path, '.seg').map(name => statSync(join(folder.path, name)).size);
    expect(sizes.length).toBeGreaterThan(4);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000);
    expect(idsIn(folder.path)).toEqual(ids);
  });

  it('closes a segment at its age, so that little traffic is shipped soon, and leaves an idle spool alone', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, segmentAgeMs: 30 });
    await record(sink, 1);
    expect(namesIn(folder.path, '.open')).toHaveLength(1);
    await expect.poll(() => namesIn(folder.path, '.seg').length).toBe(1);
    expect(namesIn(folder.path, '.open')).toEqual([]);
    await sink.close();
    expect(namesIn(folder.path, '.seg')).toHaveLength(1);
  });

  it('closes a segment at its number of records, so that a whole one is one insert', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, segmentFrames: 25, segmentAgeMs: 60_000 });
    const ids = [...(await record(sink, 60)), ...(await record(sink, 15))];
    expect(namesIn(folder.path, '.open')).toEqual([]);
    expect(namesIn(folder.path, '.seg').map(name => framesIn(join(folder.path, name)))).toEqual([25, 25, 25]);
    expect(idsIn(folder.path)).toEqual(ids);
    await sink.close();
  });

  it('makes larger segments while the recorder is behind', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, segmentAgeMs: 20 });
    const until = Date.now() + 600;
    while (Date.now() < until) {
      await record(sink, 1);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    expect(namesIn(folder.path, '.seg').length).toBeLessThanOrEqual(4);
    await sink.close();
  });

  it('has one writer a folder', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, options);
    expect(() => openSpool(folder.path, { ...options, lockWaitMs: 50 })).toThrow(/another process writes in .*store\.path/);
    await sink.close();
    await openSpool(folder.path, options).close();
  });

  it('takes nothing after it was closed', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, options);
    await sink.close();
    await expect(sink.record(plainExchange())).rejects.toThrow(/closed/);
  });

  it('closes what its predecessor left open, torn tail and all, and goes on beside it', async () => {
    using folder = temporaryFolder();
    const before = openSpool(folder.path, options);
    const ids = await record(before, 3);
    await before.close();
    const [name] = namesIn(folder.path, '.seg');
    const left = join(folder.path, name!.replace('.seg', '.open'));
    renameSync(join(folder.path, name!), left);
    appendFileSync(left, Buffer.from('HCF\u0001 half a fra'));
    const after = openSpool(folder.path, options);
    const more = await record(after, 2);
    await after.close();
    expect(idsIn(folder.path)).toEqual([...ids, ...more]);
    expect(namesIn(folder.path, '.open')).toEqual([]);
  });

  it('holds any exchanges in any grouping', async () => {
    const { exchange } = await import('../arbitrary-exchange.ts');
    const groups = fc.array(fc.array(exchange, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(groups, fc.integer({ min: 500, max: 5_000 }), async (written, segmentBytes) => {
        using folder = temporaryFolder();
        const sink = openSpool(folder.path, { ...options, segmentBytes });
        for (const group of written) await Promise.all(group.map(e => sink.record(e)));
        await sink.close();
        expect(idsIn(folder.path)).toEqual(written.flat().map(({ id }) => id));
      }),
      { numRuns: process.env.HINDCAST_LONG ? 300 : 20 },
    );
  });
});

describe('a full spool', () => {
  const small: SpoolOptions = { ...options, bytesMax: 400 * 1024, segmentAgeMs: 30 };

  it('refuses new requests before those that are admitted find no room, and takes them again when segments are shipped', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, small);
    const ids: string[] = [];
    while (sink.refusal() === undefined) ids.push(...(await record(sink, 1, kilobytes(8))));
    expect(sink.refusal()).toMatch(/is full: .* MiB wait for the store, the limit is .*recorder\.spool_max/);
    const admitted = await record(sink, 4, kilobytes(8));
    expect(idsIn(folder.path)).toEqual([...ids, ...admitted]);
    const size = readdirSync(folder.path).reduce((sum, name) => sum + statSync(join(folder.path, name)).size, 0);
    expect(size).toBeLessThanOrEqual(small.bytesMax);
    for (const name of namesIn(folder.path, '.seg')) rmSync(join(folder.path, name));
    await expect.poll(() => sink.refusal(), { timeout: 5_000 }).toBeUndefined();
    await record(sink, 1);
    await sink.close();
    expect(sink.dropped).toBe(0);
  });

  it('rejects a record that has no room, and loses none of those it took', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, small);
    const taken: string[] = [];
    for (let i = 0; i < 80; i++) {
      const exchange = plainExchange(kilobytes(8));
      await sink.record(exchange).then(
        () => taken.push(exchange.id),
        (error: Error) => expect(error.message).toMatch(/is full/),
      );
    }
    await sink.close();
    expect(taken.length).toBeLessThan(80);
    expect(idsIn(folder.path)).toEqual(taken);
  });

  it('drops and counts when it may, and never refuses', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...small, whenFull: 'drop' });
    const ids = await record(sink, 80, kilobytes(8));
    expect(sink.refusal()).toBeUndefined();
    await sink.close();
    expect(sink.dropped).toBeGreaterThan(0);
    expect(idsIn(folder.path)).toEqual(ids.slice(0, 80 - sink.dropped));
  });

  it('counts what other writers and earlier lives left on disk', async () => {
    using folder = temporaryFolder();
    const other = join(folder.path, 'other');
    mkdirSync(other);
    writeFileSync(join(other, '0192f0c12b3c0123456789ab.seg'), Buffer.alloc(300 * 1024));
    writeFileSync(join(other, '0192f0c12b3c0123456789ac.open'), Buffer.alloc(60 * 1024));
    const sink = openSpool(join(folder.path, 'own'), { ...small, root: folder.path });
    expect(sink.refusal()).toMatch(/is full/);
    rmSync(other, { recursive: true });
    await expect.poll(() => sink.refusal(), { timeout: 5_000 }).toBeUndefined();
    await sink.close();
  });
});

/** A disk of a given size; only root may have one. */
function mountDisk(path: string, bytes: number): (() => void) | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'ignore' });
    return () => execFileSync('umount', ['-l', path]);
  } catch {
    return undefined;
  }
}

describe('a disk without room', () => {
  it.for(['process', 'power'] as const)('costs no record that was acknowledged, with durability %s', async (durability, { skip }) => {
    using folder = temporaryFolder();
    const unmount = mountDisk(folder.path, 2 * 1024 * 1024);
    if (!unmount) return skip('a tmpfs cannot be mounted here');
    try {
      const sink = openSpool(join(folder.path, 'own'), { ...options, durability, segmentAgeMs: 50 });
      // Somebody else fills the disk, faster than the spool looks.
      writeFileSync(join(folder.path, 'others'), Buffer.alloc(1_500 * 1024));
      const taken: string[] = [];
      let refused = 0;
      for (let i = 0; i < 60; i++) {
        const exchange = plainExchange(kilobytes(16));
        await sink.record(exchange).then(
          () => taken.push(exchange.id),
          () => refused++,
        );
      }
      expect(refused).toBeGreaterThan(0);
      expect(sink.refusal()).toMatch(/cannot be written: ENOSPC|no more room/);
      expect(idsIn(join(folder.path, 'own'))).toEqual(taken);
      rmSync(join(folder.path, 'others'));
      await expect.poll(() => sink.refusal(), { timeout: 5_000 }).toBeUndefined();
      const more = await record(sink, 3);
      await sink.close();
      expect(idsIn(join(folder.path, 'own'))).toEqual([...taken, ...more]);
    } finally {
      unmount();
    }
  });
});
