/**
 * `npm run bench:shipping`: what one exchange costs from the spool to the store, in CPU and in bytes.
 *
 * Each part runs in a process of its own: `pack` (the gateway's share), `sink` (a recorder whose server takes everything at once), `engine` (a
 * recorder with the embedded engine in its process).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEngine } from '../../recorder/engine/server.ts';
import { Rollups } from '../../recorder/rollups/rollups.ts';
import { Shipper } from '../../recorder/ship/shipper.ts';
import { openSpool } from '../../recorder/spool/spool.ts';
import { migrate } from '../../recorder/store/migrate.ts';
import { connect } from '../../recorder/store/store.ts';
import { exchangesOf } from './rows.ts';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    folder: { type: 'string' },
    exchanges: { type: 'string', default: '30000' },
    payload: { type: 'string', default: '3072' },
    'segment-bytes': { type: 'string' },
  },
});
const total = Number(options.exchanges);
/** As many as finish together under load. */
const together = 32;
const warmup = 5_000;

const cpuUs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return user + system;
};
const print = (part: string, figures: object): void =>
  void process.stdout.write(`${JSON.stringify({ part, ...figures, load: Number(loadavg()[0]!.toFixed(1)) })}\n`);
const segmentsIn = (folder: string): readonly string[] => readdirSync(folder).filter(name => name.endsWith('.seg'));

/** Fills the spool; the first exchanges only warm the compiler up. */
async function pack(folder: string): Promise<void> {
  const segmentBytes = options['segment-bytes'];
  const spool = openSpool(join(folder, 'spool/gateway-0'), {
    durability: 'process',
    whenFull: 'refuse',
    bytesMax: 4 * 2 ** 30,
    root: join(folder, 'spool'),
    ...(segmentBytes ? { segmentBytes: Number(segmentBytes), segmentAgeMs: 600_000 } : {}),
  });
  let [us, measured] = [0, 0];
  for (let done = 0; done < total; ) {
    const exchanges = exchangesOf(Math.min(2_000, total - done), Number(options.payload), Date.now() - done);
    const before = process.cpuUsage();
    for (let i = 0; i < exchanges.length; i += together)
      await Promise.all(exchanges.slice(i, i + together).map(exchange => spool.record(exchange)));
    if (done >= warmup) {
      us += cpuUs(before);
      measured += exchanges.length;
    }
    done += exchanges.length;
  }
  await spool.close();
  const names = segmentsIn(join(folder, 'spool/gateway-0'));
  const bytes = names.reduce((sum, name) => sum + statSync(join(folder, 'spool/gateway-0', name)).size, 0);
  print('pack', { cpuUs: us / measured, bytes: Math.round(bytes / total), segments: names.length });
}

async function ship(folder: string, embedded: boolean): Promise<void> {
  const sinkProcess = embedded
    ? undefined
    : spawn(process.execPath, [resolve(import.meta.dirname, '../bench/sink.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sinkUrl = sinkProcess && String(await once(sinkProcess.stdout!, 'data')).trim();
  const engine = embedded
    ? await startEngine({ path: join(folder, 'engine'), host: '127.0.0.1', port: 0, writerKey: 'a-key-of-the-bench' })
    : undefined;
  const store = connect({ url: sinkUrl ?? engine!.url, username: 'writer', password: 'a-key-of-the-bench' });
  await migrate(store, { views: !engine });
  const rollups = engine && (await Rollups.open(engine.session, join(folder, 'rollups.sqlite')));
  const root = join(folder, 'spool');
  const mergesEnd = async (): Promise<void> => {
    while (engine && (await store.select('SELECT 1 FROM system.merges LIMIT 1')).length > 0) await sleep(20);
  };
  await mergesEnd();
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const shipper = new Shipper({
    root,
    store: engine?.session ?? store,
    ...(rollups ? { rollups } : {}),
    retention: { records: 90, payloads: 30 },
    verify: true,
    log: line => process.stderr.write(`${line}\n`),
  });
  while (shipper.stats.exchangesWritten < total) await sleep(20);
  await shipper.close(5_000);
  const us = cpuUs(before);
  const seconds = (performance.now() - startedAt) / 1_000;
  await mergesEnd();
  const withMerges = cpuUs(before);
  const peakMb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;
  print(embedded ? 'engine' : 'sink', {
    cpuUs: us / total,
    ...(embedded ? { cpuUsWithMerges: withMerges / total } : {}),
    perSecond: Math.round(total / seconds),
    peakMb: Math.round(peakMb),
  });
  await store.close();
  await engine?.close();
  sinkProcess?.kill();
}

if (options.part === 'pack') await pack(options.folder!);
else if (options.part) await ship(options.folder!, options.part === 'engine');
else {
  for (const part of ['sink', 'engine']) {
    const folder = mkdtempSync(join(tmpdir(), 'hindcast-bench-shipping-'));
    const run = (name: string) =>
      spawnSync(process.execPath, [import.meta.filename, ...process.argv.slice(2), '--part', name, '--folder', folder], {
        stdio: 'inherit',
      });
    run('pack');
    run(part);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
process.exit(0);
