/** Reads one file after another into the same memory: buffers of this size would wait long for the garbage collector. */
import { open } from 'node:fs/promises';

/** Memory for larger files is given back. */
const keptBytesMax = 20 * 1024 * 1024;

export class FileReader {
  #buffer = Buffer.alloc(0);

  /** The file's bytes, valid until the next call. */
  async read(path: string): Promise<Buffer> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const buffer = this.#buffer.length >= size ? this.#buffer : Buffer.allocUnsafeSlow(Math.max(size, 1024 * 1024));
      this.#buffer = buffer.length <= keptBytesMax ? buffer : Buffer.alloc(0);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await file.read(buffer, at, size - at, at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return buffer.subarray(0, at);
    } finally {
      await file.close();
    }
  }
}
