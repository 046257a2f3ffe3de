/** Notices that the config's file changed, and takes the new one if it is good. */
import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Settings } from '../settings/settings.ts';
import { contentHash, type Reading, readConfig, type Wanted } from './load.ts';
import { remember, rememberedOf } from './origin.ts';
import type { ConfigProblem } from './problem.ts';
import { restartNeeded } from './restart.ts';

export interface ConfigListener {
  /** `needRestart` names what changed and cannot take effect in a running gateway: `server.port`. */
  changed(next: Settings, needRestart: readonly string[]): void;
  /** The file is broken; the settings that were taken last stand. */
  refused(problems: readonly ConfigProblem[]): void;
}

const settleMs = 200;
/** A folder that is written to all the time does not put the look off for ever. */
const settleMsMax = 2_000;
/** Where the file system tells nobody: network mounts, a folder that was removed and made anew. */
const lookEveryMs = 30_000;

/** Settings that came from no file are not watched. They must come from `loadConfig`, or from `changed`. */
export function watchConfig(settings: Settings, listener: ConfigListener): { close(): void } {
  const remembered = rememberedOf(settings);
  if (settings.file === undefined || !remembered) return { close: () => {} };
  const watcher = new ConfigWatcher(settings, settings.file, remembered.wanted, remembered.files, listener);
  return { close: () => watcher.close() };
}

class ConfigWatcher {
  readonly #file: string;
  readonly #wanted: Wanted;
  readonly #listener: ConfigListener;
  readonly #started: Settings;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #slow: NodeJS.Timeout;
  #soon: NodeJS.Timeout | undefined;
  #askedAt: number | undefined;
  #taken: Settings;
  /** What was reported last, while the file is broken. */
  #broken: string | undefined;
  #files: readonly string[];
  #seen: string;

  constructor(settings: Settings, file: string, wanted: Wanted, files: readonly string[], listener: ConfigListener) {
    this.#started = settings;
    this.#taken = settings;
    this.#file = file;
    this.#wanted = { ...wanted, file };
    this.#files = [...new Set([file, ...files])];
    this.#listener = listener;
    // Nothing has been seen yet: what changed between the load and now is found by the first look.
    this.#seen = '';
    this.#follow();
    this.#slow = setInterval(() => this.#look(), lookEveryMs);
    this.#slow.unref();
    this.#schedule();
  }

  close(): void {
    clearTimeout(this.#soon);
    clearInterval(this.#slow);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #schedule(): void {
    const now = performance.now();
    this.#askedAt ??= now;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#look(), Math.min(settleMs, Math.max(0, this.#askedAt + settleMsMax - now)));
    this.#soon.unref();
  }

  #look(): void {
    this.#askedAt = undefined;
    this.#follow();
    const files = this.#files;
    const seen = contentHash(files);
    if (seen === this.#seen) return;
    const reading = readConfig(this.#wanted);
    this.#files = [...new Set([this.#file, ...reading.files])];
    // Hashed before it was read: what changes in between is found by the next look. Files not hashed yet ask for one.
    const isSame = this.#files.length === files.length && this.#files.every((file, i) => file === files[i]);
    this.#seen = isSame ? seen : '';
    if (!isSame) this.#schedule();
    this.#follow();
    this.#take(reading);
  }

  #take(reading: Reading): void {
    const { loaded } = reading;
    if (!loaded.ok) {
      const broken = JSON.stringify(loaded.problems);
      if (broken !== this.#broken) this.#listener.refused(loaded.problems);
      this.#broken = broken;
      return;
    }
    // Another comment or another order of keys is no other config; but one that was broken is told to be whole again.
    if (loaded.settings.hash === this.#taken.hash && this.#broken === undefined) return;
    this.#broken = undefined;
    this.#taken = loaded.settings;
    remember(loaded.settings, this.#wanted, reading);
    this.#listener.changed(loaded.settings, restartNeeded(this.#started, loaded.settings));
  }

  /** Folders, not files: editors replace a file, and Kubernetes swaps a link beside it. */
  #follow(): void {
    const wanted = new Set(this.#files.flatMap(file => [dirname(file), ...realFolder(file)]));
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watch(folder);
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#schedule());
      this.#folders.set(folder, watcher);
      watcher.on('error', () => {
        watcher.close();
        this.#folders.delete(folder);
        this.#schedule();
      });
    } catch {
      // Gone for the moment: the slow look finds it again.
    }
  }
}

function realFolder(file: string): readonly string[] {
  try {
    return [dirname(realpathSync(file))];
  } catch {
    return [];
  }
}
