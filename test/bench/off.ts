/** This gateway without output: the same server, no telemetry, no log, and a sink that keeps nothing. */
import { loadConfig, printProblems } from '../../gateway/config/index.ts';
import { type ExchangeSink, seal } from '../../gateway/core/exchange.ts';
import { silentLog } from '../../gateway/observability/logs.ts';
import { createGateway } from '../../gateway/server.ts';

const loaded = loadConfig({ file: process.argv[2]!, directory: process.cwd(), environment: {} });
if (!loaded.ok) throw new Error(printProblems(loaded.problems));
const sealed = Promise.resolve(seal());
const nowhere: ExchangeSink = { record: () => sealed, refusal: () => undefined, dropped: 0, close: async () => {} };
const gateway = createGateway({ settings: loaded.settings, sink: nowhere, log: silentLog });
process.stdout.write(`${await gateway.listen()}\n`);
// An orderly end, so that a profile of it can be written.
process.once('SIGTERM', () => process.exit());
