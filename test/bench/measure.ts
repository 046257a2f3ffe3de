/** One run of one subject through its cells: warmed up by count, measured until its last record has arrived. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Cell, chunksOf, requestBodies } from './cells.ts';
import { callers, leavingMs } from './leaving.ts';
import type { LoadOrder, LoadReport } from './load.ts';
import { cpuUs, peakMemory } from './processes.ts';
import type { Running, Subject } from './subjects.ts';

export interface Sample {
  readonly subject: string;
  readonly cell: string;
  readonly round: number;
  /** Of the subject, over all its processes and threads. */
  readonly cpuUsPerRequest: number;
  readonly cpuUsPerChunk: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** To the first byte of the answer's body. */
  readonly firstByteMs: number;
  /** The longest time from a caller's leaving to its provider's hearing of it; undefined where it was not measured. */
  readonly leftMs: number | undefined;
  /** Of the subject's own process and of its largest child, since its start. */
  readonly peakMb: number;
  readonly childPeakMb: number;
  readonly sent: number;
  /** Records that have arrived; undefined when none are made. */
  readonly recorded: number | undefined;
  /** Why the run does not count. */
  readonly invalid: string | undefined;
}

const drainMsMax = 30_000;
const drainLookMs = 250;

/** `each` hears the sample of a cell as soon as it is there. Never rejects: a subject that does not start has invalid samples. */
export async function measureSubject(
  subject: Subject,
  cells: readonly Cell[],
  round: number,
  world: { readonly upstream: string; readonly load: ChildProcess },
  each: (sample: Sample) => void,
): Promise<void> {
  const { share = 1 } = subject;
  const todo = cells
    .filter(cell => subject.runs(cell))
    .map(cell => ({ ...cell, warmup: Math.ceil(cell.warmup * share), requests: Math.ceil(cell.requests * share) }));
  let running: Running;
  try {
    running = await subject.start(world.upstream);
  } catch (error) {
    for (const cell of todo) each(failedSample(subject, cell, round, `it does not start: ${error}`));
    return;
  }
  let sentBefore = 0;
  for (const cell of todo) {
    const sample = await measureCell(running, cell, sentBefore, world.load).catch(error => ({ invalid: String(error) }));
    sentBefore += cell.warmup + cell.requests;
    const leaves = cell.leaving && sample.invalid === undefined;
    const leftMs = leaves ? Math.max(...(await leavingMs(running, world.upstream))) : undefined;
    if (leaves) sentBefore += callers;
    each({ ...failedSample(subject, cell, round, ''), ...sample, leftMs });
    // What failed once has lost count of its records.
    if (sample.invalid !== undefined && running.recorded) break;
  }
  await running.end();
}

const failedSample = ({ name }: Subject, cell: Cell, round: number, invalid: string): Sample => ({
  subject: name,
  cell: cell.name,
  round,
  ...{ cpuUsPerRequest: 0, cpuUsPerChunk: 0, requestsPerSecond: 0, p50Ms: 0, p99Ms: 0, firstByteMs: 0, peakMb: 0, childPeakMb: 0, sent: 0 },
  leftMs: undefined,
  recorded: undefined,
  invalid,
});

type Figures = Omit<Sample, 'subject' | 'cell' | 'round' | 'leftMs'>;

async function measureCell(running: Running, cell: Cell, sentBefore: number, load: ChildProcess): Promise<Figures> {
  const bodies = requestBodies(cell);
  const order = { origin: running.origin, path: running.pathOf(cell), headers: running.headersOf(cell), bodies };
  const warm = await ask(load, { ...order, concurrency: cell.concurrency, requests: cell.warmup });
  if (warm.failed > 0) throw new Error(`${warm.failed} of ${cell.warmup} requests of the warm-up failed: ${warm.firstFailure}`);
  await drained(running, sentBefore + cell.warmup);
  const usedBefore = cpuUs(running.pid);
  const report = await ask(load, { ...order, concurrency: cell.concurrency, requests: cell.requests });
  const sent = sentBefore + cell.warmup + cell.requests;
  const recorded = await drained(running, sent);
  const used = cpuUs(running.pid) - usedBefore;
  const { mainMb, childMb } = peakMemory(running.pid);
  return {
    cpuUsPerRequest: used / cell.requests,
    cpuUsPerChunk: used / cell.requests / chunksOf(cell),
    requestsPerSecond: cell.requests / report.seconds,
    p50Ms: quantile(report.wholeMs, 0.5),
    p99Ms: quantile(report.wholeMs, 0.99),
    firstByteMs: quantile(report.firstByteMs, 0.5),
    peakMb: mainMb,
    childPeakMb: childMb,
    sent,
    recorded,
    invalid: problemOf(report, sent, recorded),
  };
}

function problemOf({ failed, firstFailure }: LoadReport, sent: number, recorded: number | undefined): string | undefined {
  if (failed > 0) return `${failed} requests failed: ${firstFailure}`;
  return recorded === undefined || recorded === sent ? undefined : `${recorded} records for ${sent} requests`;
}

export async function ask(load: ChildProcess, order: LoadOrder): Promise<LoadReport> {
  load.send(order);
  const [report] = (await once(load, 'message')) as [LoadReport];
  return report;
}

/** Waits for the records of all requests and gives how many there are at last. */
export async function drained(running: Running, sent: number): Promise<number | undefined> {
  if (!running.recorded) return undefined;
  const until = performance.now() + drainMsMax;
  for (;;) {
    const count = await running.recorded();
    if (count >= sent || performance.now() > until) return count;
    await new Promise(wait => setTimeout(wait, drainLookMs));
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
