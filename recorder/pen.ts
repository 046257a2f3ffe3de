/** Writes to open files: in the loop where the disk takes bytes at once, beside it where the disk makes one wait. */
import { writev, writevSync } from 'node:fs';

/** The page cache takes so much sooner than a thread of the pool could be woken for it, and for a third of the work. */
const promptBytesMax = 256 * 1024;
/** A disk that kept the loop waiting for longer is written to from the pool for a while. */
const slowMs = 5;
const slowForMs = 10_000;

export class Pen {
  #slowUntil = 0;

  /** All of it, in order; a write that takes only a part goes on with the rest. */
  async write(descriptor: number, buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    let rest = buffers;
    for (let left = bytes; left > 0; ) {
      const isPrompt = left <= promptBytesMax && performance.now() >= this.#slowUntil;
      const written = isPrompt ? this.#writeNow(descriptor, rest) : await writeLater(descriptor, rest);
      left -= written;
      if (left > 0) rest = after(rest, written);
    }
  }

  #writeNow(descriptor: number, buffers: readonly Uint8Array[]): number {
    const before = performance.now();
    const written = writevSync(descriptor, buffers);
    const now = performance.now();
    if (now - before > slowMs) this.#slowUntil = now + slowForMs;
    return written;
  }
}

const writeLater = (descriptor: number, buffers: readonly Uint8Array[]): Promise<number> =>
  new Promise((resolve, reject) => {
    writev(descriptor, buffers, (error, written) => (error ? reject(error) : resolve(written)));
  });

/** The buffers without their first `bytes`. */
function after(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return buffers.flatMap(buffer => {
    const skipped = Math.min(skip, buffer.byteLength);
    skip -= skipped;
    return skipped === buffer.byteLength ? [] : [buffer.subarray(skipped)];
  });
}
