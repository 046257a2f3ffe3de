/** Takes in the bytes of a passed-through answer: whole, as a stream that may go on at once, or as a refusal to be understood. */
import { type Failure, mistakeIn } from '../core/failure.ts';
import { isObject, type JsonObject, parseJson } from '../core/json.ts';
import type { Provider, StreamFlag } from '../core/provider.ts';
import type { Milliseconds } from '../core/time.ts';
import { objectsIn } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';
import { Events } from './events.ts';

/** Exactly one of whole and failed, once. */
export interface IntakeListener {
  /** The first bytes of a stream. */
  opened(): void;
  arrived(): void;
  whole(): void;
  failed(failure: Failure): void;
}

/** Of an answer that streams no more than this is kept for the record. */
const keptBytesMax = 16 * 1024 * 1024;
const failureBytesMax = 64 * 1024;
const arrivalsMax = 100_000;

export class Intake {
  status = 0;
  headers: Readonly<Record<string, string>> = {};
  isStream = false;
  readonly flags: StreamFlag[] = [];
  readonly arrivals: [Milliseconds, number][] = [];
  readonly #endpoint: Endpoint;
  readonly #provider: Provider;
  readonly #listener: IntakeListener;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** Of a stream: what has not gone to the caller yet. */
  #ready: Uint8Array[] = [];
  readonly #events = new Events();
  #rest: Buffer = Buffer.alloc(0);
  #isOver = false;
  #passedBytes = 0;
  /** Whether it has shown something of a stream. */
  hasOpened = false;

  constructor(endpoint: Endpoint, provider: Provider, listener: IntakeListener) {
    this.#endpoint = endpoint;
    this.#provider = provider;
    this.#listener = listener;
  }

  get contentType(): string {
    return this.headers['content-type'] ?? '';
  }

  get isEvents(): boolean {
    return /^text\/event-stream/i.test(this.contentType);
  }

  onHeaders(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    const isGood = status >= 200 && status < 300;
    this.isStream = isGood && (this.isEvents || (this.#endpoint.operation === 'speech' && !/json|html/i.test(this.contentType)));
  }

  onChunk(bytes: Uint8Array, afterMs: Milliseconds): void {
    if (this.#isOver) return;
    if (this.arrivals.length < arrivalsMax) this.arrivals.push([afterMs, bytes.byteLength]);
    this.#keep(bytes);
    if (!this.isStream) {
      if (this.status >= 300 && this.#keptBytes > failureBytesMax) this.#refused();
      return;
    }
    const taken = this.isEvents ? this.#events.take(bytes) : [bytes];
    if (!taken) return this.#fail({ kind: 'invalid-response', message: 'an event that does not end', status: this.status });
    for (const piece of taken) {
      const failure = this.#failureAmong(piece);
      if (failure) return this.#fail(failure);
      this.#ready.push(piece);
    }
    this.#open(taken.length > 0 || this.#events.isOver);
    if (!this.#isOver) this.#listener.arrived();
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (this.status < 200 || this.status >= 300) return this.#refused();
    const wrong = this.isStream ? this.#wrongStream() : this.#wrongBody();
    if (wrong) return this.#fail(typeof wrong === 'string' ? { kind: 'invalid-response', message: wrong, status: this.status } : wrong);
    this.#isOver = true;
    this.#listener.whole();
  }

  onCut(failure: Failure): void {
    if (this.status >= 300) this.#refused();
    else this.#fail(failure);
  }

  body(): Buffer {
    return Buffer.concat(this.#kept);
  }

  /** For the record. */
  kept(): Buffer {
    return this.body().subarray(0, keptBytesMax);
  }

  takeReady(): Buffer {
    const taken = Buffer.concat(this.#ready);
    this.#ready = [];
    this.#passedBytes += taken.length;
    return taken;
  }

  takeRest(): Buffer {
    return Buffer.concat([this.takeReady(), this.#rest]);
  }

  /** Of a stream that broke: what the caller was given of it. */
  passed(): Buffer {
    return this.kept().subarray(0, this.#passedBytes);
  }

  #open(hasShown: boolean): void {
    if (this.hasOpened || !hasShown) return;
    this.hasOpened = true;
    this.#listener.opened();
  }

  /** A stream of events says when it is whole. */
  #wrongStream(): Failure | undefined {
    if (!this.isEvents) return undefined;
    this.#rest = this.#events.rest();
    const failure = this.#failureAmong(this.#rest);
    if (failure || this.#events.isOver) return failure;
    return { kind: 'truncated', message: 'the stream ended without its last event', status: this.status };
  }

  /** The provider's own words of a failure do not go on. */
  #failureAmong(event: Uint8Array): Failure | undefined {
    if (!this.isEvents || event.byteLength > failureBytesMax || !Buffer.from(event).includes('"error"')) return undefined;
    return this.#failureIn(objectsIn(this.contentType, Buffer.from(event)));
  }

  #failureIn(events: readonly JsonObject[]): Failure | undefined {
    const said = events.find(event => isObject(event.error) || event.type === 'error');
    if (!said) return undefined;
    const read = this.#provider.parseResponse(isObject(said.error) ? said : { error: said });
    return 'kind' in read ? read : { kind: 'server-error', message: JSON.stringify(said).slice(0, 1000), status: this.status };
  }

  /** A whole answer is held to be told; of a stream only its beginning, for the record. */
  #keep(bytes: Uint8Array): void {
    this.#keptBytes += bytes.byteLength;
    const isCut = this.#keptBytes > keptBytesMax;
    if (isCut && !this.flags.includes('payload_cut')) this.flags.push('payload_cut');
    if (!isCut || !this.isStream) this.#kept.push(bytes);
  }

  #wrongBody(): string | Failure | undefined {
    const { operation, path } = this.#endpoint;
    if (/text\/html/i.test(this.contentType)) return `an answer of ${this.contentType}`;
    if (path.endsWith('/content')) return undefined;
    const value = parseJson(this.body().toString());
    // Transcripts come in the form that was asked for.
    const isText = operation === 'transcription' || operation === 'translation';
    if (!isObject(value)) return isText ? undefined : `an answer of ${this.contentType || 'no content type'} that is no JSON object`;
    // A batch says in such a member what was wrong with it.
    return operation === 'batches' || operation === 'files' ? undefined : this.#failureIn([value]);
  }

  #refused(): void {
    if (this.status < 400) return this.#fail({ kind: 'invalid-response', message: `status ${this.status}`, status: this.status });
    let failure: Failure;
    try {
      failure = this.#provider.parseFailure(this.status, this.headers, this.body().subarray(0, failureBytesMax).toString());
    } catch (problem) {
      failure = mistakeIn('reading a refusal', problem);
    }
    this.#fail(failure);
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.failed(failure);
  }
}
