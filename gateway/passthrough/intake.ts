/** Takes in the bytes of a passed-through answer: whole, as a stream that may go on at once, or as a refusal to be understood. */
import { type Failure, mistakeIn } from '../core/failure.ts';
import { isObject, parseJson } from '../core/json.ts';
import type { Provider, StreamFlag } from '../core/provider.ts';
import type { Milliseconds } from '../core/time.ts';
import type { Endpoint } from './endpoints.ts';

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

/** What says that a stream of events is whole: held back until the record is sealed. */
const lastWord = /\[DONE\]|"type"\s*:\s*"[a-z_.]+\.(?:done|completed)"/;

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
  #last: Uint8Array[] = [];
  #isOver = false;

  constructor(endpoint: Endpoint, provider: Provider, listener: IntakeListener) {
    this.#endpoint = endpoint;
    this.#provider = provider;
    this.#listener = listener;
  }

  get contentType(): string {
    return this.headers['content-type'] ?? '';
  }

  onHeaders(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    const isGood = status >= 200 && status < 300;
    this.isStream =
      isGood && (isEvents(this.contentType) || (this.#endpoint.operation === 'speech' && !/json|html/i.test(this.contentType)));
  }

  onChunk(bytes: Uint8Array, afterMs: Milliseconds): void {
    if (this.#isOver) return;
    if (this.arrivals.length < arrivalsMax) this.arrivals.push([afterMs, bytes.byteLength]);
    this.#keep(bytes);
    if (!this.isStream) {
      if (this.status >= 300 && this.#keptBytes > failureBytesMax) this.#refused();
      return;
    }
    const isFirst = this.#ready.length === 0 && this.arrivals.length === 1;
    const isLast = this.#last.length > 0 || (isEvents(this.contentType) && lastWord.test(Buffer.from(bytes).toString('latin1')));
    (isLast ? this.#last : this.#ready).push(bytes);
    if (isFirst) this.#listener.opened();
    this.#listener.arrived();
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (this.status < 200 || this.status >= 300) return this.#refused();
    const wrong = this.isStream ? undefined : this.#wrongBody();
    if (wrong) return this.#fail({ kind: 'invalid-response', message: wrong, status: this.status });
    if (isEvents(this.contentType) && this.#last.length === 0) this.flags.push('no_sentinel');
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
    return taken;
  }

  takeRest(): Buffer {
    return Buffer.concat([this.takeReady(), ...this.#last.splice(0)]);
  }

  /** A whole answer is held to be told; of a stream only its beginning, for the record. */
  #keep(bytes: Uint8Array): void {
    this.#keptBytes += bytes.byteLength;
    const isCut = this.#keptBytes > keptBytesMax;
    if (isCut && !this.flags.includes('payload_cut')) this.flags.push('payload_cut');
    if (!isCut || !this.isStream) this.#kept.push(bytes);
  }

  #wrongBody(): string | undefined {
    const { operation, path } = this.#endpoint;
    if (/text\/html/i.test(this.contentType)) return `an answer of ${this.contentType}`;
    const isJson = !['transcription', 'translation'].includes(operation) && !path.endsWith('/content');
    if (isJson && !isObject(parseJson(this.body().toString())))
      return `an answer of ${this.contentType || 'no content type'} that is no JSON object`;
    return undefined;
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

const isEvents = (contentType: string): boolean => /^text\/event-stream/i.test(contentType);
