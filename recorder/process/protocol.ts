/** Messages between the recorder process and its parent: plain data. */

import type { ReaderCounts } from '../engine/readers/readers.ts';
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
  /** How long to wait for another recorder that is ending in the folder. */
  readonly lockWaitMs: number;
}

/** The options come as a message, because an environment variable would show the password in the list of processes. */
export type ToRecorder =
  | { readonly type: 'start'; readonly options: RecorderOptions }
  /** Ship all closed segments now; answered by `flushed` with the same id. */
  | { readonly type: 'flush'; readonly id: number }
  | { readonly type: 'close' };

/** How the recorder and the engine behind it are. */
export interface RecorderStats extends ShipStats {
  readonly readers: ReaderCounts;
  /** Parts of tables whose rows are missing. */
  readonly damagedParts: number;
  /** What somebody should look at although everything is answered and recorded. */
  readonly warnings: readonly string[];
}

export type FromRecorder =
  | { readonly type: 'ready'; readonly storeUrl: string }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'flushed'; readonly id: number }
  | { readonly type: 'stats'; readonly stats: RecorderStats }
  | { readonly type: 'log'; readonly line: string };
