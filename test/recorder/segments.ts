/** Closed segments as a writer leaves them in its folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Exchange } from '../../gateway/core/exchange.ts';
import { Arena, buffersOf } from '../../recorder/spool/arena.ts';
import { newSegmentId, renderFileHeader, saltOf, segmentName } from '../../recorder/spool/segment.ts';
import { jsonSegment } from './json-segment.ts';

/** `json` is what version 0.1.0 wrote. */
export type Form = 'packed' | 'json';
export const forms: readonly Form[] = ['packed', 'json'];

/** Gives the segment's path. */
export function writeSegment(root: string, exchanges: readonly Exchange[], at = Date.now(), form: Form = 'packed'): string {
  const id = newSegmentId(at);
  const folder = join(root, 'writer');
  mkdirSync(folder, { recursive: true });
  const arena = new Arena();
  const frames = exchanges.map(exchange => arena.pack(exchange));
  const path = join(folder, segmentName(id, false));
  const packed = Buffer.concat([renderFileHeader(id), ...buffersOf(frames, 0, saltOf(id))]);
  writeFileSync(path, form === 'packed' ? packed : jsonSegment(id, exchanges));
  return path;
}
