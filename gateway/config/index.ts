/** The configuration: one file, or none, becomes Settings, or a list of all that is wrong with it. */

import { type Loaded, readConfig, type Wanted } from './load.ts';
import { remember } from './origin.ts';
import { type ConfigProblem, printProblems } from './problem.ts';

export { configSchema } from './json-schema.ts';
export { type ConfigListener, watchConfig } from './watch.ts';
export { type ConfigProblem, type Loaded, printProblems };

/** The file is `--config`'s, else HINDCAST_CONFIG's, else ./hindcast.yaml; without one, providers come from the environment. */
export function loadConfig(from: Wanted): Loaded {
  const reading = readConfig(from);
  if (reading.loaded.ok) remember(reading.loaded.settings, from, reading);
  return reading.loaded;
}
