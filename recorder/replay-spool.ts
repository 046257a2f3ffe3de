/** The spool of one replay run: the recorder that runs here takes it to the store like any gateway's. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../gateway/core/exchange.ts';
import type { Settings } from '../gateway/settings.ts';
import { isEmpty, removeFolder } from './folders.ts';
import { isLocked } from './lock.ts';
import { ownerLock, spoolRoot } from './places.ts';
import { redacting } from './redact.ts';
import { openSpool } from './spool.ts';
import { type Recorder, startRecorder } from './supervise.ts';

export interface ReplaySpool {
  readonly sink: Sink;
  /** Ends the writing and waits until the store has everything. False when the recorder did not get there in time; it will, later. */
  settled(): Promise<boolean>;
}

const settleMsMax = 60_000;
const lookEveryMs = 50;
const ownerLookEveryMs = 1_000;

export function openReplaySpool(settings: Settings, run: string): ReplaySpool {
  const { store, recorder } = settings;
  const root = spoolRoot(store.path);
  const folder = join(root, `replay-${run}`);
  const spool = openSpool(folder, { durability: 'process', whenFull: 'refuse', bytesMax: recorder.spoolBytesMax, root });
  const sink = redacting(spool, recorder);
  return {
    sink,
    settled: async () => {
      await sink.close();
      const shipped = await waitForShipping(settings, folder);
      if (shipped) await removeFolder(folder);
      return shipped;
    },
  };
}

/** Where nobody ships, no gateway runs and the store is a server of its own: then a recorder is started for as long as it takes. */
async function waitForShipping(settings: Settings, folder: string): Promise<boolean> {
  const until = Date.now() + settleMsMax;
  let own: Recorder | undefined;
  let ownerSeenAt = Number.NEGATIVE_INFINITY;
  try {
    while (!(await isEmpty(folder))) {
      if (Date.now() > until) return false;
      if (!own && Date.now() - ownerSeenAt > ownerLookEveryMs) {
        if (!isLocked(ownerLock(settings.store.path)))
          own = await startRecorder({ ...settings, store: { ...settings.store, port: 0 } }, () => {});
        ownerSeenAt = Date.now();
      }
      await sleep(lookEveryMs);
    }
    return true;
  } finally {
    await own?.close();
  }
}
