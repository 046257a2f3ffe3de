/** Waits until the spool is shipped, by the running recorder or by one that is started for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../../gateway/settings/settings.ts';
import { isLocked } from '../files/lock.ts';
import { ownerLockFile } from '../files/paths.ts';
import { type Recorder, startRecorder } from './supervisor.ts';

const pollMs = 50;
const ownerPollMs = 1_000;

/** False when it takes longer than `msMax`. */
export async function waitUntilShipped(settings: Settings, isDone: () => Promise<boolean>, msMax: number): Promise<boolean> {
  const deadline = Date.now() + msMax;
  let ownRecorder: Recorder | undefined;
  let ownerSeenAt = Number.NEGATIVE_INFINITY;
  try {
    while (!(await isDone())) {
      if (Date.now() > deadline) return false;
      if (!ownRecorder && Date.now() - ownerSeenAt > ownerPollMs) {
        if (!isLocked(ownerLockFile(settings.store.path)))
          ownRecorder = await startRecorder({ ...settings, store: { ...settings.store, port: 0 } }, () => {});
        ownerSeenAt = Date.now();
      }
      await sleep(pollMs);
    }
    return true;
  } finally {
    await ownRecorder?.close();
  }
}
