/** Finds a secret that comes in pieces, each at the end or the beginning of a JSON string: as a stream gives a text, a few characters an event. */

const quote = 0x22;
/** Shorter pieces are in every text. */
const pieceLengthMin = 3;
/** What comes before the key's own letters is no secret: `sk-ant-api03-` stands in many texts. */
const visiblePrefixMax = 12;
/** What lies between two pieces of a text, at the most. */
const gapMax = 8_192;

const noRest: Buffer = Buffer.alloc(0);

export class SplitSecretMasker {
  readonly #secret: Buffer;
  readonly #begin: Buffer;
  readonly #visibleMax: number;
  /** Number of its bytes already emitted. */
  #matched = 0;
  #distance = 0;
  #rest: Buffer = noRest;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#begin = secret.subarray(0, pieceLengthMin);
    this.#visibleMax = Math.min(visiblePrefixMax, Math.ceil(secret.length / 2));
  }

  /** What has to come next for it to go on, with the quote before it; empty while none was begun. */
  get rest(): Buffer {
    return this.#rest;
  }

  /** Whether nothing in these bytes could be a piece, so that they need not be looked at further. */
  passes(bytes: Buffer): boolean {
    return this.#matched === 0 && bytes.indexOf(this.#begin) < 0;
  }

  /** Covers the pieces, in place; `own` gives the bytes that may be written. */
  mask(bytes: Buffer, writable: () => Buffer): void {
    for (let at = 0; at >= 0 && at < bytes.length; )
      at = this.#matched === 0 ? this.#matchStart(bytes, at, writable) : this.#matchNext(bytes, at, writable);
  }

  #matchStart(bytes: Buffer, from: number, writable: () => Buffer): number {
    const at = bytes.indexOf(this.#begin, from);
    if (at < 0) return -1;
    const length = this.#matchLength(bytes, at, 0);
    if (bytes[at + length] !== quote) return at + 1;
    this.#maskMatch(length, at, length, writable);
    return at + length;
  }

  /** Another beginning is as good as the one before. */
  #matchNext(bytes: Buffer, from: number, writable: () => Buffer): number {
    const next = bytes.indexOf(this.#rest.subarray(0, pieceLengthMin + 1), from);
    const fresh = bytes.indexOf(this.#begin, from);
    const isFresh = fresh >= 0 && (next < 0 || fresh < next);
    const at = isFresh ? fresh : next + 1;
    this.#distance += (isFresh || next >= 0 ? at : bytes.length) - from;
    if (this.#distance > gapMax) this.#reset();
    if (!isFresh && next < 0) return -1;
    if (this.#matched === 0) return isFresh ? fresh : next;
    const before = isFresh ? 0 : this.#matched;
    const length = this.#matchLength(bytes, at, before);
    const isPiece = before + length === this.#secret.length || bytes[at + length] === quote;
    if (isPiece) this.#maskMatch(before + length, at, length, writable);
    return isPiece ? at + length : at + 1;
  }

  #maskMatch(matched: number, at: number, length: number, writable: () => Buffer): void {
    if (matched > this.#visibleMax) writable().fill('*', at, at + length);
    this.#distance = 0;
    this.#matched = matched === this.#secret.length ? 0 : matched;
    this.#rest = this.#matched === 0 ? noRest : Buffer.concat([Buffer.of(quote), this.#secret.subarray(this.#matched)]);
  }

  #reset(): void {
    this.#matched = 0;
    this.#rest = noRest;
  }

  /** How many bytes from there are the secret's from that one on. */
  #matchLength(bytes: Buffer, at: number, from: number): number {
    let length = 0;
    while (from + length < this.#secret.length && bytes[at + length] === this.#secret[from + length]) length++;
    return length;
  }
}
