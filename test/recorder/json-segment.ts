/** Segments as version 0.1.0 wrote them: each exchange as a JSON head and the bodies behind it. */
import { crc32 } from 'node:zlib';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { encodeExchange } from '../../recorder/spool/record-encoding.ts';
import { frameHeaderBytes, renderFileHeader, saltOf, writeFrameHeader } from '../../recorder/spool/segment.ts';

/** A frame's payload. */
export function jsonPayload(exchange: Exchange): Buffer {
  const { head, bodies } = encodeExchange(exchange);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(head));
  return Buffer.concat([length, Buffer.from(head), ...bodies]);
}

export function jsonSegment(id: string, exchanges: readonly Exchange[]): Buffer {
  const frames = exchanges.map((exchange, sequence) => {
    const payload = jsonPayload(exchange);
    const frame = Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]);
    writeFrameHeader(frame, 0, { length: payload.length, sequence, crc: crc32(payload) }, saltOf(id));
    return frame;
  });
  return Buffer.concat([renderFileHeader(id), ...frames]);
}
