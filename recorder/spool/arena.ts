/** Packs exchanges into frames in memory, so that many of them go to disk in one write with as little copying as pays. */
import { crc32 } from 'node:zlib';
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { encodeRecord, headLengthBytes } from './record-encoding.ts';
import { frameHeaderBytes, writeFrameHeader } from './segment.ts';

/** A frame that lacks only its header, which is written when its place in a segment is known. */
export interface PackedFrame {
  /** On disk, header included. */
  readonly bytes: number;
  readonly length: number;
  readonly crc: number;
  readonly block: Buffer;
  readonly from: number;
  readonly to: number;
  /** Bodies too large to copy; they follow what the block holds. */
  readonly bodies: readonly Uint8Array[];
}

const blockBytes = 256 * 1024;
/** Copying up to here is cheaper than one more buffer in the write. */
const copiedBytesMax = 64 * 1024;

export class Arena {
  #block = Buffer.allocUnsafeSlow(blockBytes);
  #used = 0;

  /** Starts over in the same memory; only when every frame it packed is written or given up. */
  rewind(): void {
    if (this.#block.length > blockBytes) this.#block = Buffer.allocUnsafeSlow(blockBytes);
    this.#used = 0;
  }

  pack(record: Exchange | Feedback): PackedFrame {
    const { head, bodies, bodyBytes } = encodeRecord(record);
    const copied = bodyBytes <= copiedBytesMax;
    // A UTF-16 unit is at most three bytes of UTF-8.
    const bytesNeeded = frameHeaderBytes + headLengthBytes + head.length * 3 + (copied ? bodyBytes : 0);
    if (this.#used + bytesNeeded > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, bytesNeeded));
      this.#used = 0;
    }
    const block = this.#block;
    const from = this.#used;
    const headAt = from + frameHeaderBytes + headLengthBytes;
    const headBytes = block.write(head, headAt, 'utf8');
    block.writeUInt32LE(headBytes, from + frameHeaderBytes);
    let to = headAt + headBytes;
    if (copied) {
      for (const body of bodies) {
        block.set(body, to);
        to += body.byteLength;
      }
    }
    this.#used = to;
    let crc = crc32(block.subarray(from + frameHeaderBytes, to));
    if (!copied) for (const body of bodies) crc = crc32(body, crc);
    const length = headLengthBytes + headBytes + bodyBytes;
    return { bytes: frameHeaderBytes + length, length, crc, block, from, to, bodies: copied ? [] : bodies };
  }
}

/** Numbers the frames from `sequence` on and gives the buffers to write, neighbours in one block joined. */
export function buffersOf(frames: readonly PackedFrame[], sequence: number, salt: number): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  let run: { block: Buffer; from: number; to: number } | undefined;
  const endRun = (): void => {
    if (run) buffers.push(run.block.subarray(run.from, run.to));
    run = undefined;
  };
  for (const [i, frame] of frames.entries()) {
    writeFrameHeader(frame.block, frame.from, { length: frame.length, sequence: sequence + i, crc: frame.crc }, salt);
    if (run?.block === frame.block && run.to === frame.from) {
      run.to = frame.to;
    } else {
      endRun();
      run = { block: frame.block, from: frame.from, to: frame.to };
    }
    if (frame.bodies.length > 0) {
      endRun();
      buffers.push(...frame.bodies);
    }
  }
  endRun();
  return buffers;
}
