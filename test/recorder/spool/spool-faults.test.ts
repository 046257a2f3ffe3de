import type * as Fs from 'node:fs';
import { readdirSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { idsIn, plainExchange, temporaryFolder } from '../plain-exchange.ts';

/** Which of the coming calls fail, by name. Everything else is the real file system. */
const failing = vi.hoisted(() => ({
  fdatasync: [] as boolean[],
  writev: [] as ('whole' | 'half' | 'slow' | false)[],
  ftruncate: [] as boolean[],
  beside: 0,
}));

vi.mock('node:fs', async importOriginal => {
  const fs = await importOriginal<typeof Fs>();
  const eio = (name: string): NodeJS.ErrnoException => Object.assign(new Error(`EIO: i/o error, ${name}`), { code: 'EIO' });
  return {
    ...fs,
    fdatasync: (descriptor: number, done: Fs.NoParamCallback) =>
      failing.fdatasync.shift() ? setImmediate(done, eio('fdatasync')) : fs.fdatasync(descriptor, done),
    ftruncate: (descriptor: number, length: number, done: Fs.NoParamCallback) =>
      failing.ftruncate.shift() ? setImmediate(done, eio('ftruncate')) : fs.ftruncate(descriptor, length, done),
    writev: (descriptor: number, buffers: readonly NodeJS.ArrayBufferView[], done: (error: Error | null, written: number) => void) => {
      failing.beside++;
      fs.writev(descriptor, buffers, done);
    },
    writevSync: (descriptor: number, buffers: readonly NodeJS.ArrayBufferView[]) => {
      const fails = failing.writev.shift();
      if (fails === 'half') fs.writeSync(descriptor, Buffer.from(buffers[0] as Buffer).subarray(0, 100));
      if (fails === 'half' || fails === 'whole') throw eio('write');
      if (fails === 'slow') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      return fs.writevSync(descriptor, buffers);
    },
  };
});

beforeEach(() => Object.assign(failing, { fdatasync: [], writev: [], ftruncate: [], beside: 0 }));

const options = { whenFull: 'refuse', bytesMax: 64 * 1024 * 1024, segmentAgeMs: 60_000 } as const;

describe('a disk that fails', () => {
  it('fails those who wait for a sync that failed, and never asks the same file again', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability: 'power' });
    await sink.record(plainExchange());
    failing.fdatasync = [true];
    await expect(sink.record(plainExchange())).rejects.toThrow(/EIO.*fdatasync/);
    expect(readdirSync(folder.path).filter(name => name.endsWith('.open'))).toEqual([]);
    await sink.record(plainExchange());
    await sink.close();
    expect(readdirSync(folder.path).filter(name => name.endsWith('.seg'))).toHaveLength(2);
  });

  it('cuts a write off again that came half', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability: 'process' });
    const [first, lost, last] = [plainExchange(), plainExchange(), plainExchange()];
    await sink.record(first);
    failing.writev = ['half'];
    await expect(sink.record(lost)).rejects.toThrow(/EIO/);
    expect(sink.refusal()).toMatch(/cannot be written: EIO/);
    await sink.record(last);
    expect(sink.refusal()).toBeUndefined();
    await sink.close();
    expect(idsIn(folder.path)).toEqual([first.id, last.id]);
    expect(readdirSync(folder.path).filter(name => name.endsWith('.seg'))).toHaveLength(1);
  });

  it('is written to beside the event loop when it has kept the loop waiting twice in a short time, not for a single slow write', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability: 'process' });
    const kept = [plainExchange(), plainExchange(), plainExchange(), plainExchange()];
    await sink.record(kept[0]!);
    failing.writev = ['slow'];
    await sink.record(kept[1]!);
    failing.writev = ['slow'];
    await sink.record(kept[2]!);
    expect(failing.beside).toBe(0);
    await sink.record(kept[3]!);
    expect(failing.beside).toBe(1);
    await sink.close();
    expect(idsIn(folder.path)).toEqual(kept.map(({ id }) => id));
  });

  it('leaves a segment whose half write cannot be cut off, and begins another', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability: 'process' });
    const [first, lost, last] = [plainExchange(), plainExchange(), plainExchange()];
    await sink.record(first);
    failing.writev = ['half'];
    failing.ftruncate = [true];
    await expect(sink.record(lost)).rejects.toThrow(/EIO/);
    await sink.record(last);
    await sink.close();
    expect(idsIn(folder.path)).toEqual([first.id, last.id]);
    expect(readdirSync(folder.path).filter(name => name.endsWith('.seg'))).toHaveLength(2);
  });

  it('drops and counts instead, when it may', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, whenFull: 'drop', durability: 'process' });
    failing.writev = ['whole'];
    await sink.record(plainExchange());
    await sink.record(plainExchange());
    await sink.close();
    expect(sink.dropped).toBe(1);
    expect(idsIn(folder.path)).toHaveLength(1);
  });

  it('finds out by itself that the disk works again', async () => {
    using folder = temporaryFolder();
    const sink = openSpool(folder.path, { ...options, durability: 'process' });
    failing.writev = ['whole'];
    await expect(sink.record(plainExchange())).rejects.toThrow(/EIO/);
    expect(sink.refusal()).toMatch(/EIO/);
    await expect.poll(() => sink.refusal(), { timeout: 5_000 }).toBeUndefined();
    await sink.close();
  });
});
