/** Reads LZ4's frame format (lz4 1.6 `lz4_Frame_format.md`), in which clickhouse-connect packs inserts. Checksums are not looked at. */
import { Transform, type TransformCallback } from 'node:stream';
import { exceptions } from '../session/exception.ts';

const magic = 0x184d2204;
/** By the block size's code in the header: 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
const blockBytesMax: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 };
/** How far back a block may point into the one before it. */
const windowBytes = 1 << 16;

interface Frame {
  readonly blockMax: number;
  readonly hasBlockChecksum: boolean;
  readonly hasContentChecksum: boolean;
  readonly isLinked: boolean;
}

/** Decoded bytes of one or more frames; the stream fails with INCORRECT_DATA on anything else. */
export class Lz4FrameDecoder extends Transform {
  #input: Buffer = Buffer.alloc(0);
  #frame: Frame | undefined;
  #window: Buffer = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    try {
      while (this.#step());
      done();
    } catch (error) {
      done(error instanceof RangeError ? spoiled() : (error as Error));
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.#input.length > 0 || this.#frame ? spoiled() : null);
  }

  /** False when more input is needed. */
  #step(): boolean {
    return this.#frame ? this.#readBlock(this.#frame) : this.#readHeader();
  }

  #readHeader(): boolean {
    const input = this.#input;
    if (input.length < 7) return false;
    if (input.readUInt32LE(0) !== magic) throw spoiled();
    const flags = input[4]!;
    const blockMax = blockBytesMax[(input[5]! >> 4) & 7];
    if (flags >> 6 !== 1 || blockMax === undefined) throw spoiled();
    const length = 7 + (flags & 8 ? 8 : 0) + (flags & 1 ? 4 : 0);
    if (input.length < length) return false;
    this.#frame = { blockMax, isLinked: (flags & 32) === 0, hasBlockChecksum: (flags & 16) !== 0, hasContentChecksum: (flags & 4) !== 0 };
    this.#window = Buffer.alloc(0);
    this.#input = input.subarray(length);
    return true;
  }

  #readBlock({ blockMax, isLinked, hasBlockChecksum, hasContentChecksum }: Frame): boolean {
    const input = this.#input;
    if (input.length < 4) return false;
    const size = input.readUInt32LE(0);
    if (size === 0) {
      const end = 4 + (hasContentChecksum ? 4 : 0);
      if (input.length < end) return false;
      this.#input = input.subarray(end);
      this.#frame = undefined;
      return true;
    }
    const length = size & 0x7fffffff;
    if (length > blockMax) throw spoiled();
    const end = 4 + length + (hasBlockChecksum ? 4 : 0);
    if (input.length < end) return false;
    const block = input.subarray(4, 4 + length);
    const bytes = size >>> 31 ? Buffer.from(block) : decodeBlock(block, isLinked ? this.#window : Buffer.alloc(0), blockMax);
    this.#window = isLinked ? Buffer.concat([this.#window, bytes]).subarray(-windowBytes) : this.#window;
    this.#input = input.subarray(end);
    this.push(bytes);
    return true;
  }
}

/** A block's bytes; `before` is what it may point back to. Throws RangeError on a pointer or a length that leads outside. */
function decodeBlock(block: Buffer, before: Buffer, bytesMax: number): Buffer {
  const out = Buffer.allocUnsafe(before.length + bytesMax);
  before.copy(out);
  let from = 0;
  let to = before.length;
  const next = (): number => {
    if (from >= block.length) throw new RangeError('cut short');
    return block[from++]!;
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15; more; ) {
      const byte = next();
      length += byte;
      more = byte === 255;
    }
    return length;
  };
  while (from < block.length) {
    const token = next();
    const literals = lengthOf(token >> 4);
    if (from + literals > block.length || to + literals > out.length) throw new RangeError('too long');
    block.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    if (from === block.length) break;
    const offset = next() | (next() << 8);
    const length = lengthOf(token & 15) + 4;
    if (offset === 0 || offset > to || to + length > out.length) throw new RangeError('outside');
    // A match may overlap what it writes.
    for (let i = 0; i < length; i += 1) out[to + i] = out[to + i - offset]!;
    to += length;
  }
  return Buffer.from(out.subarray(before.length, to));
}

const spoiled = () => exceptions.incorrectData('The body cannot be decompressed: it is no LZ4 frame, or is cut short.');
