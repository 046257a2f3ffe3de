/** Reads a request's body: bounded before and after decompression, never waiting long for its next byte, strict UTF-8. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions, zstdDecompress } from 'node:zlib';
import { invalid, isRefusal, type Refusal } from '../exchange/response/refusal.ts';

export interface BodyLimits {
  /** Of the decoded body, and of the encoded one. */
  readonly bodyBytesMax: number;
  /** Longest silence between two chunks. */
  readonly bodyIdleMs: number;
}

export interface Body {
  /** Decoded, as the caller meant them. */
  readonly bytes: Buffer;
  readonly text: string;
}

export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Body | Refusal> {
  const bytes = await readBytes(request, limits);
  if (isRefusal(bytes)) return bytes;
  if (!isUtf8(bytes)) return invalid('invalid_encoding', 'The body is not valid UTF-8.');
  const text = bytes.toString();
  return { bytes, text: text.charCodeAt(0) === 0xfeff ? text.slice(1) : text };
}

/** Decoded, of whatever kind. */
export async function readBytes(request: IncomingMessage, limits: BodyLimits): Promise<Buffer | Refusal> {
  const coding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
  if (!decode && coding !== 'identity' && coding !== '') return unknownCoding;
  const encoded = await collect(request, limits);
  if (isRefusal(encoded)) return encoded;
  return decode ? decodeBody(decode, encoded, limits.bodyBytesMax) : encoded;
}

function collect(request: IncomingMessage, { bodyBytesMax, bodyIdleMs }: BodyLimits): Promise<Buffer | Refusal> {
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (outcome: Buffer | Refusal): void => {
      clearTimeout(idle);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      // Errors after this are the connection's end, which the response hears as well.
      request.on('error', () => {});
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      idle.refresh();
      length += chunk.length;
      if (length > bodyBytesMax) return settle(tooLarge(bodyBytesMax));
      chunks.push(chunk);
    };
    const onEnd = (): void => settle(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    const onClose = (): void => settle(callerClosed);
    const idle = setTimeout(() => settle(tooSlow), bodyIdleMs);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

type Decoder = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: promisify(gunzip) as Decoder,
  'x-gzip': promisify(gunzip) as Decoder,
  deflate: promisify(inflate) as Decoder,
  br: promisify(brotliDecompress) as Decoder,
  zstd: promisify(zstdDecompress) as Decoder,
};

async function decodeBody(decode: Decoder, encoded: Buffer, bytesMax: number): Promise<Buffer | Refusal> {
  try {
    return await decode(encoded, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(bytesMax);
    return invalid('invalid_encoding', 'The body is not in the coding that its content-encoding header names.');
  }
}

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
