/** Packs exchanges into frames in memory, so that many of them go to disk in one write with little copying. */
import { crc32 } from 'node:zlib';
import type { RawRequest } from '../../gateway/core/chat/provider.ts';
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { PieceWriter } from '../rows/piece-writer.ts';
import { packExchange } from './packed-rows.ts';
import { encodeRecord, headLengthBytes, isFeedback } from './record-encoding.ts';
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

/** Packs exchanges into frames. Its memory is used again after `reset`. */
export class Arena {
  readonly #writer = new PieceWriter();

  /** Reuses the memory. Call it only when all packed frames are written or given up. */
  rewind(): void {
    this.#writer.rewind();
  }

  /** `parsedRequest`: what the request of the record says, where it was read before. */
  pack(record: Exchange | Feedback, parsedRequest?: RawRequest): PackedFrame {
    if (isFeedback(record)) return this.#packAsJson(record);
    const writer = this.#writer;
    try {
      packExchange(writer, record, frameHeaderBytes, parsedRequest);
    } catch {
      // The recorder sets it aside and says why: the caller's answer does not depend on it.
      writer.at = writer.from;
      return this.#packAsJson(record);
    }
    return this.#frame(writer.externals, writer.externalBytes);
  }

  #packAsJson(record: Exchange | Feedback): PackedFrame {
    const { head, bodies, bodyBytes } = encodeRecord(record);
    const writer = this.#writer;
    writer.begin();
    const headLength = Buffer.byteLength(head);
    writer.reserve(frameHeaderBytes + headLengthBytes + headLength);
    writer.at += frameHeaderBytes;
    writer.u32(headLength);
    writer.at += writer.block.write(head, writer.at, 'utf8');
    return this.#frame(bodies, bodyBytes);
  }

  /** What was written since `begin`, and `bodies` behind it. */
  #frame(bodies: readonly Uint8Array[], bodyBytes: number): PackedFrame {
    const { block, from, at: to } = this.#writer;
    let crc = crc32(block.subarray(from + frameHeaderBytes, to));
    for (const body of bodies) crc = crc32(body, crc);
    const length = to - from - frameHeaderBytes + bodyBytes;
    return { bytes: frameHeaderBytes + length, length, crc, block, from, to, bodies };
  }
}

/** Numbers the frames from `sequence` on and returns the buffers to write; frames next to each other in a block are one buffer. */
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
