/** The spool of one replay run, which the recorder ships like a gateway's. */
import { join } from 'node:path';
import type { ExchangeSink } from '../../gateway/core/exchange.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { spoolRoot } from '../files/paths.ts';
import { redactingSink } from '../redact/redacting-sink.ts';
import { openSpool } from '../spool/spool.ts';
import { isFolderEmpty, removeWriterFolder } from '../spool/spool-folders.ts';
import { waitUntilShipped } from './wait-until-shipped.ts';

export interface ReplaySpool {
  readonly sink: ExchangeSink;
  /** Ends writing and waits until everything is stored. False when that takes too long; the recorder continues. */
  closeAndDrain(): Promise<boolean>;
}

const drainMsMax = 60_000;

export function openReplaySpool(settings: Settings, run: string): ReplaySpool {
  const { store, recorder } = settings;
  const root = spoolRoot(store.path);
  const folder = join(root, `replay-${run}`);
  const spool = openSpool(folder, { durability: 'process', whenFull: 'refuse', bytesMax: recorder.spoolBytesMax, root });
  const sink = redactingSink(spool, recorder);
  return {
    sink,
    closeAndDrain: async () => {
      await sink.close();
      const isDrained = await waitUntilShipped(settings, () => isFolderEmpty(folder), drainMsMax);
      if (isDrained) await removeWriterFolder(folder);
      return isDrained;
    },
  };
}
