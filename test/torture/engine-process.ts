/** A store of its own, as a ClickHouse server would be: the engine behind HTTP in a process that can be killed alone. */

import { repairDeduplicationLogs } from '../../recorder/engine/deduplication-repair.ts';
import { startEngine } from '../../recorder/engine/server.ts';

const [path = '', port = '0', writerKey = ''] = process.argv.slice(2);
repairDeduplicationLogs(path);
const engine = await startEngine({ path, host: '127.0.0.1', port: Number(port), writerKey });
process.stdout.write(`${engine.url}\n`);
process.once('SIGTERM', () => void engine.close().then(() => process.exit(0)));
