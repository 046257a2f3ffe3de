/** What a run has done, line by line in a file that is only ever appended to: whoever is killed can go on where it was. */
import { closeSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import type { NanoUsd } from '../../gateway/core/money/price.ts';

/** One asking: a request, an arm, and which of the repeats. */
export interface Job {
  readonly request: string;
  readonly arm: string;
  readonly repeat: number;
}

/** `begin` stands before a call and says what it may cost; `done` after its record is safe. */
type Line =
  | ({ readonly type: 'begin'; readonly worst: NanoUsd } & Job)
  | ({ readonly type: 'done'; readonly outcome: string; readonly cost: NanoUsd } & Job)
  | ({ readonly type: 'lost'; readonly worst: NanoUsd } & Job);

export interface JournalProgress {
  readonly done: number;
  readonly failed: number;
  /** Begun by a process that died before it heard the end: the provider may bill these, and they are asked again. */
  readonly lost: number;
  /** With what the lost calls may have cost, for a cap must hold in the worst case. */
  readonly spent: NanoUsd;
  readonly lostWorst: NanoUsd;
}

const keyOf = ({ request, arm, repeat }: Job): string => JSON.stringify([request, arm, repeat]);

export class Journal {
  readonly #file: number;
  readonly #power: boolean;
  readonly #done = new Map<string, { readonly outcome: string }>();
  readonly #begun = new Map<string, { readonly job: Job; readonly worst: NanoUsd }>();
  #spent = 0;
  #lost = 0;
  #lostWorst = 0;

  /** `power` waits for the disk at each line. What a writer that died left half written is cut off. */
  constructor(path: string, power = false) {
    this.#power = power;
    const { lines, length } = readWhole(path);
    if (length !== undefined) truncateSync(path, length);
    for (const line of lines) this.#take(line);
    this.#file = openSync(path, 'a', 0o600);
  }

  /** Calls that were begun and never heard of again. Their worst case is spent from now on. */
  get open(): readonly Job[] {
    return [...this.#begun.values()].map(({ job }) => job);
  }

  get progress(): JournalProgress {
    const failed = [...this.#done.values()].filter(({ outcome }) => outcome !== 'ok').length;
    return { done: this.#done.size, failed, lost: this.#lost, spent: this.#spent, lostWorst: this.#lostWorst };
  }

  /** Undefined when it is still to be done. */
  outcomeOf(job: Job): string | undefined {
    return this.#done.get(keyOf(job))?.outcome;
  }

  begin(job: Job, worst: NanoUsd): void {
    this.#write({ type: 'begin', ...job, worst });
  }

  settle(job: Job, outcome: string, cost: NanoUsd): void {
    this.#write({ type: 'done', ...job, outcome, cost });
  }

  /** Gives up the calls of a process that died: what they may have cost is gone, and they are to be asked again. */
  giveUp(): void {
    for (const { job, worst } of [...this.#begun.values()]) this.#write({ type: 'lost', ...job, worst });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: Line): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    for (let at = 0; at < bytes.byteLength; ) at += writeSync(this.#file, bytes, at);
    if (this.#power) fdatasyncSync(this.#file);
    this.#take(line);
  }

  #take(line: Line): void {
    const { request, arm, repeat } = line;
    const job = { request, arm, repeat };
    const key = keyOf(job);
    switch (line.type) {
      case 'begin':
        this.#begun.set(key, { job, worst: line.worst });
        return;
      case 'done':
        this.#begun.delete(key);
        this.#done.set(key, { outcome: line.outcome });
        this.#spent += line.cost;
        return;
      case 'lost':
        this.#begun.delete(key);
        this.#lost++;
        this.#lostWorst += line.worst;
        this.#spent += line.worst;
    }
  }
}

/** `length` where the last line is not whole: up to where it is. */
function readWhole(path: string): { readonly lines: readonly Line[]; readonly length?: number } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { lines: [] };
    throw error;
  }
  const end = text.lastIndexOf('\n') + 1;
  const whole = text.slice(0, end);
  const lines = whole.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Line]));
  return end === text.length ? { lines } : { lines, length: Buffer.byteLength(whole) };
}

/** What a run's file says, for whoever only looks. */
export function progressOf(path: string): JournalProgress & { readonly open: number } {
  const { lines } = readWhole(path);
  const begun = new Map<string, NanoUsd>();
  const done = new Map<string, string>();
  const sums = { spent: 0, lost: 0, lostWorst: 0 };
  for (const line of lines) {
    const key = keyOf(line);
    if (line.type === 'begin') begun.set(key, line.worst);
    else begun.delete(key);
    if (line.type === 'done') {
      done.set(key, line.outcome);
      sums.spent += line.cost;
    }
    if (line.type === 'lost') {
      sums.lost++;
      sums.lostWorst += line.worst;
      sums.spent += line.worst;
    }
  }
  return { ...sums, done: done.size, failed: [...done.values()].filter(outcome => outcome !== 'ok').length, open: begun.size };
}
