/** Tells at a glance that none of some needles is in a chunk: nearly all chunks are let through by it, for a tenth of what searching costs. */

const gramLength = 4;
const bits = 13;

export class Sieve {
  /** Every four bytes in a row of every needle, and places for them by a hash. */
  readonly #grams = new Set<number>();
  readonly #places = new Uint8Array(2 ** bits);
  /** Bytes with which a chunk may end in the beginning of a needle. */
  readonly #openings = new Uint8Array(256);
  /** A needle, wherever it stands, covers one whole gram that begins at a multiple of this. */
  readonly #stride: number;

  /** None is shorter than four bytes. */
  constructor(needles: readonly Buffer[]) {
    this.#stride = Math.min(...needles.map(({ length }) => length)) - gramLength + 1;
    for (const needle of needles) {
      for (const byte of needle.subarray(0, -1)) this.#openings[byte] = 1;
      for (let at = 0; at + gramLength <= needle.length; at++) {
        const gram = gramAt(needle, at);
        this.#grams.add(gram);
        this.#places[placeOf(gram)] = 1;
      }
    }
  }

  /** False when no needle is in the bytes, and none begins at their end. */
  mayHold(bytes: Uint8Array): boolean {
    const { length } = bytes;
    if (length > 0 && this.#openings[bytes[length - 1]!] === 1) return true;
    for (let at = 0; at + gramLength <= length; at += this.#stride) {
      const gram = gramAt(bytes, at);
      if (this.#places[placeOf(gram)] === 1 && this.#grams.has(gram)) return true;
    }
    return false;
  }
}

const gramAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

const placeOf = (gram: number): number => Math.imul(gram, 0x9e3779b1) >>> (32 - bits);
