/**
 * Scripts of an upstream for one call: complete responses and every fault. Each is a list of steps; some functions change other scripts.
 */
import { gzipSync } from 'node:zlib';
import { seededUniform } from '../../statistics/distributions/seeded-uniform.ts';
import type { ResponseScript, ScriptStep } from './upstream.ts';

type Headers = Readonly<Record<string, string>>;

const head = (status: number, headers: Headers): string =>
  `HTTP/1.1 ${status} Scripted\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

const textOf = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

/** A complete response with content-length. */
export function answer(status: number, body: unknown, headers: Headers = {}): ResponseScript {
  const bytes = Buffer.from(textOf(body));
  const all = { 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers };
  return [{ send: Buffer.concat([Buffer.from(head(status, all)), bytes]) }, { end: 'keep' }];
}

export const ok = (body: unknown, headers: Headers = {}): ResponseScript => answer(200, body, headers);

/** The body compressed, though not requested. */
export function gzipped(body: unknown): ResponseScript {
  const packed = gzipSync(textOf(body));
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': String(packed.length) };
  return [{ send: head(200, headers) }, { send: packed }, { end: 'keep' }];
}

export interface StreamOptions {
  readonly headers?: Headers;
  /** `complete` ends the chunked body correctly; the others break it off. */
  readonly ending?: 'complete' | 'fin' | 'rst' | 'stall';
  readonly waitMs?: number;
}

/** A chunked body, one HTTP chunk for each text. */
export function stream(
  chunks: readonly (string | Uint8Array)[],
  { headers = {}, ending = 'complete', waitMs }: StreamOptions = {},
): ResponseScript {
  const start = head(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked', ...headers });
  const pause: readonly ScriptStep[] = waitMs === undefined ? [] : [{ waitMs }];
  const sent = chunks.flatMap((chunk): readonly ScriptStep[] => [{ send: framed(chunk) }, ...pause]);
  const last: readonly ScriptStep[] = ending === 'complete' ? [{ send: '0\r\n\r\n' }, { end: 'keep' }] : [{ end: ending }];
  return [{ send: start }, ...sent, ...last];
}

function framed(chunk: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(chunk as string);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** A body without length or chunks, which ends when the connection closes. */
export const untilClose = (body: string | Uint8Array, headers: Headers = {}): ResponseScript => [
  { send: head(200, { 'content-type': 'text/event-stream', connection: 'close', ...headers }) },
  { send: body },
  { end: 'fin' },
];

/** Exactly these bytes. */
export const raw = (bytes: string | Uint8Array, end: 'keep' | 'fin' | 'rst' | 'stall' = 'fin'): ResponseScript => [
  { send: bytes },
  { end },
];

/** Takes the request and never responds. */
export const blackhole: ResponseScript = [{ end: 'stall' }];
export const reset: ResponseScript = [{ end: 'rst' }];

/** The first bytes of a script, and then another ending. */
export function truncatedAt(script: ResponseScript, bytes: number, end: 'fin' | 'rst' | 'stall'): ResponseScript {
  const moves: ScriptStep[] = [];
  let left = bytes;
  for (const move of script) {
    if (!('send' in move)) {
      if (!('end' in move)) moves.push(move);
      continue;
    }
    const sent = Buffer.from(move.send as string).subarray(0, left);
    if (sent.length > 0) moves.push({ send: sent });
    left -= sent.length;
  }
  return [...moves, { end }];
}

/** The same bytes in seeded pieces of up to `sizeMax`, with a wait between them. */
export function inSmallPieces(
  script: ResponseScript,
  seed: string,
  { sizeMax = 3, waitMs = 0 }: { sizeMax?: number; waitMs?: number } = {},
): ResponseScript {
  let drop = 0;
  return script.flatMap((move): readonly ScriptStep[] => {
    if (!('send' in move)) return [move];
    const bytes = Buffer.from(move.send as string);
    const moves: ScriptStep[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(seededUniform(seed, `drop ${drop++}`) * sizeMax);
      moves.push({ send: bytes.subarray(at, at + size) }, ...(waitMs > 0 ? [{ waitMs }] : []));
      at += size;
    }
    return moves;
  });
}

/** The script after a wait. */
export const delayed = (waitMs: number, script: ResponseScript): ResponseScript => [{ waitMs }, ...script];

/** The response, and then an unsolicited one on the same connection. */
export const repeated = (script: ResponseScript): ResponseScript => [...script.filter(move => !('end' in move)), ...script];

/** A response in the format of the recordings under `wire/`. */
export interface RecordedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly body_encoding: 'utf8' | 'base64';
  readonly stream: boolean;
  /** Byte lengths of the chunks as originally received. */
  readonly chunk_lengths?: readonly number[];
}

/** A recorded response, by chunk where its chunks are known. */
export function replayed({
  status,
  headers,
  body,
  body_encoding,
  stream: isStream,
  chunk_lengths: lengths,
}: RecordedAnswer): ResponseScript {
  const bytes = Buffer.from(body, body_encoding);
  if (!isStream) return [{ send: head(status, { ...headers, 'content-length': String(bytes.length) }) }, { send: bytes }, { end: 'keep' }];
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths ?? [bytes.length]) {
    if (length > 0) chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [
    { send: head(status, { ...headers, 'transfer-encoding': 'chunked' }) },
    ...chunks.map(chunk => ({ send: framed(chunk) })),
    { send: '0\r\n\r\n' },
    { end: 'keep' },
  ];
}
