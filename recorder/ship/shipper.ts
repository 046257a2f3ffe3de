/** Ships the spool to the store, oldest segment first, each record once. A segment is deleted when the store has acknowledged all of it. */
import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder, rejectedFolder, rejectedName } from '../files/paths.ts';
import type { TableName } from '../rows/tables.ts';
import { type FlushWatcher, watchFlushRequests } from '../spool/flush-request.ts';
import { type Frame, parseSegment, type Segment, segmentTime } from '../spool/segment.ts';
import { type ClosedSegment, closedSegments, closeOrphanedSegments } from '../spool/spool-folders.ts';
import { type Retention, shortestRetention } from '../store/retention.ts';
import type { RowStore } from '../store/store.ts';
import type { Tombstone } from '../tombstones/tombstone.ts';
import { type Batch, batchesOf, rowCount } from './batch.ts';
import { FileReader } from './file-reader.ts';
import { type InsertContext, insertBatch, insertIntoTable, type SplitTokens } from './insert-batch.ts';
import { findMissingRows, isAccountedFor } from './missing-rows.ts';
import { SplitTokensFile } from './split-tokens-file.ts';

export interface ShipStats {
  /** On disk and not in the store yet. */
  readonly queueBytes: number;
  readonly queueSegments: number;
  readonly oldestSeconds: number;
  /** Since the start: rows of all tables, exchanges, and what was lost or set aside. */
  readonly rowsWritten: number;
  readonly exchangesWritten: number;
  readonly torn: number;
  readonly corrupt: number;
  readonly rejected: number;
  /** Why the store takes nothing; undefined while it does. */
  readonly problem: string | undefined;
}

export interface RollupPort {
  add(batch: Batch): void;
  /** All that lay in the spool is shipped. */
  afterPass(): Promise<void>;
  run(): Promise<void>;
}

export interface ShipperOptions {
  readonly root: string;
  readonly store: RowStore;
  readonly retention: Retention;
  /** Records that were erased and must not be shipped. */
  readonly tombstones?: () => Promise<readonly Tombstone[]>;
  /** Sums that are filled beside the tables. Batches are added once their rows are there. */
  readonly rollups?: RollupPort;
  /** Whether to check after each insert that the store has the rows. */
  readonly verify: boolean;
  readonly log: (line: string) => void;
  readonly pollMs?: number;
}

const pollMsDefault = 150;
const closeOrphansEveryMs = 2_000;
/** How long the writers may take to close their segments when a file asks for that. */
const flushMs = 2_000;
const repeatLogMs = 60_000;
const dayMs = 86_400_000;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #draining = false;
  #flushes: (() => void)[] = [];
  #wake = (): void => {};
  readonly #flushRequests: FlushWatcher;
  /** Until then, what comes in is counted by the rollups at once. */
  #flushUntil = 0;
  #orphansClosedAt = Number.NEGATIVE_INFINITY;
  #queue: readonly ClosedSegment[] = [];
  #counts = { rowsWritten: 0, exchangesWritten: 0, torn: 0, corrupt: 0, rejected: 0 };
  #problem: string | undefined;
  #problemLoggedAt = Number.NEGATIVE_INFINITY;
  readonly #file = new FileReader();
  /** Shipped segments whose files could not be deleted. */
  readonly #shipped = new Set<string>();

  constructor(options: ShipperOptions) {
    this.#options = options;
    makeFolder(options.root);
    this.#flushRequests = watchFlushRequests(options.root, () => {
      this.#flushUntil = Date.now() + flushMs;
      this.#wake();
    });
    this.#running = this.#run();
  }

  get stats(): ShipStats {
    const oldest = this.#queue[0];
    return {
      queueBytes: this.#queue.reduce((sum, { bytes }) => sum + bytes, 0),
      queueSegments: this.#queue.length,
      oldestSeconds: oldest ? Math.max(0, (Date.now() - segmentTime(oldest.id)) / 1000) : 0,
      ...this.#counts,
      problem: this.#problem,
    };
  }

  /** Ships all segments that are closed now and fills the rollups; resolves when that is done. */
  flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushes.push(resolve);
    this.#wake();
    return promise;
  }

  /** Ships the rest for at most `graceMs`; what remains stays on disk for the next start. */
  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    this.#flushRequests.close();
    this.#wake();
    this.#orphansClosedAt = Number.NEGATIVE_INFINITY;
    const grace = setTimeout(() => this.#abort.abort(), graceMs);
    // A hanging insert ignores the signal.
    await Promise.race([this.#running, sleep(graceMs + 1_000, undefined, { ref: false })]);
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const isLastPass = this.#draining;
      const flushes = this.#flushes.splice(0);
      try {
        await this.#refreshQueue();
        for (let next = this.#queue[0]; next; next = this.#queue[0]) {
          await this.#shipSegment(next);
          this.#queue = this.#queue.slice(1);
        }
        await this.#options.rollups?.afterPass();
        if (isLastPass || flushes.length > 0 || Date.now() < this.#flushUntil) await this.#options.rollups?.run();
        for (const done of flushes) done();
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        this.#flushes.unshift(...flushes);
        this.#reportProblem(`shipping stopped and goes on in a second: ${messageOf(error)}`);
        await sleep(1_000, undefined, { signal: this.#abort.signal }).catch(() => {});
        continue;
      }
      if (isLastPass) return;
      if (!this.#draining && this.#flushes.length === 0) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, this.#options.pollMs ?? pollMsDefault);
    await promise;
    clearTimeout(timer);
  }

  async #refreshQueue(): Promise<void> {
    const { root } = this.#options;
    if (Date.now() - this.#orphansClosedAt > closeOrphansEveryMs) {
      await closeOrphanedSegments(root);
      this.#orphansClosedAt = Date.now();
    }
    this.#queue = (await closedSegments(root)).filter(({ path }) => !this.#shipped.has(path));
  }

  async #shipSegment(closed: ClosedSegment): Promise<void> {
    const file = await this.#readSegment(closed);
    if (!file) return;
    const segment = parseSegment(file, closed.id);
    const splits = await SplitTokensFile.read(`${closed.path}.splits`);
    const tombstones = (await this.#options.tombstones?.()) ?? [];
    for (const { batches, invalidFrames, erasedCount } of batchesOf(segment, this.#options.retention, tombstones)) {
      if (erasedCount > 0) this.#options.log(`${erasedCount} records of ${segment.id} were erased before they reached the store`);
      for (const { frame, problem } of invalidFrames) await this.#quarantine(segment, frame, 'frame', problem);
      for (const batch of batches) {
        const refused = new Set<Frame>();
        const context = this.#insertContext(segment, splits, refused);
        const before = this.#options.store.insertCounts?.();
        await insertBatch(batch, context);
        const isWritten = !this.#options.verify || isAccountedFor(batch, before, this.#options.store.insertCounts?.());
        if (!isWritten) await this.#verify(segment, batch, context, refused);
        this.#options.rollups?.add(batch);
        this.#counts.exchangesWritten += batch.entries.filter(entry => rowCount(entry, 'requests') > 0).length;
      }
    }
    this.#shipped.add(closed.path);
    await unlink(closed.path).then(
      () => this.#shipped.delete(closed.path),
      (error: unknown) => this.#reportProblem(`${closed.path} is shipped and cannot be deleted: ${messageOf(error)}`),
    );
    await splits.remove();
    this.#countDamage(closed, segment);
  }

  /** Undefined when the file is gone. A file that cannot be read is moved to the rejected ones. */
  async #readSegment(closed: ClosedSegment): Promise<Buffer | undefined> {
    try {
      return await this.#file.read(closed.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const folder = rejectedFolder(this.#options.root);
      makeFolder(folder);
      await rename(closed.path, join(folder, rejectedName(closed.id, 'segment')));
      this.#counts.rejected++;
      this.#options.log(`${closed.path} cannot be read and is set aside in ${folder}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #insertContext(segment: Segment, splits: SplitTokens, refused: Set<Frame>): InsertContext {
    return {
      store: this.#options.store,
      signal: this.#abort.signal,
      splits,
      onInserted: rows => {
        this.#counts.rowsWritten += rows;
        this.#problem = undefined;
      },
      onFailed: (table, error) => this.#reportProblem(`the store does not take rows of ${table}: ${messageOf(error)}`),
      onRejected: (table, { frame }, error) => {
        refused.add(frame);
        return this.#quarantine(segment, frame, table, messageOf(error));
      },
    };
  }

  /**
   * Finds rows that the store acknowledged and does not have: after a kill or a power cut a token may be there without its rows.
   * They are inserted again under another token; what is still missing is set aside.
   */
  async #verify(segment: Segment, batch: Batch, context: InsertContext, refused: ReadonlySet<Frame>): Promise<void> {
    const { store, retention } = this.#options;
    const { records, payloads } = shortestRetention(retention);
    const since = (table: TableName): number => Date.now() - ((table === 'payloads' ? payloads : records) - 1) * dayMs;
    const known = { ...batch, entries: batch.entries.filter(({ frame }) => !refused.has(frame)) };
    const missing = await findMissingRows(store, known, since);
    if (missing.length === 0) return;
    for (const { table, entries } of missing) {
      this.#options.log(
        `the store acknowledged ${entries.length} records of ${segment.id} in ${table} and does not have them; they are inserted again`,
      );
      await insertIntoTable(table, { ...batch, token: `${batch.token}.again`, entries }, context);
    }
    const stillMissing = new Set((await findMissingRows(store, known, since)).flatMap(({ entries }) => entries));
    for (const { frame } of stillMissing) {
      if (!refused.has(frame)) await this.#quarantine(segment, frame, 'missing', 'the store acknowledged it and does not have it');
    }
  }

  #countDamage({ path }: ClosedSegment, { corrupt, tornBytes }: Segment): void {
    if (corrupt === 0 && tornBytes === 0) return;
    this.#counts.corrupt += corrupt;
    if (tornBytes > 0) this.#counts.torn++;
    this.#options.log(`${path}: ${corrupt} broken records and ${tornBytes} bytes of an unfinished one were skipped`);
  }

  /** Writes the frame's payload to the rejected ones, under a name that says where it came from and why. */
  async #quarantine(segment: Segment, frame: Frame, what: string, problem: string): Promise<void> {
    const folder = rejectedFolder(this.#options.root);
    makeFolder(folder);
    const path = join(folder, rejectedName(segment.id, `${frame.sequence}-${what}`));
    await writeFile(`${path}.new`, frame.payload, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
    this.#counts.rejected++;
    this.#options.log(`record ${frame.sequence} of ${segment.id} is set aside in ${path}: ${problem}`);
  }

  #reportProblem(problem: string): void {
    const isRepeated = problem === this.#problem && Date.now() - this.#problemLoggedAt < repeatLogMs;
    this.#problem = problem;
    if (isRepeated) return;
    this.#problemLoggedAt = Date.now();
    this.#options.log(problem);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error)).slice(0, 500);
