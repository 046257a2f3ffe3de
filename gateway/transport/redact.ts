/** Removes the provider key in use from responses, so that it reaches no caller and no record. */
import type { Failure } from '../core/shared/failure.ts';
import type { Secret } from '../settings/secret.ts';
import { type SecretForms, secretFormsOf } from './secret-forms.ts';
import { SplitSecretMasker } from './split-secret-masker.ts';
import type { UpstreamListener } from './upstream.ts';

export interface Redactor {
  failure(failure: Failure): Failure;
  headers(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /** Of the same length, so that recorded chunk borders stay true. */
  bytes(bytes: Buffer): Buffer;
  /** The same for bytes that come in pieces. */
  stream(): StreamRedactor;
}

export interface StreamRedactor {
  /** What may be read now: the beginning of a key at the end is held back until more has come. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** What was held back, when nothing more comes. */
  end(): Uint8Array;
}

const redactors = new WeakMap<Secret, Redactor>();

/** The same object for the same key. */
export function redactor(key: Secret | undefined): Redactor {
  if (!key) return identityRedactor;
  const known = redactors.get(key);
  if (known) return known;
  const created = createRedactor(secretFormsOf(key));
  redactors.set(key, created);
  return created;
}

function createRedactor(forms: SecretForms): Redactor {
  if (forms.encoded.length === 0) return identityRedactor;
  const text = (input: string): string => forms.texts.reduce((left, secret) => left.replaceAll(secret, '[secret]'), input);
  const mayHold = (value: string): boolean => forms.texts.some(secret => value.includes(secret));
  return {
    failure: failure => ({
      ...failure,
      message: text(failure.message),
      ...(failure.code === undefined ? {} : { code: text(failure.code) }),
      ...(failure.param === undefined ? {} : { param: text(failure.param) }),
    }),
    headers: headers => {
      for (const name in headers)
        if (mayHold(headers[name]!)) return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)]));
      return headers;
    },
    bytes: payload => forms.encoded.reduce(maskSecret, payload),
    stream: () => new BufferingRedactor(forms),
  };
}

const emptyBuffer = Buffer.alloc(0);
const identityStream: StreamRedactor = { chunk: bytes => bytes, end: () => emptyBuffer };
const identityRedactor: Redactor = {
  failure: failure => failure,
  headers: headers => headers,
  bytes: bytes => bytes,
  stream: () => identityStream,
};

class BufferingRedactor implements StreamRedactor {
  readonly #forms: SecretForms;
  readonly #maskers: readonly SplitSecretMasker[];
  #held: Buffer = emptyBuffer;

  constructor(forms: SecretForms) {
    this.#forms = forms;
    this.#maskers = forms.plain.map(secret => new SplitSecretMasker(secret));
  }

  chunk(bytes: Uint8Array): Uint8Array {
    const { encoded, prefilter } = this.#forms;
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const mayHold = this.#held.length > 0 || prefilter?.mayContain(chunk) === true;
    if (!mayHold && this.#maskers.every(masker => masker.passes(chunk))) return chunk;
    const whole = mayHold ? encoded.reduce(maskSecret, this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])) : chunk;
    let masked = whole;
    // The caller's bytes are not ours to write on.
    const writable = (): Buffer => {
      if (masked === whole) masked = Buffer.from(whole);
      return masked;
    };
    for (const masker of this.#maskers) masker.mask(whole, writable);
    let heldLength = 0;
    if (mayHold) for (const secret of encoded) heldLength = Math.max(heldLength, prefixLengthAtEnd(masked, secret));
    for (const { rest } of this.#maskers) if (rest.length > 0) heldLength = Math.max(heldLength, prefixLengthAtEnd(masked, rest));
    this.#held = heldLength === 0 ? emptyBuffer : masked.subarray(masked.length - heldLength);
    return heldLength === 0 ? masked : masked.subarray(0, masked.length - heldLength);
  }

  end(): Uint8Array {
    const rest = this.#held;
    this.#held = emptyBuffer;
    return rest;
  }
}

/** A listener that never hears the key: what a provider repeats of it must reach neither the caller nor a record. */
export function redactingListener(listener: UpstreamListener, redactor: Redactor): UpstreamListener {
  return redactor === identityRedactor ? listener : new RedactingListener(listener, redactor);
}

class RedactingListener implements UpstreamListener {
  readonly #listener: UpstreamListener;
  readonly #redactor: Redactor;
  readonly #stream: StreamRedactor;

  constructor(listener: UpstreamListener, redactor: Redactor) {
    this.#listener = listener;
    this.#redactor = redactor;
    this.#stream = redactor.stream();
  }

  headers(status: number, headers: Readonly<Record<string, string>>): void {
    this.#listener.headers(status, this.#redactor.headers(headers));
  }

  chunk(bytes: Uint8Array): void {
    const redacted = this.#stream.chunk(bytes);
    if (redacted.byteLength > 0) this.#listener.chunk(redacted);
  }

  end(): void {
    this.#release();
    this.#listener.end();
  }

  failed(failure: Failure): void {
    this.#release();
    this.#listener.failed(failure);
  }

  /** The stream has ended, so this cannot become a key. */
  #release(): void {
    const rest = this.#stream.end();
    if (rest.byteLength > 0) this.#listener.chunk(rest);
  }
}

/** How many bytes at the end are the beginning of the secret. */
function prefixLengthAtEnd(data: Buffer, secret: Buffer): number {
  for (let at = data.indexOf(secret[0]!, Math.max(0, data.length - secret.length + 1)); at >= 0; at = data.indexOf(secret[0]!, at + 1)) {
    if (data.compare(secret, 0, data.length - at, at) === 0) return data.length - at;
  }
  return 0;
}

function maskSecret(bytes: Buffer, secret: Buffer): Buffer {
  let at = bytes.indexOf(secret);
  if (at < 0) return bytes;
  const redacted = Buffer.from(bytes);
  for (; at >= 0; at = redacted.indexOf(secret, at)) redacted.fill('*', at, at + secret.length);
  return redacted;
}
