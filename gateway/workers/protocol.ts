/** The messages between the primary process and its workers. */
import type { TailEvent } from '../admin/api/exchanges.ts';
import type { WatchedTail } from '../admin/live/workers.ts';
import type { RecorderStats } from '../observability/metrics.ts';

/** What a worker may ask all of them for: their metrics as OpenMetrics, or what they are answering as JSON. */
export type Gathered = 'metrics' | 'in-flight';

/** A tail's id begins with the number of the worker that shows it, and a colon. */
type TailMessage =
  | { readonly type: 'watch'; readonly tail: WatchedTail }
  | { readonly type: 'unwatch'; readonly id: string }
  | { readonly type: 'tailed'; readonly id: string; readonly event: TailEvent };

/** The id of a tail over all workers: the asking worker's slot and its own number. */
export const tailId = (slot: number, number: number): string => `${slot}:${number}`;

/** The slot of the worker that asked for the tail. */
export const slotOfTail = (id: string): number => Number.parseInt(id, 10);

export type ToWorker =
  /** The recorder's state, sent every second and when a worker starts. */
  | { readonly type: 'recorder'; readonly problem: string | undefined; readonly stats: RecorderStats | undefined }
  | { readonly type: 'close' }
  /** Close open connections now instead of waiting for their responses. */
  | { readonly type: 'force-close' }
  | TailMessage
  | { readonly type: 'scrape'; readonly id: number; readonly about: Gathered }
  | { readonly type: 'collected'; readonly id: number; readonly text: string };

export type FromWorker =
  | { readonly type: 'listening'; readonly url: string }
  /** The worker cannot start; the message is for the operator. */
  | { readonly type: 'failed'; readonly message: string }
  | TailMessage
  /** The worker needs what all workers report. */
  | { readonly type: 'collect'; readonly id: number; readonly about: Gathered }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string };

/** The environment variable with the worker's number, from 0 on. A replacement has the number of the dead worker, and so its spool. */
export const slotVariable = 'HINDCAST_WORKER';
