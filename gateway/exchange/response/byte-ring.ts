/** What went out on one wire: a ring of its newest bytes and a digest of all of them, in bounded memory however long the answer is. */
import { createHash, type Hash } from 'node:crypto';

/** A power of two, like the sizes that lead to it. */
const sizeMaxDefault = 256 * 1024;
/** What a short answer needs; none at all is taken before there is something to keep. */
const sizeMin = 4 * 1024;
const emptyBuffer = Buffer.alloc(0);

export class ByteRing {
  /** What was put, and of how many bytes it was. */
  frames = 0;
  bytes = 0;
  readonly #sizeMax: number;
  /** Undefined as long as nothing had to be digested: most answers come whole. */
  #hash: Hash | undefined;
  #ring = emptyBuffer;
  /** So many bytes are in the digest; those after them are in the ring. Digesting many at once costs a tenth of digesting each event. */
  #digested = 0;
  /** Nothing before this byte is in the ring, which may have been smaller once. */
  #oldest = 0;

  constructor(sizeMax = sizeMaxDefault) {
    this.#sizeMax = sizeMax;
  }

  append(bytes: Buffer): void {
    this.frames++;
    this.#grow(this.bytes - this.#digested + bytes.length);
    if (this.bytes - this.#digested + bytes.length > this.#ring.length) this.#digest();
    if (bytes.length > this.#ring.length) {
      this.#update(bytes);
      this.#digested += bytes.length;
    }
    this.bytes += bytes.length;
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#ring.length));
    this.#copyAt(kept, this.bytes - kept.length);
  }

  /** The newest bytes, as far as they are kept. */
  newest(): Buffer {
    return Buffer.concat(this.#range(Math.max(this.#oldest, this.bytes - this.#ring.length), this.bytes));
  }

  /** Hex, of everything that was put. */
  sha256(): string {
    this.#digest();
    return (this.#hash ?? createHash('sha256')).copy().digest('hex');
  }

  #grow(needed: number): void {
    let size = Math.max(Math.min(sizeMin, this.#sizeMax), this.#ring.length);
    while (size < needed && size < this.#sizeMax) size *= 2;
    if (size === this.#ring.length) return;
    const kept = this.newest();
    this.#oldest = this.bytes - kept.length;
    this.#ring = Buffer.allocUnsafe(size);
    this.#copyAt(kept, this.bytes - kept.length);
  }

  #copyAt(bytes: Buffer, position: number): void {
    const at = position % this.#ring.length;
    const untilEnd = bytes.subarray(0, this.#ring.length - at);
    this.#ring.set(untilEnd, at);
    this.#ring.set(bytes.subarray(untilEnd.length), 0);
  }

  #digest(): void {
    for (const piece of this.#range(this.#digested, this.bytes)) this.#update(piece);
    this.#digested = this.bytes;
  }

  #update(bytes: Buffer): void {
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
  }

  #range(from: number, to: number): readonly Buffer[] {
    if (from === to) return [];
    const size = this.#ring.length;
    const start = from % size;
    const end = start + to - from;
    return end <= size ? [this.#ring.subarray(start, end)] : [this.#ring.subarray(start), this.#ring.subarray(0, end - size)];
  }
}
