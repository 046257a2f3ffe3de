/** For commands: has the gateway of the same folder bring its newest records to the store before they are read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isLocked } from '../files/lock.ts';
import { ownerLockFile, spoolRoot } from '../files/paths.ts';
import { requestFlush } from '../spool/flush-request.ts';
import { segmentIds } from '../spool/spool-folders.ts';

const waitMsMax = 5_000;
const pollMs = 25;

/** True when everything that was recorded before the call is in the store; false without a shipper, or when it takes longer than 5 s. */
export async function flushSpool(storePath: string): Promise<boolean> {
  const root = spoolRoot(storePath);
  const before = await segmentIds(root);
  if (before.size === 0) return true;
  if (!isLocked(ownerLockFile(storePath))) return false;
  await requestFlush(root);
  for (const deadline = Date.now() + waitMsMax; Date.now() < deadline; await sleep(pollMs)) {
    const now = await segmentIds(root);
    if (![...before].some(id => now.has(id))) return true;
  }
  return false;
}
