/** Which frames go to the store together, and under what token: told from a frame's own place and content, whatever happens to the others. */
import type { Exchange } from '../../gateway/core/exchange.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { type EncodedRows, rowsOf, rowsOfFeedback } from '../rows/tables.ts';
import { decodeRecord, isFeedback } from '../spool/record-encoding.ts';
import type { Frame, Segment } from '../spool/segment.ts';
import type { Retention } from '../store/retention.ts';
import { isErased, type Tombstone } from '../tombstones/tombstone.ts';

export const framesMax = 5_000;
export const bytesMax = 8 * 1024 * 1024;
/** One insert may touch a hundred partitions, which are days. */
const daysMax = 50;
const dayMs = 86_400_000;

export interface BatchEntry {
  readonly frame: Frame;
  readonly id: string;
  readonly receivedAt: Instant;
  readonly rows: EncodedRows;
}

/** Frames of one stretch of a segment. */
export interface Batch {
  /** The same for the same stretch in every life of the recorder. */
  readonly token: string;
  /** Of the sequences it may hold: from the first up to, not including, the second. */
  readonly range: Range;
  readonly entries: readonly BatchEntry[];
}
export type Range = readonly [from: number, to: number];

/** A frame whose bytes are whole but that is no exchange the tables can hold. */
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

/** Rows are made batch by batch, so that no more than one batch of them is in memory. */
export function* batchesOf(segment: Segment, retention: Retention, tombstones: readonly Tombstone[] = []): Generator<SegmentSlice> {
  const slices = Map.groupBy(segment.frames, ({ offset, sequence }) => {
    return `${Math.floor(offset / bytesMax)}.${Math.floor(sequence / framesMax)}`;
  });
  for (const [slice, frames] of slices) {
    const invalidFrames: InvalidFrame[] = [];
    let erasedCount = 0;
    const byDays = new Map<number, BatchEntry[]>();
    for (const frame of frames) {
      try {
        const record = decodeRecord(frame.payload);
        if (isErased(record, tombstones)) {
          erasedCount += 1;
          continue;
        }
        const entry = entryOf(frame, record, retention);
        const days = Math.floor(entry.receivedAt / dayMs / daysMax);
        const entries = byDays.get(days) ?? [];
        entries.push(entry);
        byDays.set(days, entries);
      } catch (error) {
        invalidFrames.push({ frame, problem: error instanceof Error ? error.message : String(error) });
      }
    }
    const from = Math.floor(frames[0]!.sequence / framesMax) * framesMax;
    const batches = [...byDays].map(([days, entries]): Batch => {
      return { token: `${segment.id}.${slice}.${days}`, range: [from, from + framesMax], entries };
    });
    yield { batches, invalidFrames, erasedCount };
  }
}

function entryOf(frame: Frame, record: Exchange | Feedback, retention: Retention): BatchEntry {
  if (isFeedback(record)) return { frame, id: record.request, receivedAt: record.scores[0]!.at, rows: rowsOfFeedback(record) };
  return { frame, id: record.id, receivedAt: record.receivedAt, rows: rowsOf(record, retention) };
}

/** Two batches of half the range each, one of which may be empty. Undefined when there is only one frame. */
export function splitBatch(batch: Batch): readonly Batch[] | undefined {
  if (batch.entries.length < 2) return undefined;
  const [from, to] = batch.range;
  const middle = Math.floor((from + to) / 2);
  const half = (part: string, range: Range): Batch => ({
    token: `${batch.token}/${part}`,
    range,
    entries: batch.entries.filter(({ frame }) => frame.sequence >= range[0] && frame.sequence < range[1]),
  });
  return [half('0', [from, middle]), half('1', [middle, to])];
}
