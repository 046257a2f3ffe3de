/** All that the caller is told of an answer, in order, byte for byte: the record has it, and where a stream can be resumed each piece has a number. */
export class Said {
  readonly #pieces: Buffer[] = [];
  readonly #stream: string | undefined;
  #length = 0;

  /** `stream`: the id that a caller names, with the number of the last piece it has, to go on from there; absent when it may not. */
  constructor(stream?: string) {
    this.#stream = stream;
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** Keeps a piece and gives it as it goes out. One that is no event of a stream has no number. */
  add(text: string, isEvent = true): string {
    const piece = this.#stream === undefined || !isEvent || text === '' ? text : `id: ${this.#stream}.${this.#pieces.length}\n${text}`;
    const bytes = Buffer.from(piece);
    this.#pieces.push(bytes);
    this.#length += bytes.byteLength;
    return piece;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces, this.#length);
  }
}
