/** Counters and histograms that are counted on every request come out of prom-client's registry as its own would. */
import fc from 'fast-check';
import { Counter, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { LabelledCounter, LabelledHistogram } from '../../../gateway/observability/labelled-metrics.ts';
import { createRegistry } from '../../../gateway/observability/metrics.ts';
import { runs } from '../../runs.ts';

const described = { name: 'things_seconds', help: 'Of things.', labelNames: ['kind', 'error'] as const };
const counted = { name: 'things_total', help: 'How many.', labelNames: ['kind', 'error'] as const };
const buckets = [0.1, 1, 10];

test("whatever is counted, the page is the one of the library's own metrics", async () => {
  const seen = fc.record({
    // Bounds themselves belong to their bucket.
    value: fc.oneof(fc.constantFrom(...buckets), fc.double({ min: 0, max: 20, noNaN: true })),
    kind: fc.constantFrom('a', 'b', 'with "quotes" and \\'),
    error: fc.constantFrom('', 'timeout'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(seen, { maxLength: 30 }), async all => {
      const [ours, theirs] = [createRegistry(), createRegistry() as unknown as Registry<OpenMetricsContentType>];
      const [tally, count] = [new LabelledHistogram(ours, { ...described, buckets }), new LabelledCounter(ours, counted)];
      const histogram = new Histogram({ ...described, buckets, registers: [theirs] });
      const counter = new Counter({ ...counted, registers: [theirs] });
      for (const { value, kind, error } of all) {
        const labels = error === '' ? { kind } : { kind, error };
        tally.observe(value, kind, error);
        histogram.observe(labels, value);
        count.add(value, kind, error);
        counter.inc(labels, value);
      }
      const page = async (registry: { metrics(): Promise<string> }): Promise<string[]> =>
        (await registry.metrics()).split('\n').map(sorted);
      expect(await page(ours)).toEqual(await page(theirs));
    }),
    runs(100, 2_000),
  );
});

/** Labels have no order. */
const sorted = (line: string): string =>
  line.replace(
    /\{(.*)\}/,
    (_, labels: string) =>
      `{${labels
        .split(/,(?=\w+=")/)
        .toSorted()
        .join(',')}}`,
  );
