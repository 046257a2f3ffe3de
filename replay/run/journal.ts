/** The journal of a run: an append-only file from which a killed run resumes. */
import { closeSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import type { NanoUsd } from '../../gateway/core/money/price.ts';

/** One call of a run: a request, an arm and a repeat. */
export interface Job {
  readonly request: string;
  readonly arm: string;
  readonly repeat: number;
}

/** `begin` is written before a call, with its worst-case cost; `done` after its record is sealed. */
type Line =
  | ({ readonly type: 'begin'; readonly worst: NanoUsd } & Job)
  | ({ readonly type: 'done'; readonly outcome: string; readonly cost: NanoUsd } & Job)
  | ({ readonly type: 'lost'; readonly worst: NanoUsd } & Job);

export interface JournalProgress {
  readonly done: number;
  readonly failed: number;
  /** Calls of a process that died before their end. The provider may bill them, and they are sent again. */
  readonly lost: number;
  /** Includes the worst-case cost of lost calls, so that a cap holds in any case. */
  readonly spent: NanoUsd;
  readonly lostWorst: NanoUsd;
}

const keyOf = ({ request, arm, repeat }: Job): string => JSON.stringify([request, arm, repeat]);

/** Appends the progress of a run to its file, and knows what is done. */
export class Journal {
  readonly #file: number;
  readonly #power: boolean;
  readonly #done = new Map<string, { readonly outcome: string }>();
  readonly #begun = new Map<string, { readonly job: Job; readonly worst: NanoUsd }>();
  #spent = 0;
  #lost = 0;
  #lostWorst = 0;

  /** Opens the file, and cuts an incomplete last line. `power` syncs the disk after each line. */
  constructor(path: string, power = false) {
    this.#power = power;
    const { lines, length } = readCompleteLines(path);
    if (length !== undefined) truncateSync(path, length);
    for (const line of lines) this.#apply(line);
    this.#file = openSync(path, 'a', 0o600);
  }

  /** Calls that were begun and have no end. */
  get open(): readonly Job[] {
    return [...this.#begun.values()].map(({ job }) => job);
  }

  get progress(): JournalProgress {
    const failed = [...this.#done.values()].filter(({ outcome }) => outcome !== 'ok').length;
    return { done: this.#done.size, failed, lost: this.#lost, spent: this.#spent, lostWorst: this.#lostWorst };
  }

  /** The outcome of a call; undefined when it is not done. */
  outcomeOf(job: Job): string | undefined {
    return this.#done.get(keyOf(job))?.outcome;
  }

  begin(job: Job, worst: NanoUsd): void {
    this.#write({ type: 'begin', ...job, worst });
  }

  settle(job: Job, outcome: string, cost: NanoUsd): void {
    this.#write({ type: 'done', ...job, outcome, cost });
  }

  /** Marks open calls as lost: their worst-case cost counts as spent, and they are sent again. */
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
    this.#apply(line);
  }

  #apply(line: Line): void {
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

/** The complete lines. `length` is set when the last line is incomplete: the bytes before it. */
function readCompleteLines(path: string): { readonly lines: readonly Line[]; readonly length?: number } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { lines: [] };
    throw error;
  }
  const end = text.lastIndexOf('\n') + 1;
  const complete = text.slice(0, end);
  const lines = complete.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Line]));
  return end === text.length ? { lines } : { lines, length: Buffer.byteLength(complete) };
}

/** The progress in a journal file, read without opening it for writing. */
export function progressOf(path: string): JournalProgress & { readonly open: number } {
  const { lines } = readCompleteLines(path);
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
