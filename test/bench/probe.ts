/**
 * Loaded into a subject with `--import`: tells on a signal what the process has allocated, and how many promises it has made while they are counted.
 * SIGUSR2 writes `<folder>/<pid>.json`; SIGPWR begins to count promises, and a second one ends it.
 */
import { createHook } from 'node:async_hooks';
import { renameSync, writeFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

export interface ProcessCounts {
  /** Bytes on the JavaScript heap since the start, garbage included. */
  readonly allocatedBytes: number;
  readonly promises: number;
}

const folder = process.env.HINDCAST_BENCH_PROBE;
if (folder !== undefined) {
  let promises = 0;
  let isCounting = false;
  const hook = createHook({
    init: (_, type) => {
      if (type === 'PROMISE') promises++;
    },
  });
  process.on('SIGPWR', () => {
    isCounting = !isCounting;
    if (isCounting) hook.enable();
    else hook.disable();
  });
  process.on('SIGUSR2', () => {
    const { total_allocated_bytes: allocatedBytes } = getHeapStatistics() as unknown as { readonly total_allocated_bytes: number };
    const file = `${folder}/${process.pid}.json`;
    writeFileSync(`${file}.new`, JSON.stringify({ allocatedBytes, promises } satisfies ProcessCounts));
    renameSync(`${file}.new`, file);
  });
}
