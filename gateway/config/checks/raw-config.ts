/** The sections of the raw config for the cross-checks. A section that is missing or of the wrong type is empty. */

import { didYouMean } from '../nearest.ts';
import { type Finding, type Path, pathId } from '../problem.ts';
import { isRecord, type Source } from '../source/source.ts';
import { formatValue } from './schema-findings.ts';

export interface RawConfig {
  readonly source: Source;
  readonly providers: readonly Entry[];
  readonly routes: readonly Entry[];
  readonly tenants: readonly Entry[];
  readonly keys: readonly unknown[];
  readonly models: readonly Entry[];
  readonly prices: readonly Entry[];
}
export type Entry = readonly [name: string, value: unknown];

/** Key and value of each entry of a map; [] for anything else. */
export const entries = (value: unknown): readonly Entry[] => (isRecord(value) ? Object.entries(value) : []);

/** The entries of a list; [] for anything else. */
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The keys of entries. */
export const namesOf = (parts: readonly Entry[]): readonly string[] => parts.map(([name]) => name);

/** A finding at a path of the config, on its value unless `at` says on its key. */
export const createFinding = (path: Path, message: string, at: Finding['at'] = 'value'): Finding => ({ path, at, message });

/** A finding about an unknown name, with a suggestion. A name from the environment may be a secret, so it is not printed. */
export function unknownName(what: string, word: string, known: readonly string[], path: Path, source: Source, otherwise = ''): Finding {
  if (source.origins.has(pathId(path))) return createFinding(path, `there is no ${what} named by ${formatValue(word, path, source)}`);
  return createFinding(path, `there is no ${what} ${formatValue(word, path, source)}${didYouMean(word, known) || otherwise}`);
}
