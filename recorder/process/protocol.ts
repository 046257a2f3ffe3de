/** What the recorder process and its parent say to each other. Everything is plain data, for it goes from process to process. */

import type { ShipStats } from '../ship/shipper.ts';
import type { Retention, TableRetention } from '../store/retention.ts';

export interface RecorderOptions {
  /** Absolute. */
  readonly path: string;
  readonly store:
    | { readonly type: 'embedded'; readonly host: string; readonly port: number; readonly password: string | undefined }
    | {
        readonly type: 'server';
        readonly url: string;
        readonly username: string;
        readonly password: string;
        readonly database: string;
        readonly cluster: string | undefined;
      };
  readonly retention: Retention;
  readonly tableDays: TableRetention;
  readonly search: boolean;
  /** How long another recorder may still be ending in the same folder. */
  readonly lockWaitMs: number;
}

/** An environment variable would show the password to whoever lists processes, so the options come as a message. */
export type ToRecorder =
  | { readonly type: 'start'; readonly options: RecorderOptions }
  /** Ship all closed segments now; answered by `flushed` with the same id. */
  | { readonly type: 'flush'; readonly id: number }
  | { readonly type: 'close' };

export type FromRecorder =
  | { readonly type: 'ready'; readonly storeUrl: string }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'flushed'; readonly id: number }
  | { readonly type: 'stats'; readonly stats: ShipStats }
  | { readonly type: 'log'; readonly line: string };
