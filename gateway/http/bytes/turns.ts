/** Work on large bodies takes turns: between two pieces of it all else that waits, health checks among it, is served. */

/** A body of fewer bytes is read within a millisecond or two. */
const largeBytesMin = 256 * 1024;

const waiting: (() => void)[] = [];
let isScheduled = false;

/** Runs `work` at once where it is about few bytes, else in a turn of the event loop of its own, after all that waited before. */
export function inTurn(bytes: number, work: () => void): void {
  if (bytes < largeBytesMin) return work();
  waiting.push(work);
  schedule();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    const work = waiting.shift();
    if (waiting.length > 0) schedule();
    work?.();
  });
}
