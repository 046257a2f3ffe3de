/** The messages between the primary process and its workers. */
import type { RecorderStats } from '../observability/metrics.ts';

export type ToWorker =
  /** The recorder's state, sent every second and when a worker starts. */
  | { readonly type: 'recorder'; readonly problem: string | undefined; readonly stats: RecorderStats | undefined }
  | { readonly type: 'close' }
  /** Close open connections now instead of waiting for their responses. */
  | { readonly type: 'force-close' }
  | { readonly type: 'scrape'; readonly id: number }
  | { readonly type: 'collected'; readonly id: number; readonly text: string };

export type FromWorker =
  | { readonly type: 'listening'; readonly url: string }
  /** The worker cannot start; the message is for the operator. */
  | { readonly type: 'failed'; readonly message: string }
  /** The worker received a request for /metrics and needs the metrics of all workers. */
  | { readonly type: 'collect-metrics'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string };

/** The environment variable with the worker's number, from 0 on. A replacement has the number of the dead worker, and so its spool. */
export const slotVariable = 'HINDCAST_WORKER';
