/** Takes the provider key in use out of what the provider says: a key that comes back in an answer must reach no caller and no record. */
import type { Failure } from '../core/failure.ts';
import type { Secret } from '../settings/secret.ts';
import { type Needles, needlesOf } from './needles.ts';
import { Pieces } from './pieces.ts';
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

export function redactor(key: Secret | undefined): Redactor {
  const needles = needlesOf(key);
  if (needles.all.length === 0) return plain;
  const text = (said: string): string => needles.texts.reduce((left, secret) => left.replaceAll(secret, '[secret]'), said);
  return {
    failure: failure => ({
      ...failure,
      message: text(failure.message),
      ...(failure.code === undefined ? {} : { code: text(failure.code) }),
      ...(failure.param === undefined ? {} : { param: text(failure.param) }),
    }),
    headers: headers => {
      const said = Object.values(headers).join('\n');
      if (!needles.texts.some(secret => said.includes(secret))) return headers;
      return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)]));
    },
    bytes: said => needles.all.reduce(covered, said),
    stream: () => holding(needles),
  };
}

const nothing = Buffer.alloc(0);
const passing: StreamRedactor = { chunk: bytes => bytes, end: () => nothing };
const plain: Redactor = { failure: failure => failure, headers: headers => headers, bytes: bytes => bytes, stream: () => passing };

function holding({ all, plain: secrets, sieve }: Needles): StreamRedactor {
  let held: Buffer = nothing;
  const pieces = secrets.map(secret => new Pieces(secret));
  return {
    chunk: bytes => {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const mayHold = held.length > 0 || sieve?.mayHold(chunk);
      const whole = mayHold ? all.reduce(covered, held.length === 0 ? chunk : Buffer.concat([held, chunk])) : chunk;
      let said = whole;
      // The caller's bytes are not ours to write on.
      const own = (): Buffer => {
        if (said === whole) said = Buffer.from(whole);
        return said;
      };
      for (const one of pieces) one.cover(whole, own);
      let kept = 0;
      if (mayHold) for (const secret of all) kept = Math.max(kept, begunAtEnd(said, secret));
      for (const { rest } of pieces) if (rest.length > 0) kept = Math.max(kept, begunAtEnd(said, rest));
      held = kept === 0 ? nothing : said.subarray(said.length - kept);
      return kept === 0 ? said : said.subarray(0, said.length - kept);
    },
    end: () => {
      const rest = held;
      held = nothing;
      return rest;
    },
  };
}

/** A listener that never hears the key: what a provider repeats of it must reach neither the caller nor a record. */
export function deaf(listener: UpstreamListener, { stream, headers: heads }: Redactor): UpstreamListener {
  const clean = stream();
  const release = (): void => {
    const rest = clean.end();
    if (rest.byteLength > 0) listener.chunk(rest);
  };
  return {
    headers: (status, headers) => listener.headers(status, heads(headers)),
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

function covered(bytes: Buffer, secret: Buffer): Buffer {
  let at = bytes.indexOf(secret);
  if (at < 0) return bytes;
  const redacted = Buffer.from(bytes);
  for (; at >= 0; at = redacted.indexOf(secret, at)) redacted.fill('*', at, at + secret.length);
  return redacted;
}
