/** A writer for tests that kill it: records without pause into its folder and prints each id when, and only when, its record is sealed. */
import { writeSync } from 'node:fs';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { plainExchange } from '../plain-exchange.ts';

const [folder = '', root = '', durability = 'process'] = process.argv.slice(2);
const sink = openSpool(folder, {
  durability: durability as 'process' | 'power',
  whenFull: 'refuse',
  bytesMax: 1024 * 1024 * 1024,
  root,
  segmentBytes: 512 * 1024,
  segmentAgeMs: 100,
});
process.once('disconnect', () => process.exit());

async function recordWithoutPause(bytes: number): Promise<void> {
  for (;;) {
    const exchange = plainExchange({ request: Buffer.alloc(bytes, 'x') });
    await sink.record(exchange);
    writeSync(1, `${exchange.id}\n`);
    await new Promise(resolve => setTimeout(resolve, Number(process.argv[5] ?? 100)));
  }
}
await Promise.all([100, 2_000, 2_000, 20_000, 60_000].map(recordWithoutPause));
