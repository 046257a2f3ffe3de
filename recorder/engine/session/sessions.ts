/** A pool of engine sessions: one query at a time in each, reused by requests with the same settings. */
import { randomBytes } from 'node:crypto';
import type { Addon, Session } from './addon.ts';
import { ConcurrencyLimiter } from './concurrency-limiter.ts';
import { exceptions } from './exception.ts';
import { type Gate, threadShares } from './threads.ts';

const waitingMax = 500;
const idleMax = 16;

export interface Lease {
  readonly session: Session;
  /** Marks the queries of this session for KILL. */
  readonly tag: string;
  readonly setup: string;
  /** Whether it has leftover state: then it is closed instead of reused. */
  tainted: boolean;
}

/** Lends sessions to queries, and ends those that stay idle. */
export class Sessions {
  readonly #addon: Addon;
  readonly #path: string;
  /** Keeps the engine alive between requests, and runs internal queries. */
  readonly #root: Session;
  readonly #idle: Lease[] = [];
  readonly #busy = new Set<Lease>();
  readonly #gates: Readonly<Record<Gate, ConcurrencyLimiter>> = {
    recording: newLimiter(threadShares.recording),
    writer: newLimiter(threadShares.writer),
  };
  #closed = false;
  #whenIdle: (() => void) | undefined;

  constructor(addon: Addon, path: string, root: Session) {
    this.#addon = addon;
    this.#path = path;
    this.#root = root;
  }

  /** Rows of an internal query, synchronously: only for queries of milliseconds. */
  rows<Row>(sql: string): Row[] {
    const text = this.#root.query(sql, 'JSONEachRow').trim();
    return text === '' ? [] : text.split('\n').map(line => JSON.parse(line) as Row);
  }

  /** `setup` is a list of SET and USE statements that decides all state the session has. */
  lease(setup: string): Lease {
    if (this.#closed) throw exceptions.closing('The engine is closing.');
    const at = this.#idle.findLastIndex(lease => lease.setup === setup);
    const [reused] = at < 0 ? [] : this.#idle.splice(at, 1);
    const lease = reused ?? this.#open(setup);
    this.#busy.add(lease);
    return lease;
  }

  #open(setup: string): Lease {
    const session = new this.#addon.Session(this.#path);
    const tag = randomBytes(12).toString('hex');
    try {
      session.query(`SET log_comment = '${tag}';${setup}`);
    } catch (error) {
      session.close();
      throw error;
    }
    return { session, tag, setup, tainted: false };
  }

  release(lease: Lease): void {
    if (!this.#busy.delete(lease)) return;
    if (lease.tainted || this.#closed) lease.session.close();
    else this.#idle.push(lease);
    if (this.#idle.length > idleMax) this.#idle.shift()!.session.close();
    if (this.#busy.size === 0) this.#whenIdle?.();
  }

  /** Runs a native call when a thread is free for it. Inserts do not wait for queries. */
  run<Result>(work: () => Promise<Result>, signal?: AbortSignal, gate: Gate = 'recording'): Promise<Result> {
    return this.#gates[gate].run(work, signal);
  }

  /** Ends the query that runs in a leased session; it fails with code 394 there. */
  kill(lease: Lease): void {
    if (!this.#busy.has(lease)) return;
    lease.tainted = true;
    try {
      this.#root.query(`KILL QUERY WHERE Settings['log_comment'] = '${lease.tag}' ASYNC`);
    } catch {
      // The query has ended, or its time limit will end it.
    }
  }

  /** Waits until all leases are released: reads were aborted, writes finish. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const gate of Object.values(this.#gates)) gate.rejectWaiting(exceptions.closing('The engine is closing.'));
    if (this.#busy.size > 0) await new Promise<void>(resolve => (this.#whenIdle = resolve));
    for (const lease of this.#idle.splice(0)) lease.session.close();
    await this.#addon.drainPending();
    this.#root.close();
    await this.#addon.drainPending();
  }
}

const newLimiter = (places: number): ConcurrencyLimiter =>
  new ConcurrencyLimiter(places, waitingMax, () =>
    exceptions.tooManyQueries(`More than ${waitingMax} queries are waiting. Try again later.`),
  );

/** A string literal; a NUL byte would end the text on its way into the engine. */
export const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`;
