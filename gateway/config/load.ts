/** Finds the config, reads it, checks all of it, and says everything that is wrong at once. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Settings } from '../settings/settings.ts';
import { buildSettings } from './build.ts';
import { crossCheck } from './cross-checks.ts';
import { providersFrom } from './environment.ts';
import { reasonOf } from './expand.ts';
import { coerce, explain, flatten } from './explain.ts';
import { hashOf } from './hash.ts';
import { type ConfigProblem, type Finding, inOrder, pathId } from './problem.ts';
import { schema } from './schema.ts';
import { isRecord, parseSource, type Source, unwritten } from './source.ts';

export interface Wanted {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type Loaded =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** What a watcher needs besides: every file that was read, and what stood in them. */
export interface Reading {
  readonly loaded: Loaded;
  readonly files: readonly string[];
  readonly origins: ReadonlyMap<string, readonly string[]>;
}

export const defaultFile = 'hindcast.yaml';
const fileBytesMax = 16 * 1024 * 1024;

/** Absolute; undefined when there is none and none was asked for. */
export function findFile({ file, directory, environment }: Wanted): string | undefined {
  const named = file ?? (environment.HINDCAST_CONFIG || undefined);
  if (named !== undefined) return resolve(directory, named);
  const beside = join(directory, defaultFile);
  return statSync(beside, { throwIfNoEntry: false }) ? beside : undefined;
}

export function readConfig(wanted: Wanted): Reading {
  const file = findFile(wanted);
  if (file === undefined) {
    const source = unwritten('(environment)', {}, new Map());
    return { loaded: settle(source, wanted, undefined), files: [], origins: completed(source, wanted).origins };
  }
  const shown = relative(wanted.directory, file);
  const name = shown.startsWith('..') ? file : shown;
  const text = readText(file);
  if (!text.ok) return refused([{ file: name, line: 0, column: 0, path: '', message: text.problem }], [file]);
  const parsed = parseSource(name, text.text, { directory: dirname(file), environment: wanted.environment });
  if (!parsed.ok) return refused(inOrder(parsed.problems), [file]);
  const { source } = parsed;
  return { loaded: settle(source, wanted, file), files: [file, ...source.files], origins: completed(source, wanted).origins };
}

const refused = (problems: readonly ConfigProblem[], files: readonly string[]): Reading => ({
  loaded: { ok: false, problems },
  files,
  origins: new Map(),
});

function readText(file: string): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string } {
  try {
    const about = statSync(file);
    if (!about.isFile()) return { ok: false, problem: 'this is not a plain file; name the YAML file itself' };
    if (about.size > fileBytesMax) return { ok: false, problem: `this is larger than ${fileBytesMax} bytes; is it the right file?` };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    return { ok: false, problem: `${reasonOf(error)}; mend the path given by --config or HINDCAST_CONFIG, or the file` };
  }
}

/** Checks what was written. `file` is absolute; without one relative paths start at the directory. */
export function settle(written: Source, wanted: Wanted, file: string | undefined): Loaded {
  const source = completed(written, wanted);
  let parsed = schema.safeParse(source.value);
  if (!parsed.success && coerce(flatten(parsed.error.issues), source)) parsed = schema.safeParse(source.value);
  const issues = parsed.success ? [] : flatten(parsed.error.issues);
  const findings = merge(
    source.findings,
    issues.flatMap(issue => explain(issue, source)),
    crossCheck(source),
  );
  if (parsed.success && findings.length === 0) {
    const directory = file === undefined ? wanted.directory : dirname(file);
    return { ok: true, settings: buildSettings(parsed.data, { hash: hashOf(source.value), file, directory }) };
  }
  return { ok: false, problems: inOrder(findings.map(source.locate)) };
}

/** Empty sections count as absent, and a config without providers gets those of the environment. */
function completed(source: Source, { environment }: Wanted): Source {
  const value = Object.fromEntries(Object.entries(source.value).filter(([, section]) => section !== null));
  const named = value.providers ?? {};
  if (!isRecord(named) || Object.keys(named).length > 0) return { ...source, value };
  const found = providersFrom(environment);
  const origins = new Map([...source.origins, ...found.origins]);
  return { ...source, origins, value: { ...value, providers: found.providers, routes: value.routes ?? found.routes } };
}

/** Of several complaints about one place the first says it best. */
function merge(...groups: readonly (readonly Finding[])[]): readonly Finding[] {
  const said = new Set<string>();
  return groups.flatMap(group => {
    const fresh = group.filter(({ path }) => !said.has(pathId(path)));
    for (const { path } of group) said.add(pathId(path));
    return fresh;
  });
}

/** Changes when any of the files does. */
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
