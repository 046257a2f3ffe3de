/** Watches the config's files, and reports each valid change and each broken one. */
import { type FSWatcher, realpathSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Settings } from '../settings/settings.ts';
import { type ConfigLocation, type ConfigReading, contentHash, readConfig } from './load.ts';
import { originOf, rememberOrigin } from './origin.ts';
import type { ConfigProblem } from './problem.ts';
import { restartNeeded } from './restart.ts';

export interface ConfigListener {
  /** `needRestart` names changed settings that take effect only at a restart, as `server.port`. */
  changed(next: Settings, needRestart: readonly string[]): void;
  /** The file is broken; the last valid settings stay in force. */
  refused(problems: readonly ConfigProblem[]): void;
}

const debounceMs = 200;
/** In a folder with constant writes the file is read after this time. */
const debounceMsMax = 2_000;
/** For file systems without change events: network mounts, a folder that was removed and created again. */
const pollEveryMs = 30_000;

/** Watches the files of these settings, which must come from `loadConfig` or `changed`. Settings without a file are not watched. */
export function watchConfig(settings: Settings, listener: ConfigListener): { close(): void } {
  const origin = originOf(settings);
  if (settings.file === undefined || !origin) return { close: () => {} };
  const watcher = new ConfigWatcher(settings, settings.file, origin.location, origin.files, listener);
  return { close: () => watcher.close() };
}

class ConfigWatcher {
  readonly #file: string;
  readonly #location: ConfigLocation;
  readonly #listener: ConfigListener;
  readonly #started: Settings;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #pollTimer: NodeJS.Timeout;
  #debounceTimer: NodeJS.Timeout | undefined;
  #scheduledAt: number | undefined;
  #current: Settings;
  /** The problems reported last, while the file is broken. */
  #lastProblems: string | undefined;
  #files: readonly string[];
  #contentHash: string;

  constructor(settings: Settings, file: string, location: ConfigLocation, files: readonly string[], listener: ConfigListener) {
    this.#started = settings;
    this.#current = settings;
    this.#file = file;
    this.#location = { ...location, file };
    this.#files = [...new Set([file, ...files])];
    this.#listener = listener;
    // An empty hash makes the first check read the files: they may have changed since the load.
    this.#contentHash = '';
    this.#watchFolders();
    this.#pollTimer = setInterval(() => this.#check(), pollEveryMs);
    this.#pollTimer.unref();
    this.#schedule();
  }

  close(): void {
    clearTimeout(this.#debounceTimer);
    clearInterval(this.#pollTimer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #schedule(): void {
    const now = performance.now();
    this.#scheduledAt ??= now;
    clearTimeout(this.#debounceTimer);
    this.#debounceTimer = setTimeout(() => this.#check(), Math.min(debounceMs, Math.max(0, this.#scheduledAt + debounceMsMax - now)));
    this.#debounceTimer.unref();
  }

  #check(): void {
    this.#scheduledAt = undefined;
    this.#watchFolders();
    const files = this.#files;
    const hash = contentHash(files);
    if (hash === this.#contentHash) return;
    const reading = readConfig(this.#location);
    this.#files = [...new Set([this.#file, ...reading.files])];
    // The hash is from before the reading, so a change in between is found by the next check. New files need another check.
    const isSame = this.#files.length === files.length && this.#files.every((file, i) => file === files[i]);
    this.#contentHash = isSame ? hash : '';
    if (!isSame) this.#schedule();
    this.#watchFolders();
    this.#apply(reading);
  }

  #apply(reading: ConfigReading): void {
    const { loaded } = reading;
    if (!loaded.ok) {
      const problems = JSON.stringify(loaded.problems);
      if (problems !== this.#lastProblems) this.#listener.refused(loaded.problems);
      this.#lastProblems = problems;
      return;
    }
    // Comments and the order of keys do not change the hash. A repaired file is reported even with the same hash.
    if (loaded.settings.hash === this.#current.hash && this.#lastProblems === undefined) return;
    this.#lastProblems = undefined;
    this.#current = loaded.settings;
    rememberOrigin(loaded.settings, this.#location, reading);
    this.#listener.changed(loaded.settings, restartNeeded(this.#started, loaded.settings));
  }

  /** Watches folders, because editors replace a file, and Kubernetes swaps a link beside it. */
  #watchFolders(): void {
    const folders = new Set(this.#files.flatMap(file => [dirname(file), ...realFolder(file)]));
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of folders) if (!this.#folders.has(folder)) this.#watch(folder);
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
      // The folder is absent: polling finds it when it is back.
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
