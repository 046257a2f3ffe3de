/** What a subject's main process allocates and promises: counts, which a busy machine does not change. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessCounts } from './probe.ts';
import { fileHere } from './processes.ts';

/** Where the probes of all subjects write; gone when this process ends. */
const folder = mkdtempSync(join(tmpdir(), 'hindcast-probe-'));
process.env.HINDCAST_BENCH_PROBE = folder;
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Has node load the probe. */
export const probeOptions: readonly string[] = ['--import', fileHere('probe.ts')];

const answerMsMax = 5_000;

/** Rejects when the process has no probe. */
export async function countsOf(pid: number): Promise<ProcessCounts> {
  const file = join(folder, `${pid}.json`);
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const until = performance.now() + answerMsMax;
  while (!existsSync(file)) {
    if (performance.now() > until) throw new Error(`process ${pid} tells no counts`);
    await new Promise(wait => setTimeout(wait, 5));
  }
  return JSON.parse(readFileSync(file, 'utf8')) as ProcessCounts;
}

/** Promises that the process makes while `run` is under way. */
export async function promisesDuring(pid: number, run: () => Promise<unknown>): Promise<number> {
  const { promises: before } = await countsOf(pid);
  process.kill(pid, 'SIGPWR');
  await run();
  process.kill(pid, 'SIGPWR');
  const { promises: after } = await countsOf(pid);
  return after - before;
}
