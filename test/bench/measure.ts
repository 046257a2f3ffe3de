/** One run of one subject through its cells: warmed up by count, measured until its last record has arrived. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { callers, cancellationMs } from './cancellation.ts';
import { type Cell, chunksOf, requestBodies } from './cells.ts';
import { countsOf, promisesDuring } from './counts.ts';
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
  /** On the heap of the subject's main process, for each request or chunk; undefined where it has no probe. */
  readonly allocatedKbPerChunk: number | undefined;
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
/** So many are enough for a count that is the same for each. */
const promiseRequestsMax = 256;

/** What measuring needs beside the subject. */
export interface BenchProcesses {
  readonly upstream: string;
  readonly load: ChildProcess;
}

/** A subject that runs, and the cells that it has been warmed up for. */
export class SubjectRun {
  readonly #subject: Subject;
  readonly #processes: BenchProcesses;
  readonly #running: Running | undefined;
  readonly #problem: string;
  readonly #warm = new Set<string>();
  #sent = 0;
  #isLost = false;

  private constructor(subject: Subject, processes: BenchProcesses, running: Running | undefined, problem: string) {
    this.#subject = subject;
    this.#processes = processes;
    this.#running = running;
    this.#problem = problem;
  }

  /** Never rejects: a subject that does not start has invalid samples. */
  static async start(subject: Subject, processes: BenchProcesses): Promise<SubjectRun> {
    try {
      return new SubjectRun(subject, processes, await subject.start(processes.upstream), '');
    } catch (error) {
      return new SubjectRun(subject, processes, undefined, `it does not start: ${error}`);
    }
  }

  /** `each` hears the sample of a cell as soon as it is there. */
  async measure(cells: readonly Cell[], round: number, each: (sample: Sample) => void): Promise<void> {
    const { share = 1 } = this.#subject;
    for (const complete of cells.filter(cell => this.#subject.runs(cell))) {
      const cell = { ...complete, warmup: Math.ceil(complete.warmup * share), requests: Math.ceil(complete.requests * share) };
      if (!this.#running) each(failedSample(this.#subject, cell, round, this.#problem));
      else if (!this.#isLost) each(await this.#sample(this.#running, cell, round));
    }
  }

  /** Promises for each request of a cell that it has been warmed up for; undefined where it cannot tell. Slows what is measured after it. */
  async promisesPerRequest(cell: Cell): Promise<number | undefined> {
    const running = this.#running;
    if (!running?.isProbed || this.#isLost || !this.#warm.has(cell.name)) return undefined;
    const order = orderOf(running, cell);
    const requests = Math.min(cell.requests, promiseRequestsMax);
    this.#sent += requests;
    return (await promisesDuring(running.pid, () => runLoad(this.#processes.load, { ...order, requests }))) / requests;
  }

  async end(): Promise<void> {
    await this.#running?.end();
  }

  async #sample(running: Running, cell: Cell, round: number): Promise<Sample> {
    const { load, upstream } = this.#processes;
    const warmup = this.#warm.has(cell.name) ? 0 : cell.warmup;
    this.#warm.add(cell.name);
    const figures = await measureCell(running, { ...cell, warmup }, this.#sent, load).catch(error => ({ invalid: String(error) }));
    this.#sent += warmup + cell.requests;
    const measuresCancellation = cell.leaving && figures.invalid === undefined;
    // Without streaming nobody can leave in the middle.
    const cancellations = measuresCancellation ? await cancellationMs(running, upstream).catch(error => String(error)) : undefined;
    if (measuresCancellation) this.#sent += callers;
    const invalid = typeof cancellations === 'string' ? cancellations : figures.invalid;
    // What failed once has lost count of its records.
    this.#isLost = invalid !== undefined && running.recorded !== undefined;
    const leftMs = typeof cancellations === 'object' ? Math.max(...cancellations) : undefined;
    return { ...failedSample(this.#subject, cell, round, ''), ...figures, leftMs, invalid };
  }
}

const failedSample = ({ name }: Subject, cell: Cell, round: number, invalid: string): Sample => ({
  subject: name,
  cell: cell.name,
  round,
  ...{ cpuUsPerRequest: 0, cpuUsPerChunk: 0, requestsPerSecond: 0, p50Ms: 0, p99Ms: 0, firstByteMs: 0, peakMb: 0, childPeakMb: 0, sent: 0 },
  leftMs: undefined,
  allocatedKbPerChunk: undefined,
  recorded: undefined,
  invalid,
});

type Figures = Omit<Sample, 'subject' | 'cell' | 'round' | 'leftMs'>;

async function measureCell(running: Running, cell: Cell, sentBefore: number, load: ChildProcess): Promise<Figures> {
  const order = orderOf(running, cell);
  const warm = cell.warmup > 0 ? await runLoad(load, { ...order, requests: cell.warmup }) : undefined;
  if (warm && warm.failed > 0) throw new Error(`${warm.failed} of ${cell.warmup} requests of the warm-up failed: ${warm.firstFailure}`);
  await drained(running, sentBefore + cell.warmup);
  const countsBefore = running.isProbed ? await countsOf(running.pid) : undefined;
  const usedBefore = cpuUs(running.pid);
  const report = await runLoad(load, order);
  const sent = sentBefore + cell.warmup + cell.requests;
  const recorded = await drained(running, sent);
  const used = cpuUs(running.pid) - usedBefore;
  const { mainMb, childMb } = peakMemory(running.pid);
  const allocated = countsBefore && (await countsOf(running.pid)).allocatedBytes - countsBefore.allocatedBytes;
  return {
    cpuUsPerRequest: used / cell.requests,
    cpuUsPerChunk: used / cell.requests / chunksOf(cell),
    requestsPerSecond: cell.requests / report.seconds,
    p50Ms: quantile(report.wholeMs, 0.5),
    p99Ms: quantile(report.wholeMs, 0.99),
    firstByteMs: quantile(report.firstByteMs, 0.5),
    allocatedKbPerChunk: allocated === undefined ? undefined : allocated / 1024 / cell.requests / chunksOf(cell),
    peakMb: mainMb,
    childPeakMb: childMb,
    sent,
    recorded,
    invalid: problemOf(report, sent, recorded),
  };
}

export const orderOf = (running: Running, cell: Cell): LoadOrder => ({
  origin: running.origin,
  path: running.pathOf(cell),
  headers: running.headersOf(cell),
  bodies: requestBodies(running.modelOf ? { ...cell, model: running.modelOf(cell) } : cell),
  concurrency: cell.concurrency,
  requests: cell.requests,
});

function problemOf({ failed, firstFailure }: LoadReport, sent: number, recorded: number | undefined): string | undefined {
  if (failed > 0) return `${failed} requests failed: ${firstFailure}`;
  return recorded === undefined || recorded === sent ? undefined : `${recorded} records for ${sent} requests`;
}

export async function runLoad(load: ChildProcess, order: LoadOrder): Promise<LoadReport> {
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
