/** Real arrival traces: the schedule never drifts, and each call begins at its due time though others are slow. */
import { describe, expect, test } from 'vitest';
import { wallClock } from '../../gateway/settings/clock.ts';
import { schedule } from '../../replay/run/pacing.ts';
import { waitFor } from '../../replay/run/wait.ts';
import { recording, unlessRecorded } from '../recordings.ts';
import { type Arrival, azureArrivals, azureTrace, mooncakeArrivals, mooncakeTrace } from './traffic.ts';

/** An hour of the trace is replayed in three seconds. */
const playedMs = 3_000;

describe.each<[string, string, () => readonly Arrival[]]>([
  ['Azure', azureTrace, azureArrivals],
  ['Mooncake', mooncakeTrace, mooncakeArrivals],
])('%s arrivals', (name, file, read) => {
  test.skipIf(!recording(file))(`are due where the trace has them, from the first to the last${unlessRecorded(file)}`, () => {
    const at = read().map(arrival => arrival.at);
    const [real, fast] = [schedule(at, { speed: 1 }), schedule(at, { speed: 4 })];
    for (const [i, instant] of at.entries()) {
      expect(Math.abs(real[i]! - instant)).toBeLessThan(0.01);
      expect(Math.abs(4 * fast[i]! - instant)).toBeLessThan(0.01);
    }
  });

  test.skipIf(!recording(file))(
    `begin on time, and no later at the end than at the start${unlessRecorded(file)}`,
    { timeout: 30_000 },
    async () => {
      const arrivals = read();
      const at = arrivals.map(arrival => arrival.at).filter((_, i) => i % 16 === 0);
      const due = schedule(at, { speed: at.at(-1)! / playedMs });
      const startedAt = wallClock.now();
      const stop = new AbortController().signal;
      const lags = await Promise.all(due.map(offset => waitFor({ clock: wallClock, stop }, startedAt + offset)));
      const quantile = (some: readonly number[], q: number): number => some.toSorted((a, b) => a - b)[Math.floor(q * (some.length - 1))]!;
      const half = lags.length >> 1;
      const [first, last] = [lags.slice(0, half), lags.slice(half)].map(some => quantile(some, 0.5));
      process.stdout.write(
        `${name}: ${due.length} arrivals at ${Math.round(at.at(-1)! / playedMs)}x, lag p50 ${quantile(lags, 0.5).toFixed(1)} ms, p99 ${quantile(lags, 0.99).toFixed(1)} ms\n`,
      );
      // Bounds for a busy machine; a drift would grow with every arrival.
      expect(quantile(lags, 0.99)).toBeLessThan(1_500);
      expect(last! - first!).toBeLessThan(500);
    },
  );
});
