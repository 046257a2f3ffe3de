/** Reads the provider's response of a passed-through request: a non-streaming body, a stream, or an error response. */

import { isObject, type JsonObject, parseJson } from '../core/chat/json.ts';
import type { Provider, StreamFlag } from '../core/chat/provider.ts';
import { type Failure, internalFailure } from '../core/shared/failure.ts';
import type { Milliseconds } from '../core/shared/time.ts';
import { objectsIn } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';
import { EventSplitter } from './event-splitter.ts';

/** `completed` or `failed` is called exactly once. */
export interface UpstreamResponseListener {
  /** The first bytes of a stream. */
  opened(): void;
  bytesReady(): void;
  completed(): void;
  failed(failure: Failure): void;
}

/** Of a stream no more than this is recorded. */
const recordedBytesMax = 16 * 1024 * 1024;
const failureBytesMax = 64 * 1024;
const arrivalsMax = 100_000;

/** The response of one attempt, fed by the transport; it reports to the listener what the execution needs. */
export class UpstreamResponse {
  status = 0;
  headers: Readonly<Record<string, string>> = {};
  isStream = false;
  readonly flags: StreamFlag[] = [];
  readonly arrivals: [Milliseconds, number][] = [];
  readonly #endpoint: Endpoint;
  readonly #provider: Provider;
  readonly #listener: UpstreamResponseListener;
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  /** Of a stream: the bytes that have not gone to the caller yet. */
  #ready: Uint8Array[] = [];
  readonly #events = new EventSplitter();
  #rest: Buffer = Buffer.alloc(0);
  #isOver = false;
  #deliveredBytes = 0;
  /** Whether the first content of a stream has arrived. */
  hasOpened = false;

  constructor(endpoint: Endpoint, provider: Provider, listener: UpstreamResponseListener) {
    this.#endpoint = endpoint;
    this.#provider = provider;
    this.#listener = listener;
  }

  get contentType(): string {
    return this.headers['content-type'] ?? '';
  }

  get isEventStream(): boolean {
    return /^text\/event-stream/i.test(this.contentType);
  }

  onHeaders(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    const isSuccess = status >= 200 && status < 300;
    this.isStream = isSuccess && (this.isEventStream || (this.#endpoint.operation === 'speech' && !/json|html/i.test(this.contentType)));
  }

  onChunk(bytes: Uint8Array, afterMs: Milliseconds): void {
    if (this.#isOver) return;
    if (this.arrivals.length < arrivalsMax) this.arrivals.push([afterMs, bytes.byteLength]);
    this.#buffer(bytes);
    if (!this.isStream) {
      if (this.status >= 300 && this.#receivedBytes > failureBytesMax) this.#failWithStatus();
      return;
    }
    const pieces = this.isEventStream ? this.#events.push(bytes) : [bytes];
    if (!pieces) return this.#fail({ kind: 'invalid-response', message: 'an event exceeds 64 MiB', status: this.status });
    for (const piece of pieces) {
      const failure = this.#failureAmong(piece);
      if (failure) return this.#fail(failure);
      this.#ready.push(piece);
    }
    this.#open(pieces.length > 0 || this.#events.isComplete);
    if (!this.#isOver) this.#listener.bytesReady();
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (this.status < 200 || this.status >= 300) return this.#failWithStatus();
    const failure = this.isStream ? this.#streamFailure() : this.#bodyFailure();
    if (failure)
      return this.#fail(typeof failure === 'string' ? { kind: 'invalid-response', message: failure, status: this.status } : failure);
    this.#isOver = true;
    this.#listener.completed();
  }

  onBreak(failure: Failure): void {
    if (this.status >= 300) this.#failWithStatus();
    else this.#fail(failure);
  }

  body(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** The bytes that go into the record, 16 MiB at most. */
  recorded(): Buffer {
    return this.body().subarray(0, recordedBytesMax);
  }

  /** Bytes of a stream that may go to the caller now; each is returned once. */
  takeReady(): Buffer {
    const taken = Buffer.concat(this.#ready);
    this.#ready = [];
    this.#deliveredBytes += taken.length;
    return taken;
  }

  /** The remaining bytes, with the final event. */
  takeRest(): Buffer {
    return Buffer.concat([this.takeReady(), this.#rest]);
  }

  /** The part of a broken stream that the caller got. */
  delivered(): Buffer {
    return this.recorded().subarray(0, this.#deliveredBytes);
  }

  #open(hasContent: boolean): void {
    if (this.hasOpened || !hasContent) return;
    this.hasOpened = true;
    this.#listener.opened();
  }

  /** An event stream must end with its final event. */
  #streamFailure(): Failure | undefined {
    if (!this.isEventStream) return undefined;
    this.#rest = this.#events.flush();
    const failure = this.#failureAmong(this.#rest);
    if (failure || this.#events.isComplete) return failure;
    return { kind: 'truncated', message: 'the stream ended without its final event', status: this.status };
  }

  /** The provider's error event does not go to the caller. */
  #failureAmong(event: Uint8Array): Failure | undefined {
    if (!this.isEventStream || event.byteLength > failureBytesMax || !Buffer.from(event).includes('"error"')) return undefined;
    return this.#failureIn(objectsIn(this.contentType, Buffer.from(event)));
  }

  #failureIn(events: readonly JsonObject[]): Failure | undefined {
    const errorEvent = events.find(event => isObject(event.error) || event.type === 'error');
    if (!errorEvent) return undefined;
    const read = this.#provider.parseResponse(isObject(errorEvent.error) ? errorEvent : { error: errorEvent });
    return 'kind' in read ? read : { kind: 'server-error', message: JSON.stringify(errorEvent).slice(0, 1000), status: this.status };
  }

  /** Keeps a non-streaming body whole; of a stream only the recorded beginning. */
  #buffer(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.byteLength;
    const isCut = this.#receivedBytes > recordedBytesMax;
    if (isCut && !this.flags.includes('payload_cut')) this.flags.push('payload_cut');
    if (!isCut || !this.isStream) this.#received.push(bytes);
  }

  #bodyFailure(): string | Failure | undefined {
    const { operation, path } = this.#endpoint;
    if (/text\/html/i.test(this.contentType)) return `a response of type ${this.contentType}`;
    if (path.endsWith('/content')) return undefined;
    const value = parseJson(this.body().toString());
    // A transcript may be plain text: `response_format` chooses.
    const isText = operation === 'transcription' || operation === 'translation';
    if (!isObject(value)) return isText ? undefined : `a response of ${this.contentType || 'no content type'} that is not a JSON object`;
    // A failed batch describes its problem in an `error` member.
    return operation === 'batches' || operation === 'files' ? undefined : this.#failureIn([value]);
  }

  #failWithStatus(): void {
    if (this.status < 400) return this.#fail({ kind: 'invalid-response', message: `status ${this.status}`, status: this.status });
    let failure: Failure;
    try {
      failure = this.#provider.parseFailure(this.status, this.headers, this.body().subarray(0, failureBytesMax).toString());
    } catch (problem) {
      failure = internalFailure('reading an error response', problem);
    }
    this.#fail(failure);
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.failed(failure);
  }
}
