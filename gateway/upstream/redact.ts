/** Takes the provider key in use out of what the provider says: a key that comes back in an answer must reach no caller and no record. */
import type { Failure } from '../core/failure.ts';
import type { Secret } from '../secret.ts';
import type { UpstreamListener } from '../upstream.ts';

export interface Redactor {
  failure(failure: Failure): Failure;
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

/** A shorter key is a placeholder such as `none`, and its letters are everywhere. */
const lengthMin = 8;
/** Of a part of a key: ids and secrets of an account that are joined by colons. */
const partLengthMin = 16;

export function redactor(key: Secret | undefined): Redactor {
  const whole = key?.reveal() ?? '';
  const parts = whole.includes(':') ? whole.split(':').filter(part => part.length >= partLengthMin) : [];
  const secrets = [...(whole.length < lengthMin ? [] : [whole]), ...parts];
  const text = (said: string): string => secrets.reduce((left, secret) => left.replaceAll(secret, '[secret]'), said);
  const bytes = (said: Buffer): Buffer => secrets.reduce(covered, said);
  return {
    failure: failure =>
      secrets.length === 0
        ? failure
        : {
            ...failure,
            message: text(failure.message),
            ...(failure.code === undefined ? {} : { code: text(failure.code) }),
            ...(failure.param === undefined ? {} : { param: text(failure.param) }),
          },
    bytes,
    stream: () =>
      secrets.length === 0
        ? passing
        : holding(
            secrets.map(secret => Buffer.from(secret)),
            bytes,
          ),
  };
}

const passing: StreamRedactor = { chunk: bytes => bytes, end: () => Buffer.alloc(0) };

function holding(secrets: readonly Buffer[], clean: (bytes: Buffer) => Buffer): StreamRedactor {
  let held: Buffer = Buffer.alloc(0);
  return {
    chunk: bytes => {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const said = clean(held.length === 0 ? chunk : Buffer.concat([held, chunk]));
      const kept = Math.max(...secrets.map(secret => begunAtEnd(said, secret)));
      held = said.subarray(said.length - kept);
      return kept === 0 ? said : said.subarray(0, said.length - kept);
    },
    end: () => {
      const rest = held;
      held = Buffer.alloc(0);
      return rest;
    },
  };
}

/** A listener that never hears the key: what a provider repeats of it must reach neither the caller nor a record. */
export function deaf(listener: UpstreamListener, { stream }: Redactor): UpstreamListener {
  const clean = stream();
  const release = (): void => {
    const rest = clean.end();
    if (rest.byteLength > 0) listener.chunk(rest);
  };
  return {
    headers: (status, headers) => listener.headers(status, headers),
    chunk: bytes => {
      const said = clean.chunk(bytes);
      if (said.byteLength > 0) listener.chunk(said);
    },
    // No more will come to tell whether it was the beginning of a key.
    end: () => {
      release();
      listener.end();
    },
    failed: failure => {
      release();
      listener.failed(failure);
    },
  };
}

/** How many bytes at the end are the beginning of the secret. */
function begunAtEnd(said: Buffer, secret: Buffer): number {
  for (let at = said.indexOf(secret[0]!, Math.max(0, said.length - secret.length + 1)); at >= 0; at = said.indexOf(secret[0]!, at + 1)) {
    if (said.compare(secret, 0, said.length - at, at) === 0) return said.length - at;
  }
  return 0;
}

function covered(bytes: Buffer, secret: string): Buffer {
  let at = bytes.indexOf(secret);
  if (at < 0) return bytes;
  const redacted = Buffer.from(bytes);
  for (; at >= 0; at = redacted.indexOf(secret, at)) redacted.fill('*', at, at + Buffer.byteLength(secret));
  return redacted;
}
