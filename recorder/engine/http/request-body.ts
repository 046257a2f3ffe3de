/** Reads a request's body, decompressed and bounded: SQL into memory, data into a file. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { EngineException, exceptions } from '../session/exception.ts';
import { Lz4FrameDecoder } from './lz4-frame.ts';

/** Limit for SQL, and for inserts whose statement is in the body. */
export const memoryBytesMax = 16 * 1024 * 1024;
/** Limit for the data of one insert. */
export const fileBytesMax = 1024 * 1024 * 1024;

/** A reader's statement is short; a writer's data may take long, but not stand still. */
const readerBodyMsMax = 5_000;
const writerSilenceMsMax = 120_000;

/** Ends the connection of a client that does not send the announced body. */
export function limitBodyTime(request: IncomingMessage, mayWrite: boolean): void {
  if (request.complete) return;
  const cut = (): void => {
    request.destroy(exceptions.timeout('The body did not come.'));
  };
  if (!mayWrite) {
    const timer = setTimeout(cut, readerBodyMsMax);
    for (const event of ['end', 'close'] as const) request.once(event, () => clearTimeout(timer));
    return;
  }
  const { socket } = request;
  socket.setTimeout(writerSilenceMsMax, cut);
  for (const event of ['end', 'close'] as const)
    request.once(event, () => {
      socket.setTimeout(0);
      socket.off('timeout', cut);
    });
}

/** The body's bytes without their compression. */
export function decodeBody(request: IncomingMessage): Readable {
  const coding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = decoderOf(coding);
  if (!decoder) return request;
  // A truncated body must be an error for its reader.
  request.on('error', error => decoder.destroy(error));
  request.on('close', () => {
    if (!request.complete) decoder.destroy(exceptions.cancelled('The client left.'));
  });
  return request.pipe(decoder);
}

function decoderOf(coding: string): Transform | undefined {
  switch (coding) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'lz4':
      return new Lz4FrameDecoder();
    case 'zstd':
      return createZstdDecompress();
    default:
      throw exceptions.unknownCompression(`Unknown compression method '${coding.slice(0, 40)}': use gzip, deflate, br, lz4 or zstd.`);
  }
}

/** The whole body. Throws an EngineException beyond `bytesMax`. */
export async function readIntoMemory(body: Readable, bytesMax = memoryBytesMax): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) throw bodyTooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (error) {
    throw bodyException(error);
  }
  return Buffer.concat(chunks, length);
}

/** Returns the number of bytes written. Removes the file on failure. */
export async function writeToFile(body: Readable, file: string, bytesMax = fileBytesMax): Promise<number> {
  let length = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > bytesMax) done(bodyTooLarge(bytesMax));
      else done(null, chunk);
    },
  });
  try {
    await pipeline(body, counted, createWriteStream(file, { mode: 0o600 }));
  } catch (error) {
    await rm(file, { force: true });
    throw bodyException(error);
  }
  return length;
}

const bodyTooLarge = (bytesMax: number): EngineException =>
  exceptions.tooManyBytes(`The request's body is longer than ${bytesMax} bytes: send it in several inserts.`);

function bodyException(error: unknown): EngineException {
  if (error instanceof EngineException) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/^(Z_|ERR_|BROTLI|ZSTD)/.test(code) && code !== 'ERR_STREAM_PREMATURE_CLOSE')
    return exceptions.incorrectData(`The body cannot be decompressed: ${message}.`);
  return code === 'ENOSPC'
    ? new EngineException(243, 'NOT_ENOUGH_SPACE', 'There is no room on the disk for the data.')
    : exceptions.cancelled('The client left.');
}

/** The fields of a multipart form, by name. */
export function formFields(body: Buffer, contentType: string): readonly (readonly [name: string, value: Buffer])[] {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  if (!boundary) throw exceptions.badArguments('A multipart body needs its boundary in Content-Type.');
  const delimiter = Buffer.from(`--${boundary[1] ?? boundary[2]}`);
  const fields: (readonly [string, Buffer])[] = [];
  for (let at = body.indexOf(delimiter); at >= 0; ) {
    const start = at + delimiter.length + 2;
    const next = body.indexOf(delimiter, start);
    if (next < 0) break;
    const headerEnd = body.indexOf('\r\n\r\n', start);
    const name = /name="([^"]*)"/i.exec(body.toString('latin1', start, headerEnd))?.[1];
    if (name !== undefined && headerEnd > 0 && headerEnd < next) fields.push([name, body.subarray(headerEnd + 4, next - 2)]);
    at = next;
  }
  return fields;
}

/** A stream of these bytes. */
export const fromBytes = (bytes: Uint8Array): Readable => Readable.from([bytes], { objectMode: false });
