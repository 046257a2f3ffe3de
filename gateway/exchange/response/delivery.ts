/** What a caller is told: written to its reader, kept for the record, and proved to be the same on both ways before the last words go out. */
import { hash } from 'node:crypto';
import type { DeliveryDigest, Sealed } from '../../core/exchange.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { ResponseHead, ResponseSink } from '../contract.ts';
import { ByteRing } from './byte-ring.ts';

export class Delivery {
  /** For the record. */
  readonly chunks: Buffer[] = [];
  readonly #sink: ResponseSink;
  /** What the reader was handed. */
  readonly #sent = new ByteRing();
  readonly #streamId: string | undefined;
  #finalText = '';
  #finalBytes: Buffer | undefined;

  /** `stream`: the id that a caller names, with the number of the last piece it has, to go on from there; absent when it may not. */
  constructor(sink: ResponseSink, streamId?: string) {
    this.#sink = sink;
    this.#streamId = streamId;
  }

  get headSent(): boolean {
    return this.#sink.headSent;
  }

  get bytes(): number {
    return this.#sent.bytes;
  }

  sendHead(head: ResponseHead): void {
    this.#sink.sendHead(head);
  }

  /** False asks for a pause. */
  write(text: string): boolean {
    const chunk = this.#withEventId(text);
    return this.#sink.write(chunk, this.#append(chunk));
  }

  /** What is wrong when the record would not be what the caller read; a right build never comes to it. */
  integrityFailure(): Failure | undefined {
    const { frames, bytes } = this.#sent;
    if (frames === 0 && this.chunks.length === 0) return undefined;
    const record = Buffer.concat(this.chunks);
    if (frames === this.chunks.length && bytes === record.length && this.#sent.sha256() === hash('sha256', record)) return undefined;
    return {
      kind: 'internal',
      message: `the record of the answer is not what was delivered (${record.length} of ${bytes} bytes, from byte ${this.#firstDifference()})`,
    };
  }

  /** The last words belong to the record before they go out: only these can be its end. What is no event of a stream has no number. */
  finish(text: string, isEvent = true): { readonly response: Buffer; readonly delivered: DeliveryDigest } {
    this.#finalText = text === '' || !isEvent ? text : this.#withEventId(text);
    // An answer in one piece needs no ring.
    if (this.#sent.frames === 0) {
      const response = Buffer.from(this.#finalText);
      this.#finalBytes = response;
      return { response, delivered: { sha256: hash('sha256', response), events: text === '' ? 0 : 1, bytes: response.length } };
    }
    if (text !== '') this.#finalBytes = this.#append(this.#finalText);
    const { frames, bytes } = this.#sent;
    return { response: Buffer.concat(this.chunks, bytes), delivered: { sha256: this.#sent.sha256(), events: frames, bytes } };
  }

  end(head: ResponseHead, sealed: Sealed): void {
    this.#sink.end(this.#finalText, head, sealed, this.#finalBytes);
  }

  fail(text: string, head: ResponseHead): void {
    this.#sink.fail(text, head);
  }

  #append(piece: string): Buffer {
    const bytes = Buffer.from(piece);
    this.chunks.push(bytes);
    this.#sent.append(bytes);
    return bytes;
  }

  #withEventId(text: string): string {
    return this.#streamId === undefined ? text : `id: ${this.#streamId}.${this.#sent.frames}\n${text}`;
  }

  /** As far as the ring remembers. */
  #firstDifference(): number {
    const newest = this.#sent.newest();
    const from = this.#sent.bytes - newest.length;
    const kept = Buffer.concat(this.chunks).subarray(from);
    const at = newest.findIndex((byte, i) => byte !== kept[i]);
    return at < 0 ? from + newest.length : from + at;
  }
}
