/** How Settings came about: kept beside them, for the watcher that reads them again and the command that describes them. */
import type { Settings } from '../settings/settings.ts';
import type { Reading, Wanted } from './load.ts';

export interface Remembered {
  readonly wanted: Wanted;
  readonly files: readonly string[];
  readonly origins: Reading['origins'];
}

const memory = new WeakMap<Settings, Remembered>();

export function remember(settings: Settings, wanted: Wanted, { files, origins }: Reading): void {
  memory.set(settings, { wanted, files, origins });
}

export const rememberedOf = (settings: Settings): Remembered | undefined => memory.get(settings);
