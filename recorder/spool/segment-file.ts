/** A segment that is being written. Frames are appended whole; a partial write is cut off again. */
import { close, fdatasync, ftruncate, open, rename, rm } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '../files/paths.ts';
import { buffersOf, type PackedFrame } from './arena.ts';
import { fileHeaderBytes, renderFileHeader, saltOf, segmentName } from './segment.ts';
import type { SegmentWriter } from './segment-writer.ts';

// Descriptors and callbacks: a FileHandle's write costs twice as much, and it is on the path of every request.
const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fdatasync);
const renameFile = promisify(rename);
const removeFile = promisify(rm);

export class SegmentFile {
  /** Size of the file header and all whole frames. */
  bytes = fileHeaderBytes;
  /** After a failed write or sync: append nothing more. */
  broken = false;
  readonly #id: string;
  readonly #directory: string;
  readonly #descriptor: number;
  readonly #salt: number;
  readonly #writer: SegmentWriter;
  /** Frames that were appended. */
  frames = 0;

  private constructor(directory: string, id: string, descriptor: number, writer: SegmentWriter) {
    this.#directory = directory;
    this.#id = id;
    this.#descriptor = descriptor;
    this.#salt = saltOf(id);
    this.#writer = writer;
  }

  /** `durable` also syncs the folder, which holds the new file's name. */
  static async create(directory: string, id: string, durable: boolean, writer: SegmentWriter): Promise<SegmentFile> {
    const path = join(directory, segmentName(id, true));
    const descriptor = await openFile(path, 'ax', 0o600);
    try {
      await writer.write(descriptor, [renderFileHeader(id)], fileHeaderBytes);
      if (durable) syncFolder(directory);
      return new SegmentFile(directory, id, descriptor, writer);
    } catch (error) {
      await closeFile(descriptor).catch(() => {});
      await removeFile(path).catch(() => {});
      throw error;
    }
  }

  async append(frames: readonly PackedFrame[], bytes: number): Promise<void> {
    try {
      await this.#writer.write(this.#descriptor, buffersOf(frames, this.frames, this.#salt), bytes);
    } catch (error) {
      // A partial frame must not stand before the next ones. If it cannot be cut off, the reader skips it.
      await truncateFile(this.#descriptor, this.bytes).catch(() => {
        this.broken = true;
      });
      throw error;
    }
    this.bytes += bytes;
    this.frames += frames.length;
  }

  async sync(): Promise<void> {
    try {
      await syncFile(this.#descriptor);
    } catch (error) {
      // A failed sync may have lost pages, and a second sync would not report them: this file is never synced again.
      this.broken = true;
      throw error;
    }
  }

  /** Returns the final path, or the present one when the file cannot be renamed. */
  async close(): Promise<string> {
    await closeFile(this.#descriptor).catch(() => {});
    const path = join(this.#directory, segmentName(this.#id, false));
    const openPath = join(this.#directory, segmentName(this.#id, true));
    // A file that keeps the name `.open` is closed by the next start, or by the recorder once this process has ended.
    return renameFile(openPath, path).then(
      () => path,
      () => openPath,
    );
  }
}
