/** Which frames go to the store together, and under which token. Both depend on a frame's own place and content alone. */
import type { Instant } from '../../gateway/core/shared/time.ts';
import { currentList, type TableName } from '../rows/tables.ts';
import { isPacked, type PackedRows, unpackRows } from '../spool/packed-rows.ts';
import { packedIdentity } from '../spool/payload-identity.ts';
import { decodeRecord, isFeedback } from '../spool/record-encoding.ts';
import type { Frame, Segment } from '../spool/segment.ts';
import { segmentBytesMax, segmentFramesMax } from '../spool/segment-limits.ts';
import { type Retention, type RetentionDays, retentionDaysOf } from '../store/retention.ts';
import { isErased, recordIdentity, type Tombstone } from '../tombstones/tombstone.ts';
import { rowsOf, rowsOfFeedback } from './encode-rows.ts';

interface SliceLimits {
  readonly frames: number;
  readonly bytes: number;
}
/** A whole segment, but for one that a single large frame makes larger than it may be. */
const packedLimits: SliceLimits = { frames: segmentFramesMax, bytes: segmentBytesMax };
/** As version 0.1.0 has them, which may have inserted a part of its segment already. */
const jsonLimits: SliceLimits = { frames: 5_000, bytes: 8 * 1024 * 1024 };

/** An insert may write to at most a hundred partitions, which are days. */
const daysMax = 50;
const dayMs = 86_400_000;

export interface BatchEntry {
  readonly frame: Frame;
  readonly id: string;
  readonly receivedAt: Instant;
  readonly rows: PackedRows['rows'];
}

/** Rows that an entry adds to a table. */
export const rowCount = ({ rows }: BatchEntry, table: TableName): number => rows[table]?.count ?? 0;

/** Frames that are inserted together. */
export interface Batch {
  /** The same for the same frames after every restart. */
  readonly token: string;
  /** Sequences it may hold: from the first up to, not including, the second. */
  readonly range: Range;
  /** The column list of its rows. */
  readonly list: string;
  readonly entries: readonly BatchEntry[];
}
export type Range = readonly [from: number, to: number];

/** A frame whose bytes are whole but that is no record the tables can hold. */
export interface InvalidFrame {
  readonly frame: Frame;
  readonly problem: string;
}

export interface SegmentSlice {
  readonly batches: readonly Batch[];
  readonly invalidFrames: readonly InvalidFrame[];
  /** Frames that were left out. */
  readonly erasedCount: number;
}

interface Slice {
  readonly frames: Frame[];
  readonly isPacked: boolean;
  /** A part of the token. */
  readonly name: string;
  readonly range: Range;
}

/** Rows of one slice at a time, so that no more than that is in memory. */
export function* batchesOf(segment: Segment, retention: Retention, tombstones: readonly Tombstone[] = []): Generator<SegmentSlice> {
  const daysOf = (tenant: string): RetentionDays => retentionDaysOf(retention, tenant);
  for (const slice of slicesOf(segment)) {
    const invalidFrames: InvalidFrame[] = [];
    let erasedCount = 0;
    const groups = new Map<string, { readonly list: string; readonly entries: BatchEntry[] }>();
    for (const frame of slice.frames) {
      try {
        const read = slice.isPacked ? readPacked(frame, daysOf, tombstones) : readJson(frame, daysOf, tombstones);
        if (!read) {
          erasedCount += 1;
          continue;
        }
        const days = Math.floor(read.entry.receivedAt / dayMs / daysMax);
        const token = `${segment.id}.${slice.name}.${days}${slice.isPacked ? `.${read.list}` : ''}`;
        const group = groups.get(token) ?? { list: read.list, entries: [] };
        group.entries.push(read.entry);
        groups.set(token, group);
      } catch (error) {
        invalidFrames.push({ frame, problem: error instanceof Error ? error.message : String(error) });
      }
    }
    const batches = [...groups].map(([token, group]): Batch => ({ token, range: slice.range, ...group }));
    yield { batches, invalidFrames, erasedCount };
  }
}

function slicesOf({ frames }: Segment): Iterable<Slice> {
  const slices = new Map<string, Slice>();
  for (const frame of frames) {
    const packed = isPacked(frame.payload);
    const limits = packed ? packedLimits : jsonLimits;
    const part = Math.floor(frame.sequence / limits.frames);
    const name = `${Math.floor(frame.offset / limits.bytes)}.${part}`;
    const key = `${name} ${packed}`;
    const slice = slices.get(key);
    if (slice) slice.frames.push(frame);
    else slices.set(key, { frames: [frame], isPacked: packed, name, range: [part * limits.frames, (part + 1) * limits.frames] });
  }
  return slices.values();
}

interface ReadFrame {
  readonly list: string;
  readonly entry: BatchEntry;
}
/** Undefined when the record was erased. */
type ReadAs = (frame: Frame, daysOf: (tenant: string) => RetentionDays, tombstones: readonly Tombstone[]) => ReadFrame | undefined;

const readPacked: ReadAs = (frame, daysOf, tombstones) => {
  const packed = unpackRows(frame.payload, daysOf);
  if (tombstones.length > 0 && isErased(packedIdentity(packed), tombstones)) return undefined;
  const { list, id, receivedAt, rows } = packed;
  return { list, entry: { frame, id, receivedAt, rows } };
};

const readJson: ReadAs = (frame, daysOf, tombstones) => {
  const record = decodeRecord(frame.payload);
  if (isErased(recordIdentity(record), tombstones)) return undefined;
  const entry = isFeedback(record)
    ? { frame, id: record.request, receivedAt: record.scores[0]!.at, rows: rowsOfFeedback(record) }
    : { frame, id: record.id, receivedAt: record.receivedAt, rows: rowsOf(record, daysOf) };
  return { list: currentList, entry };
};

/** Two batches of half the range each, one of which may be empty. Undefined when there is only one frame. */
export function splitBatch(batch: Batch): readonly Batch[] | undefined {
  if (batch.entries.length < 2) return undefined;
  const [from, to] = batch.range;
  const middle = Math.floor((from + to) / 2);
  const half = (part: string, range: Range): Batch => ({
    ...batch,
    token: `${batch.token}/${part}`,
    range,
    entries: batch.entries.filter(({ frame }) => frame.sequence >= range[0] && frame.sequence < range[1]),
  });
  return [half('0', [from, middle]), half('1', [middle, to])];
}
