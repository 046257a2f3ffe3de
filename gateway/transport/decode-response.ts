/** Decodes responses that come compressed though no coding was asked for. */
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Failure } from '../core/shared/failure.ts';

/** Who hears of a response. */
interface ResponseListener {
  headers(status: number, headers: Readonly<Record<string, string>>): void;
  chunk(bytes: Uint8Array): void;
  end(): void;
  failed(failure: Failure): void;
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

const decodedBytesMax = 64 * 1024 * 1024;

/** A listener that hears the decoded bytes, and headers without the coding; the same one for bytes without a known coding. */
export function decodingListener(listener: ResponseListener, headers: Readonly<Record<string, string>>): ResponseListener {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (!Object.hasOwn(decoders, coding)) return listener;
  const decoder = decoders[coding]!();
  let length = 0;
  let isOver = false;
  const endWith = (end: () => void): void => {
    if (isOver) return;
    isOver = true;
    end();
    decoder.destroy();
  };
  const invalid = (message: string): void => endWith(() => listener.failed({ kind: 'invalid-response', message }));
  decoder.on('data', (chunk: Buffer) => {
    length += chunk.byteLength;
    if (length > decodedBytesMax) invalid(`a ${coding} response of more than 64 MiB`);
    else if (!isOver) listener.chunk(chunk);
  });
  decoder.on('end', () => endWith(() => listener.end()));
  decoder.on('error', problem => invalid(`a ${coding} response that cannot be decoded: ${problem.message}`.slice(0, 300)));
  return {
    headers: (status, given) => {
      const { 'content-encoding': _, 'content-length': __, ...rest } = given;
      listener.headers(status, rest);
    },
    chunk: bytes => {
      if (!isOver) decoder.write(bytes);
    },
    end: () => decoder.end(),
    // What was cut is told after what came.
    failed: failure => {
      if (!isOver) setImmediate(() => endWith(() => listener.failed(failure)));
    },
  };
}
