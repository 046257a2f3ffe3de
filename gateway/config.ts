/** The configuration: one file, or none, becomes Settings, or a list of all that is wrong with it. */

import { type Loaded, readConfig, type Wanted } from './config/load.ts';
import { remember } from './config/origin.ts';
import { type ConfigProblem, printProblems } from './config/problem.ts';

export { configSchema } from './config/json-schema.ts';
export { type ConfigListener, watchConfig } from './config/watch.ts';
export { type ConfigProblem, type Loaded, printProblems };

/** The file is `--config`'s, else HINDCAST_CONFIG's, else ./hindcast.yaml; without one, providers come from the environment. */
export function loadConfig(from: Wanted): Loaded {
  const reading = readConfig(from);
  if (reading.loaded.ok) remember(reading.loaded.settings, from, reading);
  return reading.loaded;
}
