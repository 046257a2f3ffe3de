/** Bytes for the caller: sent to its sink, kept for the record, and verified to be equal before the last bytes go out. */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { DeliveryDigest, Sealed } from '../../core/exchange.ts';
import type { Failure } from '../../core/shared/failure.ts';
import type { ResponseHead, ResponseSink } from '../contract.ts';

export interface DeliveredResponse {
  readonly response: Buffer;
  readonly delivered: DeliveryDigest;
}

const emptyBuffer: Buffer = Buffer.alloc(0);

export class Delivery {
  /** For the record. */
  readonly chunks: Buffer[] = [];
  /** What the sink was handed: bytes and pieces. */
  bytes = 0;
  readonly #sink: ResponseSink;
  readonly #sent: Buffer[] = [];
  /** Of all bytes, taken as they were handed over. */
  #checksum = 0;
  readonly #streamId: string | undefined;
  #finalBytes: Buffer = emptyBuffer;

  /** `streamId`: what a caller names, with the number of its last piece, to resume from there; absent when it may not. */
  constructor(sink: ResponseSink, streamId?: string) {
    this.#sink = sink;
    this.#streamId = streamId;
  }

  get headSent(): boolean {
    return this.#sink.headSent;
  }

  sendHead(head: ResponseHead): void {
    this.#sink.sendHead(head);
  }

  /** Hands over one event of a stream; false requests a pause. */
  write(event: string | Buffer): boolean {
    return this.#sink.write(this.#append(this.#withEventId(event)));
  }

  /** What is wrong when the record would not be what the caller read; a right build never comes to it. */
  integrityFailure(): Failure | undefined {
    if (this.#sent.length === 0 && this.chunks.length === 0) return undefined;
    const record = Buffer.concat(this.chunks);
    const isSame = this.#sent.length === this.chunks.length && this.bytes === record.length && this.#checksum === crc32(record);
    if (isSame) return undefined;
    return {
      kind: 'internal',
      message: `the record of the answer is not what was delivered (${record.length} of ${this.bytes} bytes, from byte ${this.#firstDifference()})`,
    };
  }

  /** The last words belong to the record before they go out: only these can be its end. What is no event of a stream has no number. */
  finish(text: string, isEvent = true): DeliveredResponse {
    if (text === '' && this.#sent.length === 0) return nothingDelivered;
    const last = isEvent ? this.#withEventId(text) : text;
    if (this.#sent.length === 0) return this.finishWhole(Buffer.from(last));
    if (text !== '') this.#finalBytes = this.#append(last);
    const response = Buffer.concat(this.chunks, this.bytes);
    return { response, delivered: { sha256: hash('sha256', response), events: this.#sent.length, bytes: this.bytes } };
  }

  /** The same for an answer in one piece; nothing may have been written before it. */
  finishWhole(bytes: Buffer): DeliveredResponse {
    this.#finalBytes = bytes;
    return { response: bytes, delivered: { sha256: hash('sha256', bytes), events: 1, bytes: bytes.length } };
  }

  end(head: ResponseHead, sealed: Sealed): void {
    this.#sink.end(this.#finalBytes, head, sealed);
  }

  fail(text: string, head: ResponseHead): void {
    this.#sink.fail(text, head);
  }

  #append(piece: string | Buffer): Buffer {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.chunks.push(bytes);
    this.#sent.push(bytes);
    this.bytes += bytes.length;
    this.#checksum = crc32(bytes, this.#checksum);
    return bytes;
  }

  #withEventId(event: string | Buffer): string | Buffer {
    return this.#streamId === undefined ? event : `id: ${this.#streamId}.${this.#sent.length}\n${event}`;
  }

  #firstDifference(): number {
    const [sent, kept] = [Buffer.concat(this.#sent), Buffer.concat(this.chunks)];
    const at = sent.findIndex((byte, i) => byte !== kept[i]);
    return at < 0 ? sent.length : at;
  }
}

const nothingDelivered: DeliveredResponse = {
  response: emptyBuffer,
  delivered: { sha256: hash('sha256', emptyBuffer), events: 0, bytes: 0 },
};
