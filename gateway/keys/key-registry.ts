/** The keys of the configuration and of the store as one, for a gateway that runs: a change takes effect at once. */
import type { Log } from '../settings/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { KeyStore } from './key-store.ts';
import { mergedKeys, type StoredKey } from './stored-key.ts';

export class KeyRegistry {
  readonly store: KeyStore | undefined;
  readonly #log: Log;
  #stored: readonly StoredKey[] = [];
  #configured: Settings | undefined;
  #changed: (settings: Settings) => void;

  /** `changed` gets the settings with all keys when stored keys have changed. */
  constructor(store: KeyStore | undefined, log: Log, changed: (settings: Settings) => void) {
    this.store = store;
    this.#log = log;
    this.#changed = changed;
    store?.onChange(() => void this.read());
  }

  /** Stored keys as they were last read. */
  get stored(): readonly StoredKey[] {
    return this.#stored;
  }

  /** These settings with all keys, now and after every change. The same object while no key is stored. */
  configure(settings: Settings): Settings {
    this.#configured = settings;
    return this.#stored.length === 0 ? settings : { ...settings, keys: mergedKeys(settings.keys, this.#stored) };
  }

  /** Reads the store. While it cannot be read, the keys that are known stay in force. */
  async read(): Promise<void> {
    if (!this.store) return;
    try {
      const stored = await this.store.all();
      if (JSON.stringify(stored) === JSON.stringify(this.#stored)) return;
      this.#stored = stored;
    } catch (problem) {
      this.#log.warn(`stored keys cannot be read: ${problem instanceof Error ? problem.message : problem}`);
      return;
    }
    if (this.#configured) this.#changed(this.configure(this.#configured));
  }

  async close(): Promise<void> {
    this.#changed = () => {};
    await this.store?.close();
  }
}
