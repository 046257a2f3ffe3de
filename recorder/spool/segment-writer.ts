/** Writes buffers to open files: synchronously while the disk is fast, in the thread pool while it is slow. */
import { writev, writevSync } from 'node:fs';

/** Up to this size a synchronous write into the page cache is faster than waking a pool thread, and takes a third of the CPU. */
const syncWriteBytesMax = 256 * 1024;
/**
 * After two writes of the last few that blocked the event loop for longer, or one for much longer, writes go through the pool for a while.
 * A single one is rather a busy processor's doing, against which the pool does not help.
 */
const slowWriteMs = 5;
const standingMs = 100;
const lookedAtWrites = 20;
const asyncPeriodMs = 10_000;

export class SegmentWriter {
  #asyncUntil = 0;
  /** Since the last slow write. */
  #fastWrites = lookedAtWrites;

  /** Writes everything in order; after a partial write it continues with the rest. */
  async write(descriptor: number, buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    let remaining = buffers;
    for (let bytesLeft = bytes; bytesLeft > 0; ) {
      const isSync = bytesLeft <= syncWriteBytesMax && performance.now() >= this.#asyncUntil;
      const written = isSync ? this.#writeSync(descriptor, remaining) : await writeAsync(descriptor, remaining);
      bytesLeft -= written;
      if (bytesLeft > 0) remaining = bytesAfter(remaining, written);
    }
  }

  #writeSync(descriptor: number, buffers: readonly Uint8Array[]): number {
    const before = performance.now();
    const written = writevSync(descriptor, buffers);
    const now = performance.now();
    this.#timed(now - before, now);
    return written;
  }

  #timed(ms: number, now: number): void {
    if (ms <= slowWriteMs) {
      this.#fastWrites++;
      return;
    }
    if (ms > standingMs || this.#fastWrites < lookedAtWrites) this.#asyncUntil = now + asyncPeriodMs;
    this.#fastWrites = 0;
  }
}

const writeAsync = (descriptor: number, buffers: readonly Uint8Array[]): Promise<number> =>
  new Promise((resolve, reject) => {
    writev(descriptor, buffers, (error, written) => (error ? reject(error) : resolve(written)));
  });

/** The buffers without their first `bytes`. */
function bytesAfter(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return buffers.flatMap(buffer => {
    const skipped = Math.min(skip, buffer.byteLength);
    skip -= skipped;
    return skipped === buffer.byteLength ? [] : [buffer.subarray(skipped)];
  });
}
