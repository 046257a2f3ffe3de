/** The configuration: reads one file, or none, into Settings, or into the list of its problems. */

import { type ConfigLocation, type LoadResult, readConfig } from './load.ts';
import { rememberOrigin } from './origin.ts';
import { type ConfigProblem, formatProblems } from './problem.ts';

export { configSchema } from './schema/json-schema.ts';
export { type ConfigListener, watchConfig } from './watch.ts';
export { type ConfigProblem, formatProblems as printProblems, type LoadResult as Loaded };

/** Reads `--config`, else HINDCAST_CONFIG, else ./hindcast.yaml. Without a file, providers come from the environment. */
export function loadConfig(from: ConfigLocation): LoadResult {
  const read = readConfig(from);
  if (read.loaded.ok) rememberOrigin(read.loaded.settings, from, read);
  return read.loaded;
}
