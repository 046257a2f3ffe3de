/**
 * Ends the planner's process from a thread of its own, because the engine cannot be interrupted while it computes constants: when a statement has taken
 * too much CPU, when memory grows, and when the recorder has ended.
 */
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

export interface WatchData {
  /** [0]: CPU milliseconds of the process when its statement began, or 0 while it has none. */
  readonly state: SharedArrayBuffer;
  readonly parentPid: number;
  readonly cpuMsMax: number;
  readonly memoryBytesMax: number;
}

const everyMs = 100;

/** CPU time of this process so far, user and system, in milliseconds. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Where the system does not report file-backed memory apart, the size of the engine's library is subtracted. */
const libraryBytes = 240 * 1024 * 1024;

/** Memory of this process without shared libraries, in bytes. */
export function ownMemoryBytes(): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  } catch {
    return process.memoryUsage.rss() - libraryBytes;
  }
}

if (workerData) {
  const { state, parentPid, cpuMsMax, memoryBytesMax } = workerData as WatchData;
  const since = new Float64Array(state);
  setInterval(() => {
    const startedAt = since[0]!;
    const overran = startedAt > 0 && cpuMs() - startedAt > cpuMsMax;
    if (overran || process.ppid !== parentPid || ownMemoryBytes() > memoryBytesMax) process.kill(process.pid, 'SIGKILL');
  }, everyMs);
}
