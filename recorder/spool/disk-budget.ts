/** The spool's size on disk, and the limit that it may reach. */
import { readdirSync, statfsSync, statSync } from 'node:fs';
import { readdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isRejected } from '../files/paths.ts';
import { parseSegmentName } from './segment.ts';

/** Sizes are measured from time to time; own writes since then are added. */
export class DiskBudget {
  readonly #root: string;
  readonly #writerFolder: string;
  readonly #bytesMax: number;
  /** Closed segments by path; their size does not change any more. */
  readonly #closedSizes = new Map<string, number>();
  #closedBytes = 0;
  #othersOpen = 0;
  #ownOpen = 0;
  #free = 0;
  #writtenSince = 0;

  /** `root` holds the folders of all writers, `own` is the one this process writes in; they may be the same. */
  constructor(root: string, writerFolder: string, bytesMax: number) {
    this.#root = root;
    this.#writerFolder = writerFolder;
    this.#bytesMax = bytesMax;
    const paths = foldersIn(root, readdirSync(root, { withFileTypes: true })).flatMap(folder =>
      readdirSync(folder).map(name => join(folder, name)),
    );
    this.#update(
      paths.map(path => [path, statSync(path, { throwIfNoEntry: false })?.size ?? 0]),
      new Set(),
    );
    const disk = statfsSync(root);
    this.#free = disk.bavail * disk.bsize;
  }

  /** Bytes of all segments that are not shipped, and of records the store rejected. */
  get occupied(): number {
    return this.#closedBytes + this.#othersOpen + this.#ownOpen;
  }

  /** Bytes the spool may hold: the configured limit, or less when the disk has less. */
  get limit(): number {
    return Math.min(this.#bytesMax, this.occupied + Math.max(0, this.#free - this.#writtenSince));
  }

  /** Closed segments of this writer that wait for the recorder. */
  get backlog(): number {
    return [...this.#closedSizes.keys()].filter(path => dirname(path) === this.#writerFolder).length;
  }

  recordWrite(bytes: number): void {
    this.#ownOpen += bytes;
    this.#writtenSince += bytes;
  }

  /** The open segment got its final name. */
  recordClose(path: string): void {
    this.#closedBytes += this.#ownOpen - (this.#closedSizes.get(path) ?? 0);
    this.#closedSizes.set(path, this.#ownOpen);
    this.#ownOpen = 0;
  }

  async refresh(): Promise<void> {
    const before = new Set(this.#closedSizes.keys());
    const writtenBefore = this.#writtenSince;
    const disk = await statfs(this.#root);
    const found: [string, number][] = [];
    for (const folder of foldersIn(this.#root, await readdir(this.#root, { withFileTypes: true }))) {
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        if (parseSegmentName(name) || isRejected(name)) found.push([path, this.#closedSizes.get(path) ?? (await sizeOf(path))]);
      }
    }
    this.#update(found, before);
    this.#writtenSince -= writtenBefore;
    this.#free = disk.bavail * disk.bsize;
  }

  /** A segment that was known `before` and is not among the files was shipped; one that was closed since then may be missing from the list. */
  #update(files: readonly (readonly [path: string, bytes: number])[], before: ReadonlySet<string>): void {
    const seen = new Set<string>();
    this.#othersOpen = 0;
    for (const [path, bytes] of files) {
      const segment = parseSegmentName(basename(path));
      if (segment?.open && dirname(path) !== this.#writerFolder) this.#othersOpen += bytes;
      if (segment ? segment.open : !isRejected(basename(path))) continue;
      seen.add(path);
      if (!this.#closedSizes.has(path)) this.#closedSizes.set(path, bytes);
    }
    for (const path of before) if (!seen.has(path)) this.#closedSizes.delete(path);
    this.#closedBytes = [...this.#closedSizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** The root itself and the writers' folders in it. */
const foldersIn = (root: string, entries: readonly { readonly name: string; isDirectory(): boolean }[]): string[] => [
  root,
  ...entries.filter(entry => entry.isDirectory()).map(entry => join(root, entry.name)),
];

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
