/** The origin of Settings: location, files and variables. The watcher reads the files again, `config check` shows the variables. */
import type { Settings } from '../settings/settings.ts';
import type { ConfigLocation, ConfigReading } from './load.ts';

export interface SettingsOrigin {
  readonly location: ConfigLocation;
  readonly files: readonly string[];
  readonly origins: ConfigReading['origins'];
}

const settingsOrigins = new WeakMap<Settings, SettingsOrigin>();

/** Stores the origin of these settings, for `originOf`. */
export function rememberOrigin(settings: Settings, location: ConfigLocation, { files, origins }: ConfigReading): void {
  settingsOrigins.set(settings, { location, files, origins });
}

/** Where the settings were read from; undefined for settings that were not loaded from a config. */
export const originOf = (settings: Settings): SettingsOrigin | undefined => settingsOrigins.get(settings);
