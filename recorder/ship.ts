/** Takes the spool to the store, oldest first, each record once: a segment is deleted when the store has acknowledged all of it. */
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Batch, batchesOf } from './batch.ts';
import type { Tombstone } from './erase/subject.ts';
import { adoptOrphans, closedSegments, type SegmentPlace } from './folders.ts';
import { type Inserting, insertBatch, insertInto, type Splits } from './insert.ts';
import { makeFolder, rejectedFolder, rejectedName } from './places.ts';
import { daysMin, type Retention } from './retention.ts';
import type { TableName } from './row.ts';
import { type Frame, parseSegment, type Segment, segmentTime } from './segment.ts';
import { Sidecar } from './sidecar.ts';
import type { Store } from './store.ts';
import { missingFrom } from './verify.ts';

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

export interface Shipping {
  readonly root: string;
  readonly store: Pick<Store, 'insertBinary' | 'select'>;
  readonly retention: Retention;
  /** What must not come into the store any more. */
  readonly tombstones?: () => Promise<readonly Tombstone[]>;
  /** Look every written record up again. */
  readonly verify: boolean;
  readonly log: (line: string) => void;
  readonly pollMs?: number;
}

const pollMsDefault = 150;
const adoptEveryMs = 2_000;
const repeatLogMs = 60_000;
const dayMs = 86_400_000;

export class Shipper {
  readonly #shipping: Shipping;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #draining = false;
  #adoptedAt = Number.NEGATIVE_INFINITY;
  #queue: readonly SegmentPlace[] = [];
  #counts = { rowsWritten: 0, exchangesWritten: 0, torn: 0, corrupt: 0, rejected: 0 };
  #problem: string | undefined;
  #problemLoggedAt = Number.NEGATIVE_INFINITY;
  /** Shipped, but still there because they could not be deleted. */
  readonly #shipped = new Set<string>();

  constructor(shipping: Shipping) {
    this.#shipping = shipping;
    makeFolder(shipping.root);
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

  /** Ships what there is, for at most `graceMs`. What is left waits on disk for the next start. */
  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    this.#adoptedAt = Number.NEGATIVE_INFINITY;
    const grace = setTimeout(() => this.#abort.abort(), graceMs);
    // An insert that hangs does not hear the signal.
    await Promise.race([this.#running, sleep(graceMs + 1_000, undefined, { ref: false })]);
    clearTimeout(grace);
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const lastLook = this.#draining;
      try {
        await this.#look();
        for (let next = this.#queue[0]; next; next = this.#queue[0]) {
          await this.#ship(next);
          this.#queue = this.#queue.slice(1);
        }
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        this.#trouble(`shipping stopped and goes on in a second: ${messageOf(error)}`);
        await sleep(1_000, undefined, { signal: this.#abort.signal }).catch(() => {});
        continue;
      }
      if (lastLook) return;
      if (!this.#draining) await sleep(this.#shipping.pollMs ?? pollMsDefault);
    }
  }

  async #look(): Promise<void> {
    const { root } = this.#shipping;
    if (Date.now() - this.#adoptedAt > adoptEveryMs) {
      await adoptOrphans(root);
      this.#adoptedAt = Date.now();
    }
    this.#queue = (await closedSegments(root)).filter(({ path }) => !this.#shipped.has(path));
  }

  async #ship(place: SegmentPlace): Promise<void> {
    const file = await this.#read(place);
    if (!file) return;
    const segment = parseSegment(file, place.id);
    const splits = await Sidecar.read(`${place.path}.splits`);
    const tombstones = (await this.#shipping.tombstones?.()) ?? [];
    for (const { batches, misfits, erased } of batchesOf(segment, this.#shipping.retention, tombstones)) {
      if (erased > 0) this.#shipping.log(`${erased} records of ${segment.id} were erased before they reached the store`);
      for (const { frame, problem } of misfits) await this.#setAside(segment, frame, 'frame', problem);
      for (const batch of batches) {
        const refused = new Set<Frame>();
        const inserting = this.#inserting(segment, splits, refused);
        await insertBatch(batch, inserting);
        if (this.#shipping.verify) await this.#verify(segment, batch, inserting, refused);
        this.#counts.exchangesWritten += batch.entries.filter(({ rows }) => rows.requests.count > 0).length;
      }
    }
    this.#shipped.add(place.path);
    await unlink(place.path).then(
      () => this.#shipped.delete(place.path),
      (error: unknown) => this.#trouble(`${place.path} is shipped and cannot be deleted: ${messageOf(error)}`),
    );
    await splits.remove();
    this.#countDamage(place, segment);
  }

  /** Undefined when it is gone, or cannot be read: then it is moved out of the way. */
  async #read(place: SegmentPlace): Promise<Buffer | undefined> {
    try {
      return await readFile(place.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      const folder = rejectedFolder(this.#shipping.root);
      makeFolder(folder);
      await rename(place.path, join(folder, rejectedName(place.id, 'segment')));
      this.#counts.rejected++;
      this.#shipping.log(`${place.path} cannot be read and is set aside in ${folder}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #inserting(segment: Segment, splits: Splits, refused: Set<Frame>): Inserting {
    return {
      store: this.#shipping.store,
      signal: this.#abort.signal,
      splits,
      inserted: rows => {
        this.#counts.rowsWritten += rows;
        this.#problem = undefined;
      },
      failed: (table, error) => this.#trouble(`the store does not take rows of ${table}: ${messageOf(error)}`),
      refused: (table, { frame }, error) => {
        refused.add(frame);
        return this.#setAside(segment, frame, table, messageOf(error));
      },
    };
  }

  /**
   * A store that acknowledged what it does not have must not cost a record: a token may have outlived its rows, at a kill or a power cut.
   * They are inserted again under another token; what is not there even then is set aside.
   */
  async #verify(segment: Segment, batch: Batch, inserting: Inserting, refused: ReadonlySet<Frame>): Promise<void> {
    const { store, retention } = this.#shipping;
    const { records, payloads } = daysMin(retention);
    const since = (table: TableName): number => Date.now() - ((table === 'payloads' ? payloads : records) - 1) * dayMs;
    const known = { ...batch, entries: batch.entries.filter(({ frame }) => !refused.has(frame)) };
    const missing = await missingFrom(store, known, since);
    if (missing.length === 0) return;
    for (const { table, entries } of missing) {
      this.#shipping.log(
        `the store acknowledged ${entries.length} records of ${segment.id} in ${table} and does not have them; they are inserted again`,
      );
      await insertInto(table, { ...batch, token: `${batch.token}.again`, entries }, inserting);
    }
    const gone = new Set((await missingFrom(store, known, since)).flatMap(({ entries }) => entries));
    for (const { frame } of gone) {
      if (!refused.has(frame)) await this.#setAside(segment, frame, 'missing', 'the store acknowledged it and does not have it');
    }
  }

  #countDamage({ path }: SegmentPlace, { corrupt, tornBytes }: Segment): void {
    if (corrupt === 0 && tornBytes === 0) return;
    this.#counts.corrupt += corrupt;
    if (tornBytes > 0) this.#counts.torn++;
    this.#shipping.log(`${path}: ${corrupt} broken records and ${tornBytes} bytes of an unfinished one were skipped`);
  }

  /** Not lost and not in the way: the payload as it stood in the frame, under a name that says where from and why. */
  async #setAside(segment: Segment, frame: Frame, what: string, problem: string): Promise<void> {
    const folder = rejectedFolder(this.#shipping.root);
    makeFolder(folder);
    const path = join(folder, rejectedName(segment.id, `${frame.sequence}-${what}`));
    await writeFile(`${path}.new`, frame.payload, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
    this.#counts.rejected++;
    this.#shipping.log(`record ${frame.sequence} of ${segment.id} is set aside in ${path}: ${problem}`);
  }

  #trouble(problem: string): void {
    const again = problem === this.#problem && Date.now() - this.#problemLoggedAt < repeatLogMs;
    this.#problem = problem;
    if (again) return;
    this.#problemLoggedAt = Date.now();
    this.#shipping.log(problem);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error)).slice(0, 500);
