/** Finds a secret that comes in pieces, each at the end or the beginning of a JSON string: as a stream gives a text, a few characters an event. */

const quote = 0x22;
/** Shorter pieces are in every text. */
const pieceMin = 3;
/** What comes before the key's own letters is no secret: `sk-ant-api03-` stands in many texts. */
const openMax = 12;
/** What lies between two pieces of a text, at the most. */
const betweenMax = 8_192;

export class Pieces {
  readonly #secret: Buffer;
  readonly #begin: Buffer;
  readonly #open: number;
  /** So many of its bytes have been said. */
  #said = 0;
  #since = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#begin = secret.subarray(0, pieceMin);
    this.#open = Math.min(openMax, Math.ceil(secret.length / 2));
  }

  /** What has to come next for it to go on, with the quote before it; empty while none was begun. */
  get rest(): Buffer {
    return this.#rest;
  }

  /** Covers the pieces, in place; `own` gives the bytes that may be written. */
  cover(bytes: Buffer, own: () => Buffer): void {
    for (let at = 0; at >= 0 && at < bytes.length; ) at = this.#said === 0 ? this.#begun(bytes, at, own) : this.#wentOn(bytes, at, own);
  }

  #begun(bytes: Buffer, from: number, own: () => Buffer): number {
    const at = bytes.indexOf(this.#begin, from);
    if (at < 0) return -1;
    const length = this.#alike(bytes, at, 0);
    if (bytes[at + length] !== quote) return at + 1;
    this.#take(length, at, length, own);
    return at + length;
  }

  /** Another beginning is as good as the one before. */
  #wentOn(bytes: Buffer, from: number, own: () => Buffer): number {
    const next = bytes.indexOf(this.#rest.subarray(0, pieceMin + 1), from);
    const fresh = bytes.indexOf(this.#begin, from);
    const isFresh = fresh >= 0 && (next < 0 || fresh < next);
    const at = isFresh ? fresh : next + 1;
    this.#since += (isFresh || next >= 0 ? at : bytes.length) - from;
    if (this.#since > betweenMax) this.#forget();
    if (!isFresh && next < 0) return -1;
    if (this.#said === 0) return isFresh ? fresh : next;
    const before = isFresh ? 0 : this.#said;
    const length = this.#alike(bytes, at, before);
    const isPiece = before + length === this.#secret.length || bytes[at + length] === quote;
    if (isPiece) this.#take(before + length, at, length, own);
    return isPiece ? at + length : at + 1;
  }

  #take(said: number, at: number, length: number, own: () => Buffer): void {
    if (said > this.#open) own().fill('*', at, at + length);
    this.#since = 0;
    this.#said = said === this.#secret.length ? 0 : said;
    this.#rest = this.#said === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(quote), this.#secret.subarray(this.#said)]);
  }

  #forget(): void {
    this.#said = 0;
    this.#rest = Buffer.alloc(0);
  }

  /** How many bytes from there are the secret's from that one on. */
  #alike(bytes: Buffer, at: number, from: number): number {
    let length = 0;
    while (from + length < this.#secret.length && bytes[at + length] === this.#secret[from + length]) length++;
    return length;
  }
}
