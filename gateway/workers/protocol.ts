/** What the first process and its workers say to each other. */
import type { RecorderStats } from '../observability/metrics.ts';

export type ToWorker =
  /** Every second, and when it changes: how the recorder is. */
  | { readonly type: 'recorder'; readonly problem: string | undefined; readonly stats: RecorderStats | undefined }
  | { readonly type: 'close' }
  | { readonly type: 'hurry' }
  | { readonly type: 'scrape'; readonly id: number }
  | { readonly type: 'scraped'; readonly id: number; readonly text: string };

export type FromWorker =
  | { readonly type: 'listening'; readonly url: string }
  /** It cannot even start; a message for the operator. */
  | { readonly type: 'failed'; readonly message: string }
  /** Somebody asked it for metrics: those of all are wanted. */
  | { readonly type: 'gather'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string };

/** In a worker's environment: which of them it is, from 0 on. A successor has its predecessor's number, and so its spool. */
export const slotVariable = 'HINDCAST_WORKER';
