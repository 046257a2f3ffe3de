/** Takes the spool to the store, oldest first, each record once: a segment is deleted when the store has acknowledged all of it. */
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { batchesOf } from './batch.ts';
import { adoptOrphans, closedSegments, type SegmentPlace } from './folders.ts';
import { insertBatch, type Splits } from './insert.ts';
import { makeFolder, rejectedFolder, rejectedName, writeWhole } from './places.ts';
import { type Frame, parseSegment, type Segment, segmentTime } from './segment.ts';
import type { Store } from './store.ts';
import type { Retention } from './view.ts';

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
  readonly log: (line: string) => void;
  readonly pollMs?: number;
}

const pollMsDefault = 150;
const adoptEveryMs = 2_000;
const repeatLogMs = 60_000;

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
    const timer = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#running;
    clearTimeout(timer);
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
        this.#trouble(`the spool cannot be read: ${messageOf(error)}`);
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
    const segment = parseSegment(await readFile(place.path), place.id);
    this.#counts.corrupt += segment.corrupt;
    if (segment.tornBytes > 0) this.#counts.torn++;
    if (segment.corrupt > 0 || segment.tornBytes > 0) {
      this.#shipping.log(
        `${place.path}: ${segment.corrupt} broken records and ${segment.tornBytes} bytes of an unfinished one were skipped`,
      );
    }
    const splits = await Sidecar.read(`${place.path}.splits`);
    for (const { batches, misfits } of batchesOf(segment, this.#shipping.retention)) {
      for (const { frame, problem } of misfits) await this.#setAside(segment, frame, 'frame', problem);
      for (const batch of batches) {
        await insertBatch(batch, {
          store: this.#shipping.store,
          signal: this.#abort.signal,
          splits,
          inserted: rows => {
            this.#counts.rowsWritten += rows;
            this.#problem = undefined;
          },
          failed: (table, error) => this.#trouble(`the store does not take rows of ${table}: ${messageOf(error)}`),
          refused: (table, { frame }, error) => this.#setAside(segment, frame, table, messageOf(error)),
        });
        this.#counts.exchangesWritten += batch.entries.length;
      }
    }
    this.#shipped.add(place.path);
    await unlink(place.path).then(
      () => this.#shipped.delete(place.path),
      (error: unknown) => this.#trouble(`${place.path} is shipped and cannot be deleted: ${messageOf(error)}`),
    );
    await splits.remove();
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

/** Beside its segment until that is shipped. */
class Sidecar implements Splits {
  readonly #path: string;
  readonly #tokens: Set<string>;

  private constructor(path: string, tokens: readonly string[]) {
    this.#path = path;
    this.#tokens = new Set(tokens);
  }

  static async read(path: string): Promise<Sidecar> {
    const text = await readFile(path, 'utf8').catch(() => '');
    return new Sidecar(
      path,
      text.split('\n').filter(line => line !== ''),
    );
  }

  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  async add(token: string): Promise<void> {
    this.#tokens.add(token);
    writeWhole(this.#path, [...this.#tokens].join('\n'));
  }

  async remove(): Promise<void> {
    if (this.#tokens.size > 0) await unlink(this.#path).catch(() => {});
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);
