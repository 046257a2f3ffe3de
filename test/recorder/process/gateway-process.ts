/** Stands in for a gateway in tests that kill it: starts a recorder, records one exchange and prints the store's URL. */
import { join } from 'node:path';
import { spoolRoot } from '../../../recorder/files/paths.ts';
import { startRecorder } from '../../../recorder/process/supervisor.ts';
import { openSpool } from '../../../recorder/spool/spool.ts';
import { plainExchange } from '../plain-exchange.ts';
import { settingsIn } from '../settings.ts';

const [path = ''] = process.argv.slice(2);
const root = spoolRoot(path);
const recorder = await startRecorder(settingsIn(path), line => process.stderr.write(`${line}\n`));
const sink = openSpool(join(root, 'gateway-0'), { durability: 'process', whenFull: 'refuse', bytesMax: 1e9, root, segmentAgeMs: 60_000 });
const exchange = plainExchange();
await sink.record(exchange);
process.stdout.write(`${JSON.stringify({ id: exchange.id, storeUrl: recorder.storeUrl })}\n`);
process.once('SIGTERM', async () => {
  await sink.close();
  await recorder.close();
  process.exit(0);
});
setInterval(() => {}, 60_000);
