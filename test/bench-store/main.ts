/** `npm run bench:store`: what the embedded engine takes to keep exchanges, and to answer the dashboards over many of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boards } from '../../dashboards/boards/index.ts';
import { textOf } from '../../dashboards/build.ts';
import { expandMacros } from '../../dashboards/macros.ts';
import { table } from '../../gateway/cli/command.ts';
import { columnsOf, tableNames } from '../../recorder/rows/tables.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { connect, type Store } from '../../recorder/store/store.ts';
import { type EncodedRows, rowsOf } from '../recorder/encoded-rows.ts';
import { fill } from './million.ts';
import { exchangesOf } from './rows.ts';

const usage = `npm run bench:store -- [options]
  --inserts N     exchanges with payloads to insert (default: 20000)
  --payload N     bytes of request and answer together (default: 4096)
  --exchanges N   exchanges to query (default: 1000000)
  --json          the figures as JSON
`;

const { values: options } = parseArgs({
  options: {
    inserts: { type: 'string', default: '20000' },
    payload: { type: 'string', default: '4096' },
    exchanges: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const logProgress = (line: string): void => void process.stderr.write(`${line}\n`);
const batchExchanges = 1_000;
const runsPerQuery = 3;
const ticksPerSecond = 100;

/** Of a process, in user and kernel mode; NaN where the system does not tell. */
function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

const encode = (count: number, now: number): readonly EncodedRows[] =>
  exchangesOf(count, Number(options.payload), now).map(exchange => rowsOf(exchange, { records: 90, payloads: 30 }));

async function insertAll(store: Store, pid: number): Promise<Record<string, number>> {
  const total = Number(options.inserts);
  let [seconds, encodeCpu, rows] = [0, 0, 0];
  const before = cpuSeconds(pid);
  for (let done = 0; done < total; done += batchExchanges) {
    const own = process.cpuUsage();
    const encoded = encode(Math.min(batchExchanges, total - done), Date.now() - done * 10);
    const { user, system } = process.cpuUsage(own);
    encodeCpu += (user + system) / 1e6;
    const started = performance.now();
    for (const name of tableNames) {
      const body = Buffer.concat(encoded.map(of => of[name].bytes));
      rows += encoded.reduce((sum, of) => sum + of[name].count, 0);
      await store.insertBinary(
        name,
        columnsOf(name).map(column => column.name),
        body,
        `bench ${done} ${name}`,
      );
    }
    seconds += (performance.now() - started) / 1_000;
  }
  // Merges that the inserts cause belong to their price.
  const cpu = cpuSeconds(pid) - before;
  return {
    exchanges: total,
    rows,
    exchangesPerSecond: total / seconds,
    rowsPerSecond: rows / seconds,
    engineCpuUsPerRow: (cpu * 1e6) / rows,
    engineCpuUsPerExchange: (cpu * 1e6) / total,
    makeAndEncodeCpuUsPerExchange: (encodeCpu * 1e6) / total,
  };
}

const sizes = (store: Store): Promise<readonly { table: string; rows: number; bytes: number; raw: number }[]> =>
  store.select(`SELECT table, sum(p.rows) AS rows, sum(p.bytes_on_disk) AS bytes, sum(p.data_uncompressed_bytes) AS raw FROM system.parts AS p
WHERE active AND database = currentDatabase() AND p.rows > 0 AND table IN ('requests', 'attempts', 'payloads') GROUP BY table ORDER BY table`);

async function timeQueries(store: Store, now: number): Promise<readonly { query: string; ms: number }[]> {
  const to = Math.ceil(now / 1000);
  const chosen = { from: to - 86_400, to, intervalSeconds: 60, variables: { tenant: 'all', outcome: 'all', run: ['none'] } } as const;
  const queries = [...new Set(boards.flatMap(({ panels }) => panels.map(({ query }) => query)))].filter(query => query.endsWith('.sql'));
  const times: { query: string; ms: number }[] = [];
  for (const query of queries) {
    const sql = expandMacros(textOf(query), chosen);
    const taken: number[] = [];
    for (let i = 0; i < runsPerQuery; i++) {
      const started = performance.now();
      await store.select(sql);
      taken.push(performance.now() - started);
    }
    times.push({ query, ms: taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)]! });
  }
  return times.sort((a, b) => b.ms - a.ms);
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-bench-store-'));
  const key = 'a-key-of-the-bench';
  const program = join(import.meta.dirname, '../torture/engine-process.ts');
  const engine = spawn(process.execPath, [program, folder, '0', key], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => engine.kill('SIGKILL'));
  try {
    const [line] = (await once(engine.stdout, 'data')) as [Buffer];
    const store = connect({ url: line.toString().trim(), username: 'writer', password: key });
    await migrate(store);
    logProgress(`inserting ${options.inserts} exchanges of ${options.payload} bytes`);
    const inserted = await insertAll(store, engine.pid!);
    const disk = await sizes(store);
    logProgress(`making ${options.exchanges} exchanges inside the engine`);
    const now = Date.now();
    await fill(store, Number(options.exchanges), now);
    logProgress('asking what the dashboards ask');
    const queries = await timeQueries(store, now);
    await store.close();
    const machine = `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}`;
    if (options.json) return void process.stdout.write(`${JSON.stringify({ machine, inserted, disk, queries }, null, 2)}\n`);
    const figures = Object.entries(inserted).map(([name, value]) => [name, value < 100 ? value.toFixed(1) : value.toFixed(0)]);
    const onDisk = disk.map(({ table: name, rows, bytes, raw }) => [name, `${rows}`, (bytes / rows).toFixed(0), (raw / bytes).toFixed(1)]);
    process.stdout.write(
      [
        machine,
        table(['inserting', 'figure'], figures),
        table(['table', 'rows', 'bytes per row on disk', 'compressed by'], onDisk),
        table(
          [`query over ${options.exchanges} exchanges`, 'ms'],
          queries.map(({ query, ms }) => [query, ms.toFixed(0)]),
        ),
        '',
      ].join('\n\n'),
    );
  } finally {
    const ended = once(engine, 'exit');
    engine.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

if (options.help) process.stdout.write(usage);
else await run();
