/** Two troubles that end by themselves: a store that is away for a while, and a disk that is full. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from './load.ts';
import { ProcessCluster } from './process-cluster.ts';
import { checkDurability, type DurabilityReport } from './rounds.ts';

export interface OutageReport extends DurabilityReport {
  readonly seconds: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly others: readonly number[];
  /** Of the gateway's memory while the store was away. */
  readonly grownBytes: number;
  /** Until everything was delivered after the store came back. */
  readonly deliveredSeconds: number;
}

type Log = (line: string) => void;

/** The callers must not notice. */
export async function storeDown(seconds: number, log: Log): Promise<OutageReport> {
  await using cluster = new ProcessCluster({ store: 'apart', log });
  await cluster.start();
  const load = startLoad(() => cluster.url, { callers: 4, pauseMs: 150, bodyBytes: 8_000 });
  // Code that has warmed up, so that what grows is what is kept.
  await sleep(Math.min(5_000, 500 * seconds));
  await cluster.kill('engine');
  const before = residentBytes(cluster.gatewayPid);
  await sleep(1_000 * seconds);
  const grownBytes = residentBytes(cluster.gatewayPid) - before;
  await load.stop();
  await cluster.startEngine();
  const restartedAt = performance.now();
  await cluster.drained(60_000);
  const deliveredSeconds = (performance.now() - restartedAt) / 1_000;
  const { acknowledged, refused, others } = load.counts;
  const result = await checkDurability(await cluster.store(), acknowledged);
  return { seconds, acknowledged: acknowledged.length, refused, others, grownBytes, deliveredSeconds, ...result };
}

function residentBytes(pid: number | undefined): number {
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1_024;
}

export interface DiskFullReport extends DurabilityReport {
  readonly whenFull: 'refuse' | 'drop';
  readonly acknowledged: number;
  readonly refused: number;
  readonly others: readonly number[];
  /** As the gateway counts them. */
  readonly dropped: number;
  /** Whether it answered again when there was room, untouched. */
  readonly recovered: boolean;
}

/** A folder on a file system of `mebibytes`; words where the machine gives none. */
export function smallDisk(mebibytes: number): { readonly path: string; unmount(): void } | string {
  const path = mkdtempSync(join(tmpdir(), 'hindcast-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', path]);
  if (mounted.status === 0) {
    return {
      path,
      unmount: () => {
        spawnSync('umount', ['-l', path]);
        rmSync(path, { recursive: true, force: true });
      },
    };
  }
  rmSync(path, { recursive: true, force: true });
  return `no tmpfs can be mounted here: ${(mounted.stderr?.toString() || mounted.error?.message || '').trim()}`;
}

/** The store is away until the disk is full, and comes back then. */
export async function diskFull(path: string, whenFull: 'refuse' | 'drop', log: Log): Promise<DiskFullReport> {
  await using cluster = new ProcessCluster({ store: 'apart', storePath: path, recorder: `when_full: ${whenFull}`, log });
  await cluster.start();
  await cluster.kill('engine');
  const load = startLoad(() => cluster.url, { callers: 4, pauseMs: 5, bodyBytes: 64_000 });
  const isFull = async (): Promise<boolean> => (whenFull === 'refuse' ? load.counts.refused > 20 : (await droppedOf(cluster)) > 20);
  for (const until = Date.now() + 60_000; !(await isFull()) && Date.now() < until; ) await sleep(100);
  await load.stop();
  const dropped = await droppedOf(cluster);
  await cluster.startEngine();
  await cluster.drained(60_000);
  // The spool looks at the disk twice a second.
  let recovered = false;
  const after = startLoad(() => cluster.url, { callers: 1, pauseMs: 100, bodyBytes: 100 });
  for (const until = Date.now() + 20_000; !recovered && Date.now() < until; await sleep(50))
    recovered = after.counts.acknowledged.length > 0;
  await after.stop();
  await cluster.drained(60_000);
  const all = [...load.counts.acknowledged, ...after.counts.acknowledged];
  const result = await checkDurability(await cluster.store(), all);
  return {
    whenFull,
    acknowledged: all.length,
    refused: load.counts.refused,
    others: [...load.counts.others, ...after.counts.others],
    dropped,
    recovered,
    ...result,
  };
}

async function droppedOf(setup: ProcessCluster): Promise<number> {
  const text = await fetch(`${setup.url}/metrics`).then(response => response.text());
  return Number(/^hindcast_recorder_dropped_total(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1] ?? 0);
}
