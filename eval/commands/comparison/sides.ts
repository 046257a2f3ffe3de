/** The input of gate and compare: two sides, and the outcomes that both need, from a file or the store. */
import { CommandError, exit, loadSettings } from '../../../gateway/cli/command.ts';
import type { Settings } from '../../../gateway/settings/settings.ts';
import type { Side } from '../../gate/file.ts';
import type { Sides } from '../../gate/run.ts';
import { judgedColumns, type ResolvedSide, resolveSide } from '../../gate/side.ts';
import type { Item, Outcomes } from '../../outcomes/outcomes.ts';
import { type RunRow, selectRuns } from '../../outcomes/query.ts';
import { readOutcomesFile, type SharedOptions } from '../shared/options.ts';
import { loadStoreOutcomes, runNamed, withStore } from '../shared/store-outcomes.ts';
import { snapshotColumn } from './snapshot-side.ts';

export interface SidesRequest {
  readonly options: SharedOptions;
  /** The two sides, once it is known which runs there are. */
  readonly chooseSides: (runs: readonly RunRow[]) => { readonly baseline: Side; readonly candidate: Side };
  /** How an error names a side. */
  readonly describeSide: (key: 'baseline' | 'candidate') => string;
  /** Where a relative path starts. */
  readonly resolvePath: (path: string) => string;
  readonly outcomesFile: string | undefined;
  readonly quality: string;
  readonly since: string | undefined;
  readonly runs: readonly string[];
  readonly limit: number;
  /** Scores that some rule is about. */
  readonly scores?: readonly string[];
}

export interface LoadedSides {
  readonly sides: Sides;
  readonly outcomes: Outcomes;
  /** What was replayed or imported for them. */
  readonly runs?: readonly RunRow[];
}

export async function loadSides(request: SidesRequest): Promise<LoadedSides> {
  const { outcomesFile } = request;
  const snapshots = snapshotsOf(request);
  if (snapshots) return snapshots;
  if (outcomesFile !== undefined) return { sides: sidesOfFile(request), outcomes: readOutcomesFile(outcomesFile) };
  const settings = loadSettings(request.options);
  return withStore(settings, async store => {
    const all = await selectRuns(store);
    const sides = sidesOf(request, () => settings, all);
    const both = [sides.baseline, sides.candidate];
    const { quality, since, runs, limit, scores = [] } = request;
    const outcomes = await loadStoreOutcomes(store, settings, {
      targets: [...new Set(both.flatMap(side => side.targets))],
      columns: both.flatMap(side => side.column ?? []),
      judged: judgedColumns(sides.baseline, sides.candidate),
      ...{ quality, since, runs, limit, scores },
    });
    const named = [...runs, ...both.flatMap(side => (side.column?.type === 'arm' ? [side.column.run] : []))];
    return {
      sides,
      outcomes,
      runs: [...new Set(named.map(name => runNamed(all, name, name === 'latest' ? ({ kind }) => kind !== 'import' : undefined)))],
    };
  });
}

function sidesOfFile(request: SidesRequest): Sides {
  const sides = sidesOf(request, () => loadSettings(request.options), undefined);
  for (const key of ['baseline', 'candidate'] as const) {
    if (!sides[key].column) continue;
    const message = `outcomes from a file have targets only, nothing ${sides[key].name}; name one: {target: NAME}`;
    throw new CommandError(exit.usage, `${request.describeSide(key)}: ${message}.`);
  }
  return sides;
}

function sidesOf(request: SidesRequest, runningSettings: () => Settings, runs: readonly RunRow[] | undefined): Sides {
  const named = request.chooseSides(runs ?? []);
  const context = {
    routes: () => runningSettings().routes,
    routesOf: (config: string) => loadSettings({ config: request.resolvePath(config) }).routes,
    armOf: (run: string, arm: string | undefined) => armOf(runs, run, arm),
    snapshotOf: () => '',
  };
  const resolve = (key: 'baseline' | 'candidate'): ResolvedSide => {
    const resolved = resolveSide(named[key], context);
    if (typeof resolved === 'string') throw new CommandError(exit.usage, `${request.describeSide(key)}: ${resolved}.`);
    return resolved;
  };
  return { baseline: resolve('baseline'), candidate: resolve('candidate') };
}

function armOf(
  runs: readonly RunRow[] | undefined,
  name: string,
  arm: string | undefined,
): { readonly run: string; readonly arm: string } | string {
  if (!runs) return 'outcomes from a file know no runs; name a target: {target: NAME}';
  // The rows of an import are of no recorded request.
  const run = runNamed(runs, name, ({ kind }) => kind !== 'import');
  if (arm !== undefined && !run.arms.includes(arm)) return `run ${run.run_id} has no arm "${arm}"; its arms are ${run.arms.join(', ')}`;
  if (arm === undefined && run.arms.length !== 1) {
    return `run ${run.run_id} has ${run.arms.length} arms; name one of them: {run: ${name}, arm: ${run.arms[0] ?? 'NAME'}}`;
  }
  return { run: run.run_id, arm: arm ?? run.arms[0]! };
}

/** Each side has a file of its own, in the working tree or at a commit, matched by request ids. Undefined when neither has. */
function snapshotsOf(request: SidesRequest): LoadedSides | undefined {
  const named = request.chooseSides([]);
  const sides = [named.baseline, named.candidate] as const;
  if (!sides.some(side => side.type === 'snapshot')) return undefined;
  const columns = sides.map((side, i) => {
    const key = i === 0 ? 'baseline' : 'candidate';
    if (side.type === 'snapshot') return snapshotColumn(side, request.resolvePath(side.file), key);
    const message = 'stands beside a side that is a snapshot; give both a snapshot, or one data: {outcomes: FILE}';
    throw new CommandError(exit.usage, `${request.describeSide(key)}: ${message}.`);
  });
  const items = new Map<string, Item>();
  for (const { name, outcomes } of columns) {
    for (const { item, outcome } of outcomes) {
      const known = items.get(item.id) ?? { ...item, outcomes: new Map() };
      items.set(item.id, { ...known, outcomes: new Map(known.outcomes).set(name, outcome) });
    }
  }
  const context = { routes: () => new Map(), routesOf: () => new Map(), armOf: () => '' };
  const [baseline, candidate] = columns.map(
    ({ name }, i) => resolveSide(sides[i]!, { ...context, snapshotOf: () => name }) as ResolvedSide,
  );
  return {
    sides: { baseline: baseline!, candidate: candidate! },
    outcomes: { items: [...items.values()], label: 'as given in the snapshots', notes: [] },
  };
}
