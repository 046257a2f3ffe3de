/** What a command reads first: a flush of the newest records, which ends. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tryLock } from '../../../recorder/files/lock.ts';
import { ownerLockFile, spoolRoot } from '../../../recorder/files/paths.ts';
import { flushSpool } from '../../../recorder/process/flush-spool.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { isLong } from '../../runs.ts';
import { plainExchange, temporaryFolder } from '../plain-exchange.ts';

test('a flush is done at once where nothing waits, and says no where records wait and nobody ships them', { timeout: 30_000 }, async () => {
  using folder = temporaryFolder();
  expect(await flushSpool(folder.path)).toBe(true);
  const root = spoolRoot(folder.path);
  const sink = openSpool(join(root, 'gateway-0'), { durability: 'process', whenFull: 'refuse', bytesMax: 1e9, root });
  await sink.record(plainExchange());
  await sink.close();
  expect(await flushSpool(folder.path)).toBe(false);
  if (!isLong) return;
  // Somebody owns the folder and does not ship: the flush gives up after 5 s.
  const owner = tryLock(ownerLockFile(folder.path));
  const startedAt = performance.now();
  expect(await flushSpool(folder.path)).toBe(false);
  expect(performance.now() - startedAt).toBeGreaterThan(4_900);
  owner?.release();
});
