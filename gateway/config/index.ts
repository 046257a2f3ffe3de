/** The configuration: one file, or none, becomes Settings, or a list of all that is wrong with it. */

import { type ConfigLocation, type LoadResult, readConfig } from './load.ts';
import { rememberOrigin } from './origin.ts';
import { type ConfigProblem, formatProblems } from './problem.ts';

export { configSchema } from './schema/json-schema.ts';
export { type ConfigListener, watchConfig } from './watch.ts';
export { type ConfigProblem, formatProblems as printProblems, type LoadResult as Loaded };

/** The file is `--config`'s, else HINDCAST_CONFIG's, else ./hindcast.yaml; without one, providers come from the environment. */
export function loadConfig(from: ConfigLocation): LoadResult {
  const read = readConfig(from);
  if (read.loaded.ok) rememberOrigin(read.loaded.settings, from, read);
  return read.loaded;
}
