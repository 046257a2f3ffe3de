/** Outcomes in columns: a million requests take some 200 bytes each instead of a kilobyte, and the garbage collector has little to walk. */
import type { SignalName } from '../../gateway/core/signals/names.ts';
import type { Item, Outcome } from './outcomes.ts';

/** Items share the table's columns; their outcomes are built when they are read, so no two reads give the same object. */
export class OutcomeTable {
  readonly #targets = new Map<string, TargetColumns>();
  readonly #clusters = new Map<string, string>();
  #rows = 0;

  add({ id, cluster, outcomes, ...rest }: Item): Item {
    const row = this.#rows++;
    for (const [target, outcome] of outcomes) {
      const columns = this.#targets.get(target) ?? new TargetColumns();
      this.#targets.set(target, columns);
      columns.set(row, outcome);
    }
    return { id, cluster: cluster === id ? id : this.#shared(cluster), outcomes: new TableRow(this.#targets, row), ...rest };
  }

  /** One string for each cluster, however often it was read. */
  #shared(cluster: string): string {
    const known = this.#clusters.get(cluster);
    if (known !== undefined) return known;
    this.#clusters.set(cluster, cluster);
    return cluster;
  }
}

/** One request's outcomes, as a map of targets in the order in which the table first saw them. */
class TableRow implements ReadonlyMap<string, Outcome> {
  readonly #targets: ReadonlyMap<string, TargetColumns>;
  readonly #row: number;

  constructor(targets: ReadonlyMap<string, TargetColumns>, row: number) {
    this.#targets = targets;
    this.#row = row;
  }

  get(target: string): Outcome | undefined {
    return this.#targets.get(target)?.get(this.#row);
  }

  has(target: string): boolean {
    return this.#targets.get(target)?.has(this.#row) ?? false;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  *entries(): MapIterator<[string, Outcome]> {
    for (const [target, columns] of this.#targets) {
      const outcome = columns.get(this.#row);
      if (outcome) yield [target, outcome];
    }
  }

  *keys(): MapIterator<string> {
    for (const [target, columns] of this.#targets) if (columns.has(this.#row)) yield target;
  }

  *values(): MapIterator<Outcome> {
    for (const [, outcome] of this.entries()) yield outcome;
  }

  [Symbol.iterator](): MapIterator<[string, Outcome]> {
    return this.entries();
  }

  forEach(work: (outcome: Outcome, target: string, all: ReadonlyMap<string, Outcome>) => void): void {
    for (const [target, outcome] of this.entries()) work(outcome, target, this);
  }
}

const [known, drawn] = [1, 2];

class TargetColumns {
  readonly #flags = new Bytes();
  readonly #quality = new Column();
  readonly #cost = new Column();
  readonly #latency = new Column();
  readonly #firstToken = new Column();
  readonly #signals = new Map<SignalName, Column>();
  /** What few outcomes have. */
  readonly #rare = new Map<number, Pick<Outcome, 'scores' | 'failure' | 'model'>>();
  readonly #models: string[] = [];
  readonly #model = new Bytes();

  set(row: number, outcome: Outcome): void {
    const { quality, signals, costNanoUsd, latencyMs, firstTokenMs, scores, failure, model, drawn: isDrawn } = outcome;
    this.#flags.set(row, known | (isDrawn ? drawn : 0));
    this.#quality.set(row, quality);
    this.#cost.set(row, costNanoUsd);
    this.#latency.set(row, latencyMs);
    this.#firstToken.set(row, firstTokenMs);
    for (const [name, value] of Object.entries(signals) as [SignalName, number][]) {
      const column = this.#signals.get(name) ?? new Column();
      this.#signals.set(name, column);
      column.set(row, value);
    }
    if (scores || failure) this.#rare.set(row, { ...(scores && { scores }), ...(failure && { failure }) });
    if (model !== undefined) this.#setModel(row, model);
  }

  /** A byte names the model; of more than 255 models the rest are rare. */
  #setModel(row: number, model: string): void {
    let at = this.#models.indexOf(model);
    if (at < 0 && this.#models.length < 255) at = this.#models.push(model) - 1;
    if (at >= 0) this.#model.set(row, at + 1);
    else this.#rare.set(row, { ...this.#rare.get(row), model });
  }

  has(row: number): boolean {
    return (this.#flags.get(row) & known) !== 0;
  }

  get(row: number): Outcome | undefined {
    const flags = this.#flags.get(row);
    if ((flags & known) === 0) return undefined;
    const signals: Partial<Record<SignalName, number>> = {};
    for (const [name, column] of this.#signals) {
      const value = column.get(row);
      if (value !== undefined) signals[name] = value;
    }
    const [quality, costNanoUsd, latencyMs] = [this.#quality.get(row), this.#cost.get(row), this.#latency.get(row)];
    const firstTokenMs = this.#firstToken.get(row);
    const model = this.#models[this.#model.get(row) - 1];
    return {
      signals,
      ...(quality === undefined ? undefined : { quality }),
      ...(costNanoUsd === undefined ? undefined : { costNanoUsd }),
      ...(latencyMs === undefined ? undefined : { latencyMs }),
      ...(firstTokenMs === undefined ? undefined : { firstTokenMs }),
      ...(model === undefined ? undefined : { model }),
      ...((flags & drawn) === 0 ? undefined : { drawn: true }),
      ...this.#rare.get(row),
    };
  }
}

const rowsFirst = 1_024;

/** Numbers by row, NaN where there is none; the space doubles as rows come. */
class Column {
  #values = new Float64Array(0);

  set(row: number, value: number | undefined): void {
    if (value === undefined) return;
    if (row >= this.#values.length) {
      const more = new Float64Array(Math.max(rowsFirst, 2 * this.#values.length, row + 1)).fill(Number.NaN);
      more.set(this.#values);
      this.#values = more;
    }
    this.#values[row] = value;
  }

  get(row: number): number | undefined {
    const value = this.#values[row];
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }
}

/** Small whole numbers by row, 0 where there is none. */
class Bytes {
  #values = new Uint8Array(0);

  set(row: number, value: number): void {
    if (row >= this.#values.length) {
      const more = new Uint8Array(Math.max(rowsFirst, 2 * this.#values.length, row + 1));
      more.set(this.#values);
      this.#values = more;
    }
    this.#values[row] = value;
  }

  get(row: number): number {
    return this.#values[row] ?? 0;
  }
}
