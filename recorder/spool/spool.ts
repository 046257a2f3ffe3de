/** The sink on disk. A finished exchange is appended here before its caller sees the end of the response. */
import { readdirSync, renameSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RawRequest } from '../../gateway/core/chat/provider.ts';
import { type Exchange, type ExchangeSink, type Sealed, seal } from '../../gateway/core/exchange.ts';
import type { Feedback } from '../../gateway/core/signals/feedback.ts';
import { type Lock, tryLock } from '../files/lock.ts';
import { makeFolder, syncFolder } from '../files/paths.ts';
import { Arena, type PackedFrame } from './arena.ts';
import { DiskBudget } from './disk-budget.ts';
import { type FlushWatcher, watchFlushRequests } from './flush-request.ts';
import { fileHeaderBytes, newSegmentId, parseSegmentName, segmentName } from './segment.ts';
import { SegmentFile } from './segment-file.ts';
import { ageOfSegment, segmentBytesMax, segmentFramesMax } from './segment-limits.ts';
import { SegmentWriter } from './segment-writer.ts';
import { writerLockFile } from './spool-folders.ts';

export interface SpoolOptions {
  /** What `record` waits for: the kernel has the bytes, the disk has them, or nothing. */
  readonly durability: 'process' | 'power' | 'off';
  readonly whenFull: 'refuse' | 'drop';
  /** Limit over the folders of all writers. */
  readonly bytesMax: number;
  /** The folder of all writers' folders; by default the writer's own. */
  readonly root?: string;
  /** A segment is closed at this size or number of records, */
  readonly segmentBytes?: number;
  readonly segmentFrames?: number;
  /** or at this age, so that the recorder can ship it; later when the recorder is behind anyway. By default {@link ageOfSegment}. */
  readonly segmentAgeMs?: number;
  /** How long to wait for another process that is ending and still writes in the folder. */
  readonly lockWaitMs?: number;
}

/** While more closed segments than this wait for the recorder, age does not close another. */
const backlogMax = 2;
/** Limit of frames in memory that are not written yet. */
const queueBytesMax = 256 * 1024 * 1024;
const refreshMs = 500;
const lockWaitMsDefault = 15_000;
/** Space that new requests must leave to requests in progress: this share of the limit. */
const reserveFraction = 8;
const reserveBytesMax = 64 * 1024 * 1024;

/** Throws when another process writes in `directory`. */
export function openSpool(directory: string, options: SpoolOptions): ExchangeSink {
  return new Spool(resolve(directory), options);
}

interface PendingWrite {
  readonly frame: PackedFrame;
  readonly done: (problem?: Error) => void;
}

class Spool implements ExchangeSink {
  dropped = 0;
  readonly #directory: string;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #segmentFrames: number;
  readonly #lock: Lock;
  readonly #diskBudget: DiskBudget;
  readonly #arena = new Arena();
  readonly #writer = new SegmentWriter();
  readonly #refresh: NodeJS.Timeout;
  readonly #flushRequests: FlushWatcher;
  #queue: PendingWrite[] = [];
  #queuedBytes = 0;
  /** Settles when the queue is empty; undefined while nothing is being written. */
  #writing: Promise<void> | undefined;
  #open: SegmentFile | undefined;
  #ageTimer: NodeJS.Timeout | undefined;
  #paidUntilMs = 0;
  #closeDue = false;
  #lastId = '';
  /** Why the last write failed, until one succeeds again. */
  #writeFailure: string | undefined;
  #isRefreshing = false;
  #closing: Promise<void> | undefined;

  constructor(directory: string, options: SpoolOptions) {
    const root = resolve(options.root ?? directory);
    this.#directory = directory;
    this.#options = options;
    this.#segmentBytes = Math.min(options.segmentBytes ?? segmentBytesMax, Math.ceil(options.bytesMax / 8));
    this.#segmentFrames = options.segmentFrames ?? segmentFramesMax;
    makeFolder(directory);
    const lock = tryLock(writerLockFile(directory), options.lockWaitMs ?? lockWaitMsDefault);
    if (!lock) throw new Error(`another process writes in ${directory}, a gateway perhaps; stop it, or choose another store.path`);
    this.#lock = lock;
    for (const name of readdirSync(directory)) {
      const leftover = parseSegmentName(name);
      if (leftover?.open) renameSync(join(directory, name), join(directory, segmentName(leftover.id, false)));
    }
    if (options.durability === 'power') for (const folder of [root, directory]) syncFolder(folder);
    this.#diskBudget = new DiskBudget(root, directory, options.bytesMax);
    this.#flushRequests = watchFlushRequests(root, () => void this.flush());
    this.#refresh = setInterval(() => {
      void this.#refreshDiskBudget();
      this.#flushRequests.check();
    }, refreshMs).unref();
  }

  record(exchange: Exchange, parsedRequest?: RawRequest): Promise<Sealed> {
    return this.#enqueue(exchange, parsedRequest);
  }

  feedback(feedback: Feedback): Promise<Sealed> {
    return this.#enqueue(feedback);
  }

  #enqueue(record: Exchange | Feedback, parsedRequest?: RawRequest): Promise<Sealed> {
    if (this.#closing) return Promise.reject(new Error('the spool is closed'));
    const frame = this.#arena.pack(record, parsedRequest);
    const problem = this.#fullReason(frame.bytes);
    if (problem) return this.#refuseOrDrop(problem);
    const { promise, resolve, reject } = Promise.withResolvers<Sealed>();
    const done = (failure?: Error): void => {
      if (failure) this.#refuseOrDrop(failure.message).then(resolve, reject);
      else resolve(seal());
    };
    this.#queue.push({ frame, done });
    this.#queuedBytes += frame.bytes;
    this.#scheduleWrite();
    if (this.#options.durability !== 'off') return promise;
    promise.catch(() => this.dropped++);
    return Promise.resolve(seal());
  }

  refusal(): string | undefined {
    if (this.#options.whenFull === 'drop') return undefined;
    const reserve = Math.min(reserveBytesMax, this.#diskBudget.limit / reserveFraction);
    return this.#writeFailure ?? this.#fullReason(reserve);
  }

  /** Closes the open segment. */
  async flush(): Promise<void> {
    if (this.#closing) return;
    this.#closeDue = true;
    this.#scheduleWrite();
    while (this.#closeDue && this.#writing) await this.#writing;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    clearInterval(this.#refresh);
    this.#flushRequests.close();
    this.#closeDue = true;
    this.#scheduleWrite();
    while (this.#writing) await this.#writing;
    clearTimeout(this.#ageTimer);
    this.#lock.release();
  }

  #fullReason(bytes: number): string | undefined {
    const { occupied, limit } = this.#diskBudget;
    if (occupied + this.#queuedBytes + bytes > limit) {
      const why = limit < this.#options.bytesMax ? 'the disk has no more room' : 'recorder.spool_max';
      return `the spool ${this.#directory} is full: ${mebibytes(occupied)} wait for the store, the limit is ${mebibytes(limit)} (${why})`;
    }
    return this.#queuedBytes + bytes > queueBytesMax ? `the disk under ${this.#directory} does not keep up` : undefined;
  }

  #refuseOrDrop(problem: string): Promise<Sealed> {
    if (this.#options.whenFull === 'refuse') return Promise.reject(new Error(problem));
    this.dropped++;
    return Promise.resolve(seal());
  }

  /** Exchanges that finish in one turn of the event loop, or during a write, go into one write. */
  #scheduleWrite(): void {
    this.#writing ??= new Promise<void>(resolve => setImmediate(resolve))
      .then(() => this.#drain())
      .finally(() => {
        this.#writing = undefined;
        if (this.#queue.length > 0 || this.#closeDue) this.#scheduleWrite();
        else this.#arena.rewind();
      });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      const bytes = group.reduce((sum, { frame }) => sum + frame.bytes, 0);
      const problem = await this.#append(group, bytes).then(
        () => undefined,
        (error: Error) => error,
      );
      this.#writeFailure = problem && `the spool ${this.#directory} cannot be written: ${problem.message}`;
      this.#queuedBytes -= bytes;
      for (const { done } of group) done(problem);
    }
    if (!this.#closeDue) return;
    this.#closeDue = false;
    await this.#closeSegment();
  }

  /** As many as fit in one segment, and at least one. */
  #nextGroup(): PendingWrite[] {
    let bytes = this.#open?.bytes ?? fileHeaderBytes;
    const framesMax = this.#segmentFrames - (this.#open?.frames ?? 0);
    let count = 0;
    for (const { frame } of this.#queue) {
      bytes += frame.bytes;
      if (count > 0 && (bytes > this.#segmentBytes || count === framesMax)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #append(group: readonly PendingWrite[], bytes: number): Promise<void> {
    const syncsToDisk = this.#options.durability === 'power';
    if (this.#open && this.#open.bytes + bytes > this.#segmentBytes) await this.#closeSegment();
    const segment = this.#open ?? (await this.#openSegment(syncsToDisk));
    try {
      await segment.append(
        group.map(({ frame }) => frame),
        bytes,
      );
      this.#diskBudget.recordWrite(bytes);
      if (syncsToDisk) await segment.sync();
    } finally {
      if (segment.broken || segment.frames >= this.#segmentFrames) await this.#closeSegment();
    }
  }

  async #openSegment(durable: boolean): Promise<SegmentFile> {
    this.#open = await SegmentFile.create(this.#directory, this.#newId(), durable, this.#writer);
    this.#diskBudget.recordWrite(fileHeaderBytes);
    this.#scheduleClose(this.#options.segmentAgeMs ?? this.#nextAge());
    return this.#open;
  }

  /** Ids increase in the order of writing, also when the clock steps back. */
  #newId(): string {
    const id = newSegmentId(Date.now());
    this.#lastId = id > this.#lastId ? id : (BigInt(`0x${this.#lastId}`) + 1n).toString(16).padStart(id.length, '0');
    return this.#lastId;
  }

  async #closeSegment(): Promise<void> {
    clearTimeout(this.#ageTimer);
    const segment = this.#open;
    if (!segment) return;
    this.#open = undefined;
    this.#diskBudget.recordClose(await segment.close());
  }

  #nextAge(): number {
    const { ageMs, paidUntilMs } = ageOfSegment(this.#paidUntilMs, performance.now());
    this.#paidUntilMs = paidUntilMs;
    return ageMs;
  }

  #scheduleClose(ageMs: number): void {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = setTimeout(() => {
      if (this.#diskBudget.backlog > backlogMax) return this.#scheduleClose(ageMs);
      this.#closeDue = true;
      this.#scheduleWrite();
    }, ageMs).unref();
  }

  /** Updates the sizes after shipping, and tests a disk whose last write failed. */
  async #refreshDiskBudget(): Promise<void> {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    await this.#diskBudget.refresh().catch(() => {});
    this.#isRefreshing = false;
    if (this.#writeFailure === undefined || this.#writing) return;
    const probe = join(this.#directory, 'probe');
    const isWritable = await writeFile(probe, Buffer.alloc(64 * 1024), { mode: 0o600, flush: true }).then(
      () => true,
      () => false,
    );
    await rm(probe, { force: true }).catch(() => {});
    if (isWritable) this.#writeFailure = undefined;
  }
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
