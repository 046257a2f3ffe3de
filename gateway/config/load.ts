/** Finds the config, reads it, and checks all of it: one reading reports every problem. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Settings } from '../settings/settings.ts';
import { buildSettings } from './build/build.ts';
import { detectProviders } from './build/environment.ts';
import { hashConfig } from './build/hash.ts';
import { crossCheck } from './checks/cross-checks.ts';
import { coerceExpanded, findingsOf, flattenIssues } from './checks/schema-findings.ts';
import { type ConfigProblem, type Finding, pathId, sortProblems } from './problem.ts';
import { schema } from './schema/schema.ts';
import { describeReadError } from './source/expand.ts';
import { isRecord, parseSource, type Source, sourceWithoutText } from './source/source.ts';

export interface ConfigLocation {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type LoadResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** A reading for the watcher: the result, every file that was read, and the origin of expanded values. */
export interface ConfigReading {
  readonly loaded: LoadResult;
  readonly files: readonly string[];
  readonly origins: ReadonlyMap<string, readonly string[]>;
}

export const defaultFile = 'hindcast.yaml';
const fileBytesMax = 16 * 1024 * 1024;

/** The absolute path of the config; undefined without one. A file that is named but absent is returned as well. */
export function findFile({ file, directory, environment }: ConfigLocation): string | undefined {
  const explicit = file ?? (environment.HINDCAST_CONFIG || undefined);
  if (explicit !== undefined) return resolve(directory, explicit);
  const defaultPath = join(directory, defaultFile);
  return statSync(defaultPath, { throwIfNoEntry: false }) ? defaultPath : undefined;
}

/** Reads and checks the config. Never throws: problems are in `loaded`. */
export function readConfig(location: ConfigLocation): ConfigReading {
  const file = findFile(location);
  if (file === undefined) {
    const source = sourceWithoutText('(environment)', {}, new Map());
    return { loaded: validateConfig(source, location, undefined), files: [], origins: withDefaults(source, location).origins };
  }
  const relativePath = relative(location.directory, file);
  const name = relativePath.startsWith('..') ? file : relativePath;
  const text = readText(file);
  if (!text.ok) return failedReading([{ file: name, line: 0, column: 0, path: '', message: text.problem }], [file]);
  const parsed = parseSource(name, text.text, { directory: dirname(file), environment: location.environment });
  if (!parsed.ok) return failedReading(sortProblems(parsed.problems), [file]);
  const { source } = parsed;
  return {
    loaded: validateConfig(source, location, file),
    files: [file, ...source.files],
    origins: withDefaults(source, location).origins,
  };
}

const failedReading = (problems: readonly ConfigProblem[], files: readonly string[]): ConfigReading => ({
  loaded: { ok: false, problems },
  files,
  origins: new Map(),
});

function readText(file: string): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string } {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return { ok: false, problem: 'this is not a regular file; name the YAML file itself' };
    if (stats.size > fileBytesMax) return { ok: false, problem: `this is larger than ${fileBytesMax} bytes; is it the right file?` };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    return { ok: false, problem: `${describeReadError(error)}; correct --config or HINDCAST_CONFIG, or the file` };
  }
}

/** Checks a parsed config. `file` is absolute; without one, relative paths start at the location's directory. */
export function validateConfig(parsedSource: Source, location: ConfigLocation, file: string | undefined): LoadResult {
  const source = withDefaults(parsedSource, location);
  let parsed = schema.safeParse(source.value);
  if (!parsed.success && coerceExpanded(flattenIssues(parsed.error.issues), source)) parsed = schema.safeParse(source.value);
  const issues = parsed.success ? [] : flattenIssues(parsed.error.issues);
  const findings = mergeFindings(
    source.findings,
    issues.flatMap(issue => findingsOf(issue, source)),
    crossCheck(source),
  );
  if (parsed.success && findings.length === 0) {
    const directory = file === undefined ? location.directory : dirname(file);
    return { ok: true, settings: buildSettings(parsed.data, { hash: hashConfig(source.value), file, directory }) };
  }
  return { ok: false, problems: sortProblems(findings.map(source.locate)) };
}

/** Empty sections count as absent. A config without providers gets those of the environment. */
function withDefaults(source: Source, { environment }: ConfigLocation): Source {
  const value = Object.fromEntries(Object.entries(source.value).filter(([, section]) => section !== null));
  const providers = value.providers ?? {};
  if (!isRecord(providers) || Object.keys(providers).length > 0) return { ...source, value };
  const found = detectProviders(environment);
  const origins = new Map([...source.origins, ...found.origins]);
  return { ...source, origins, value: { ...value, providers: found.providers, routes: value.routes ?? found.routes } };
}

/** Keeps the findings of the first group for each path: schema before cross-checks. */
function mergeFindings(...groups: readonly (readonly Finding[])[]): readonly Finding[] {
  const seen = new Set<string>();
  return groups.flatMap(group => {
    const fresh = group.filter(({ path }) => !seen.has(pathId(path)));
    for (const { path } of group) seen.add(pathId(path));
    return fresh;
  });
}

/** A sha256 over all files, which changes when any of them does. */
export function contentHash(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`\0${file}\0`);
    try {
      if (statSync(file).isFile()) hash.update(readFileSync(file));
    } catch {
      hash.update('absent');
    }
  }
  return hash.digest('hex');
}
