/** Reads a request's body: bounded before and after decompression, never waiting long for its next byte, strict UTF-8. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { noRoomFailures, publicErrorOf } from '../core/shared/failure.ts';
import type { ByteAccount } from '../exchange/contract.ts';
import { invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';
import { wallClock } from '../settings/clock.ts';
import { inTurn } from './bytes/turns.ts';

export interface BodyLimits {
  /** Of the decoded body, and of the encoded one. */
  readonly bodyBytesMax: number;
  /** Longest silence between two chunks. */
  readonly bodyIdleMs: number;
  /** How many times its encoded size a decoded body of more than 1 MiB may have; `decodeRatioDefault` when absent. */
  readonly decodeRatioMax?: number | undefined;
  /** Where its bytes are counted. */
  readonly account?: ByteAccount | undefined;
}

export const decodeRatioDefault = 100;

export interface Body {
  /** Decoded, as the caller meant them. */
  readonly bytes: Buffer;
  readonly text: string;
}

/** Calls `receive` once, with the body as text or with why it is refused. Without a promise where nothing is to be decompressed. */
export function receiveBody(request: IncomingMessage, limits: BodyLimits, receive: (outcome: Body | Refusal) => void): void {
  receiveBytes(request, limits, bytes => {
    if (isRefusal(bytes)) receive(bytes);
    else inTurn(bytes.length, () => receive(bodyOf(bytes)));
  });
}

/** The same for bytes of whatever kind. */
export function receiveBytes(request: IncomingMessage, limits: BodyLimits, receive: (outcome: Buffer | Refusal) => void): void {
  const header = request.headers['content-encoding'];
  if (header === undefined) return void new BodyCollector(request, limits, receive);
  const coding = header.trim().toLowerCase();
  const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
  if (!decode && coding !== 'identity' && coding !== '') return receive(unknownCoding);
  new BodyCollector(request, limits, encoded => {
    if (!decode || isRefusal(encoded)) return receive(encoded);
    decodeBody(decode(), encoded, limits, receive);
  });
}

/** The body as bytes and text, or the refusal: too large (413), too slow (408), wrong coding or no UTF-8 (400). */
export const readBody = (request: IncomingMessage, limits: BodyLimits): Promise<Body | Refusal> =>
  new Promise(resolve => receiveBody(request, limits, resolve));

/** The body's decoded bytes, or the refusal: too large (413), too slow (408) or a coding that is not supported. */
export const readBytes = (request: IncomingMessage, limits: BodyLimits): Promise<Buffer | Refusal> =>
  new Promise(resolve => receiveBytes(request, limits, resolve));

function bodyOf(bytes: Buffer): Body | Refusal {
  if (!isUtf8(bytes)) return invalid('invalid_encoding', 'The body is not valid UTF-8.');
  const text = bytes.toString();
  return { bytes, text: text.charCodeAt(0) === 0xfeff ? text.slice(1) : text };
}

/** Reads until the declared length is there, or until the end where none is declared. What comes after a refusal is thrown away. */
class BodyCollector {
  readonly #limits: BodyLimits;
  readonly #receive: (outcome: Buffer | Refusal) => void;
  /** Of bytes; undefined where the body is chunked. */
  readonly #declared: number | undefined;
  /** Most bodies come in one piece. */
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #length = 0;
  #isOver = false;
  #lastAt = wallClock.now();
  #cancelTimer = (): void => {};

  constructor(request: IncomingMessage, limits: BodyLimits, receive: (outcome: Buffer | Refusal) => void) {
    this.#limits = limits;
    this.#receive = receive;
    const declared = request.headers['content-length'];
    this.#declared = declared === undefined ? undefined : Number(declared);
    request.on('data', (chunk: Buffer) => this.#onData(chunk));
    if (!this.#declared) request.on('end', () => this.#settle(this.#whole()));
    request.on('close', () => this.#settle(callerClosed));
    this.#watchSilence();
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#length += chunk.length;
    if (this.#length > this.#limits.bodyBytesMax) return this.#settle(tooLarge(this.#limits.bodyBytesMax));
    const full = this.#limits.account?.take(chunk.length);
    if (full) {
      this.#first = this.#rest = undefined;
      return this.#settle(noRoom(full));
    }
    if (this.#first === undefined) this.#first = chunk;
    else {
      this.#rest ??= [this.#first];
      this.#rest.push(chunk);
    }
    if (this.#length === this.#declared) this.#settle(this.#whole());
    else this.#lastAt = wallClock.now();
  }

  #whole(): Buffer {
    return this.#rest ? Buffer.concat(this.#rest, this.#length) : (this.#first ?? Buffer.alloc(0));
  }

  #settle(outcome: Buffer | Refusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#receive(outcome);
  }

  /** One timer that looks at the last chunk's time. */
  #watchSilence(): void {
    const due = this.#lastAt + this.#limits.bodyIdleMs;
    this.#cancelTimer = wallClock.at(due, () => {
      if (wallClock.now() - this.#lastAt >= this.#limits.bodyIdleMs) this.#settle(tooSlow);
      else this.#watchSilence();
    });
  }
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** A small body may be as repetitive as it likes. */
const ratioBytesMin = 2 ** 20;

/** Decodes piece by piece, and no further than the limits allow. */
function decodeBody(decoder: Transform, encoded: Buffer, limits: BodyLimits, receive: (outcome: Buffer | Refusal) => void): void {
  const { bodyBytesMax, decodeRatioMax = decodeRatioDefault, account } = limits;
  const ratioMax = Math.max(ratioBytesMin, decodeRatioMax * encoded.length);
  const pieces: Buffer[] = [];
  let length = 0;
  let isOver = false;
  const settle = (outcome: Buffer | Refusal): void => {
    if (isOver) return;
    isOver = true;
    receive(outcome);
    decoder.destroy();
  };
  decoder.on('data', (piece: Buffer) => {
    if (isOver) return;
    length += piece.length;
    if (length > bodyBytesMax) return settle(tooLarge(bodyBytesMax));
    if (length > ratioMax) return settle(tooDense(decodeRatioMax));
    const full = account?.take(piece.length);
    if (full) return settle(noRoom(full));
    pieces.push(piece);
  });
  decoder.on('end', () => settle(Buffer.concat(pieces, length)));
  decoder.on('error', () => settle(invalid('invalid_encoding', 'The body is not in the coding that its content-encoding header names.')));
  decoder.end(encoded);
}

/** The 413 for a body that grows more than `ratioMax` times when it is decoded. */
const tooDense = (ratioMax: number): Refusal => ({
  ...invalid('request_too_large', `The decoded body is more than ${ratioMax} times as large as the encoded one.`, null, 413),
  close: true,
});

/** The 503 or 429 where the bytes under way leave no room for the body, by whose limit it is. */
function noRoom(whose: 'process' | 'caller'): Refusal {
  const refusal = publicErrorOf(noRoomFailures[whose]);
  return { refusal: { ...refusal, param: null }, headers: { 'retry-after': '1', 'x-should-retry': 'true' }, close: true };
}

/** The 413 for a body of more than `bytesMax` bytes; closes the connection. */
export const tooLarge = (bytesMax: number): Refusal => ({
  ...invalid('request_too_large', `The body is larger than ${bytesMax} bytes.`, null, 413),
  close: true,
});

/** Nobody will read it. */
const callerClosed: Refusal = {
  ...invalid('client_closed_request', 'The caller closed the connection before its body was whole.', null, 499),
  close: true,
};

const tooSlow: Refusal = { ...invalid('request_timeout', 'The rest of the body did not arrive in time.', null, 408), close: true };

const unknownCoding = invalid(
  'unsupported_media_type',
  'The content-encoding of the body is not supported: send it as gzip, deflate, br, zstd or not encoded.',
  null,
  415,
);

/** JSON only: a type that browsers send without asking first must not reach a provider. */
export function checkContentType(contentType: string | undefined): Refusal | undefined {
  if (contentType !== undefined && /^application\/(?:[\w.-]{1,64}\+)?json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i.test(contentType.trim()))
    return;
  return invalid('unsupported_media_type', 'The body must be sent with content-type: application/json.', null, 415);
}
