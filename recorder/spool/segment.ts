/**
 * The file format of the spool. The bytes alone tell which of them are a record.
 *
 *   segment = file header, frame, frame, ...
 *   file header (32 bytes) = magic, id of the segment, crc32 of both
 *   frame = magic and version, length, sequence, crc32 of the payload, crc32 of this header, payload
 *
 * Sequences are dense from 0. A frame's header is checked with a salt made of the segment's random id: bytes inside a caller's body
 * cannot pose as a frame, not even when damage makes the reader search for the next one.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const fileHeaderBytes = 32;
export const frameHeaderBytes = 20;
const fileMagic = Buffer.from('HCS1');
/** Three letters and the version of the format. */
const frameMagic = Buffer.from('HCF\u0001');

const idLength = 24;
const idPattern = /^[0-9a-f]{24}$/;
/** Twelve hex digits of milliseconds, so that names sort by age, and twelve random ones. */
export const newSegmentId = (at: number): string => Math.floor(at).toString(16).padStart(12, '0') + randomBytes(6).toString('hex');

/** When the segment was opened: milliseconds since 1970, from its id. */
export const segmentTime = (id: string): number => Number.parseInt(id.slice(0, 12), 16);

/** A segment that is being written ends in `.open`; closing it is a rename. */
export const segmentName = (id: string, open: boolean): string => `${id}.${open ? 'open' : 'seg'}`;

/** Id and state of a segment by its file name; undefined for any other file. */
export function parseSegmentName(name: string): { readonly id: string; readonly open: boolean } | undefined {
  const [id = '', extension, more] = name.split('.');
  if (!idPattern.test(id) || more !== undefined || (extension !== 'seg' && extension !== 'open')) return undefined;
  return { id, open: extension === 'open' };
}

/** The 32 bytes at the start of a segment. */
export function renderFileHeader(id: string): Buffer {
  const header = Buffer.alloc(fileHeaderBytes);
  fileMagic.copy(header, 0);
  header.write(id, 4, 'latin1');
  header.writeUInt32LE(crc32(header.subarray(0, 4 + idLength)), 4 + idLength);
  return header;
}

/** The salt of a segment's checksums, so that frames of another segment never fit. */
export const saltOf = (id: string): number => crc32(id, 0x68696e64);

/** Writes a frame's header into `target` at byte `at`. */
export function writeFrameHeader(target: Buffer, at: number, frame: { length: number; sequence: number; crc: number }, salt: number): void {
  frameMagic.copy(target, at);
  target.writeUInt32LE(frame.length, at + 4);
  target.writeUInt32LE(frame.sequence, at + 8);
  target.writeUInt32LE(frame.crc, at + 12);
  target.writeUInt32LE(crc32(target.subarray(at, at + 16), salt), at + 16);
}

export interface Frame {
  readonly sequence: number;
  /** Of its header, from the start of the file. */
  readonly offset: number;
  /** A view into the segment's bytes. */
  readonly payload: Uint8Array;
}

export interface Segment {
  readonly id: string;
  readonly frames: readonly Frame[];
  /** Whole frames that are missing or broken before the last good one. */
  readonly corrupt: number;
  /** Bytes after the last good frame: the writer died in the middle of them. */
  readonly tornBytes: number;
}

/** Never throws. What is not a whole frame with correct checksums is skipped and counted. `name` replaces the id of a broken file header. */
export function parseSegment(file: Uint8Array, name: string): Segment {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const headerId = idOf(bytes);
  const id = headerId ?? name;
  const salt = saltOf(id);
  const frames: Frame[] = [];
  let corrupt = 0;
  let expected = 0;
  let end = headerId === undefined ? 0 : fileHeaderBytes;
  let at = end;
  while (at < bytes.length) {
    const header = headerAt(bytes, at, salt);
    if (!header || header.sequence < expected) {
      // A broken header does not tell where the next one begins.
      const next = bytes.indexOf(frameMagic, at + 1);
      at = next < 0 ? bytes.length : next;
      continue;
    }
    const begin = at + frameHeaderBytes;
    const payload = bytes.subarray(begin, begin + header.length);
    if (payload.length === header.length && crc32(payload) === header.crc) {
      corrupt += header.sequence - expected;
      expected = header.sequence + 1;
      frames.push({ sequence: header.sequence, offset: at, payload });
      end = begin + header.length;
      at = end;
    } else {
      // The payload may have lost bytes, so the next header may lie within the length it should have.
      at = begin;
    }
  }
  return { id, frames, corrupt, tornBytes: bytes.length - end };
}

function idOf(bytes: Buffer): string | undefined {
  if (bytes.length < fileHeaderBytes || !bytes.subarray(0, 4).equals(fileMagic)) return undefined;
  if (crc32(bytes.subarray(0, 4 + idLength)) !== bytes.readUInt32LE(4 + idLength)) return undefined;
  const id = bytes.toString('latin1', 4, 4 + idLength);
  return idPattern.test(id) ? id : undefined;
}

function headerAt(bytes: Buffer, at: number, salt: number): { length: number; sequence: number; crc: number } | undefined {
  if (at + frameHeaderBytes > bytes.length || bytes.compare(frameMagic, 0, 4, at, at + 4) !== 0) return undefined;
  if (crc32(bytes.subarray(at, at + 16), salt) !== bytes.readUInt32LE(at + 16)) return undefined;
  return { length: bytes.readUInt32LE(at + 4), sequence: bytes.readUInt32LE(at + 8), crc: bytes.readUInt32LE(at + 12) };
}
