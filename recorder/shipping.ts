/** Waits until what lies in the spool has been shipped, by the recorder that runs here or else by one that is started for as long as it takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../gateway/settings/settings.ts';
import { isLocked } from './lock.ts';
import { ownerLock } from './places.ts';
import { type Recorder, startRecorder } from './supervise.ts';

const lookEveryMs = 50;
const ownerLookEveryMs = 1_000;

/** False when it took longer than `msMax`. Where nobody ships, no gateway runs and the store is a server of its own. */
export async function shipped(settings: Settings, isDone: () => Promise<boolean>, msMax: number): Promise<boolean> {
  const until = Date.now() + msMax;
  let own: Recorder | undefined;
  let ownerSeenAt = Number.NEGATIVE_INFINITY;
  try {
    while (!(await isDone())) {
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
