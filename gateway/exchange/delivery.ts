/** What a caller is told: written to its reader, kept for the record, and proved to be the same on both ways before the last words go out. */
import { hash } from 'node:crypto';
import type { Delivered, Sealed } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Head, Reader } from './contract.ts';
import { Ring } from './ring.ts';

export class Delivery {
  /** For the record. */
  readonly kept: Buffer[] = [];
  readonly #reader: Reader;
  /** What the reader was handed. */
  readonly #ring = new Ring();
  readonly #stream: string | undefined;
  #last = '';
  #lastBytes: Buffer | undefined;

  /** `stream`: the id that a caller names, with the number of the last piece it has, to go on from there; absent when it may not. */
  constructor(reader: Reader, stream?: string) {
    this.#reader = reader;
    this.#stream = stream;
  }

  get begun(): boolean {
    return this.#reader.begun;
  }

  get bytes(): number {
    return this.#ring.bytes;
  }

  begin(head: Head): void {
    this.#reader.begin(head);
  }

  /** False asks for a pause. */
  write(text: string): boolean {
    const piece = this.#numbered(text);
    return this.#reader.write(piece, this.#keep(piece));
  }

  /** What is wrong when the record would not be what the caller read; a right build never comes to it. */
  fault(): Failure | undefined {
    const { frames, bytes } = this.#ring;
    if (frames === 0 && this.kept.length === 0) return undefined;
    const record = Buffer.concat(this.kept);
    if (frames === this.kept.length && bytes === record.length && this.#ring.sha256() === hash('sha256', record)) return undefined;
    return {
      kind: 'internal',
      message: `the record of the answer is not what was delivered (${record.length} of ${bytes} bytes, from byte ${this.#differsAt()})`,
    };
  }

  /** The last words belong to the record before they go out: only these can be its end. What is no event of a stream has no number. */
  close(text: string, isEvent = true): { readonly response: Buffer; readonly delivered: Delivered } {
    this.#last = text === '' || !isEvent ? text : this.#numbered(text);
    // An answer in one piece needs no ring.
    if (this.#ring.frames === 0) {
      const response = Buffer.from(this.#last);
      this.#lastBytes = response;
      return { response, delivered: { sha256: hash('sha256', response), events: text === '' ? 0 : 1, bytes: response.length } };
    }
    if (text !== '') this.#lastBytes = this.#keep(this.#last);
    const { frames, bytes } = this.#ring;
    return { response: Buffer.concat(this.kept, bytes), delivered: { sha256: this.#ring.sha256(), events: frames, bytes } };
  }

  end(head: Head, sealed: Sealed): void {
    this.#reader.end(this.#last, head, sealed, this.#lastBytes);
  }

  fail(text: string, head: Head): void {
    this.#reader.fail(text, head);
  }

  #keep(piece: string): Buffer {
    const bytes = Buffer.from(piece);
    this.kept.push(bytes);
    this.#ring.put(bytes);
    return bytes;
  }

  #numbered(text: string): string {
    return this.#stream === undefined ? text : `id: ${this.#stream}.${this.#ring.frames}\n${text}`;
  }

  /** As far as the ring remembers. */
  #differsAt(): number {
    const newest = this.#ring.newest();
    const from = this.#ring.bytes - newest.length;
    const kept = Buffer.concat(this.kept).subarray(from);
    const at = newest.findIndex((byte, i) => byte !== kept[i]);
    return at < 0 ? from + newest.length : from + at;
  }
}
