/** The spool of one replay run: the recorder that runs takes it to the store like any gateway's. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../gateway/core/exchange.ts';
import type { Settings } from '../gateway/settings.ts';
import { isEmpty, removeFolder } from './folders.ts';
import { spoolRoot } from './places.ts';
import { openSpool } from './spool.ts';

export interface ReplaySpool {
  readonly sink: Sink;
  /** Ends the writing and waits until the store has everything. False when the recorder did not get there in time; it will, later. */
  settled(): Promise<boolean>;
}

const settleMsMax = 60_000;
const lookEveryMs = 50;

export function openReplaySpool({ store, recorder }: Settings, run: string): ReplaySpool {
  const root = spoolRoot(store.path);
  const folder = join(root, `replay-${run}`);
  const sink = openSpool(folder, { durability: 'process', whenFull: 'refuse', bytesMax: recorder.spoolBytesMax, root });
  return {
    sink,
    settled: async () => {
      await sink.close();
      const until = Date.now() + settleMsMax;
      while (!(await isEmpty(folder))) {
        if (Date.now() > until) return false;
        await sleep(lookEveryMs);
      }
      await removeFolder(folder);
      return true;
    },
  };
}
