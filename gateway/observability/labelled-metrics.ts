/** Counters and histograms that are counted on every request: a series is looked up by its label values, and prom-client renders it. */
import type { Metric, Registry } from 'prom-client';

interface MetricDescription {
  readonly name: string;
  readonly help: string;
  /** Of every sample, in the order in which values are given; a label whose value is empty is left out. */
  readonly labelNames: readonly string[];
}

/** A sample as prom-client's registry prints it. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
  readonly exemplar?: { readonly labelSet: Readonly<Record<string, string>>; readonly value: number; readonly timestamp: number };
}

function register(
  registry: Registry,
  type: 'counter' | 'histogram',
  { name, help, labelNames }: MetricDescription,
  values: () => Sample[],
): void {
  const metric = {
    name,
    help,
    type,
    labelNames,
    // The registry renames a counter while it prints it.
    get: async () => ({ name: metric.name, help, type, values: values(), aggregator: 'sum' }),
    reset: () => {},
  };
  registry.registerMetric(metric as unknown as Metric);
}

const labelled = ({ labelNames }: MetricDescription, values: readonly string[]): Record<string, string> =>
  Object.fromEntries(labelNames.flatMap((name, i) => (values[i] ? [[name, values[i]]] : [])));

/** What the values so far lead to. */
interface Branch<Counted> {
  readonly next: Map<string, Branch<Counted>>;
  counted: Counted | undefined;
}

const newBranch = <Counted>(): Branch<Counted> => ({ next: new Map(), counted: undefined });

/** Series by their label values, found value by value: nothing is made of them. The number of different ones is for the callers to bound. */
class Series<Counted> {
  readonly #root: Branch<Counted> = newBranch();
  readonly #all: { readonly labels: Record<string, string>; readonly counted: Counted }[] = [];
  readonly #description: MetricDescription;
  readonly #make: () => Counted;

  constructor(description: MetricDescription, make: () => Counted) {
    this.#description = description;
    this.#make = make;
  }

  get(values: readonly string[]): Counted {
    let branch = this.#root;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      let next = branch.next.get(value);
      if (!next) {
        next = newBranch();
        branch.next.set(value, next);
      }
      branch = next;
    }
    branch.counted ??= this.#open(values);
    return branch.counted;
  }

  #open(values: readonly string[]): Counted {
    const counted = this.#make();
    this.#all.push({ labels: labelled(this.#description, values), counted });
    return counted;
  }

  samples(each: (labels: Record<string, string>, counted: Counted) => Sample[]): Sample[] {
    return this.#all.flatMap(({ labels, counted }) => each(labels, counted));
  }
}

/** A counter with one series per combination of label values, in the order of the description's names. */
export class LabelledCounter {
  readonly #series: Series<{ value: number }>;

  constructor(registry: Registry, description: MetricDescription) {
    this.#series = new Series(description, () => ({ value: 0 }));
    if (description.labelNames.length === 0) this.#series.get([]);
    register(registry, 'counter', description, () => this.#series.samples((labels, { value }) => [{ labels, value }]));
  }

  add(amount: number, ...values: readonly string[]): void {
    this.#series.get(values).value += amount;
  }
}

interface Distribution {
  /** Of each bucket by itself, the last one without bound. */
  readonly counts: number[];
  sum: number;
  /** The last sample of each bucket that a trace belongs to. */
  readonly exemplars: (Sample['exemplar'] | undefined)[];
}

/** A histogram with one series per combination of label values; a bucket keeps the trace of its last sample as exemplar. */
export class LabelledHistogram {
  readonly #buckets: readonly number[];
  readonly #series: Series<Distribution>;

  /** Buckets ascend. */
  constructor(registry: Registry, description: MetricDescription & { readonly buckets: readonly number[] }) {
    const { buckets, name } = description;
    this.#buckets = buckets;
    this.#series = new Series(description, () => ({ counts: new Array<number>(buckets.length + 1).fill(0), sum: 0, exemplars: [] }));
    if (description.labelNames.length === 0) this.#series.get([]);
    register(registry, 'histogram', description, () => this.#series.samples((labels, counted) => this.#samples(name, labels, counted)));
  }

  observe(value: number, ...values: readonly string[]): void {
    this.#count(this.#series.get(values), value);
  }

  /** Many of one series. */
  observeEach(each: readonly number[], values: readonly string[]): void {
    if (each.length === 0) return;
    const distribution = this.#series.get(values);
    for (const value of each) this.#count(distribution, value);
  }

  /** The same of a request whose trace can be looked up. */
  observeTraced(value: number, traceId: string, atMs: number, ...values: readonly string[]): void {
    const distribution = this.#series.get(values);
    const bucket = this.#count(distribution, value);
    distribution.exemplars[bucket] = { labelSet: { trace_id: traceId }, value, timestamp: atMs / 1000 };
  }

  /** Gives the bucket. */
  #count(distribution: Distribution, value: number): number {
    const bucket = this.#bucketOf(value);
    distribution.counts[bucket]!++;
    distribution.sum += value;
    return bucket;
  }

  #bucketOf(value: number): number {
    let bucket = 0;
    while (bucket < this.#buckets.length && value > this.#buckets[bucket]!) bucket++;
    return bucket;
  }

  #samples(name: string, labels: Record<string, string>, { counts, sum, exemplars }: Distribution): Sample[] {
    let total = 0;
    const buckets = counts.map((count, i): Sample => {
      total += count;
      const le = this.#buckets[i] ?? '+Inf';
      const exemplar = exemplars[i];
      return { labels: { le, ...labels }, value: total, metricName: `${name}_bucket`, ...(exemplar ? { exemplar } : {}) };
    });
    return [...buckets, { labels, value: sum, metricName: `${name}_sum` }, { labels, value: total, metricName: `${name}_count` }];
  }
}
