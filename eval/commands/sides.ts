/** What gate and compare begin with: two sides, and the outcomes that both need, from a file or the store. */
import { CommandError, exit, settingsOf } from '../../gateway/cli/cli.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import type { Side } from '../gate/file.ts';
import type { Sides } from '../gate/run.ts';
import { judgedColumns, type Playing, playing } from '../gate/side.ts';
import { type RunRow, runsOf } from '../outcomes/query.ts';
import type { Item, Outcomes } from '../outcomes.ts';
import { outcomesOfStore, runNamed, withStore } from './data.ts';
import { outcomesOfFile, type SharedOptions } from './options.ts';
import { snapshotColumn } from './snapshot-side.ts';

export interface SidesRequest {
  readonly options: SharedOptions;
  /** The two sides, once it is known which runs there are. */
  readonly name: (runs: readonly RunRow[]) => { readonly baseline: Side; readonly candidate: Side };
  /** How an error names a side. */
  readonly called: (key: 'baseline' | 'candidate') => string;
  /** Where a relative path starts. */
  readonly beside: (path: string) => string;
  readonly outcomesFile: string | undefined;
  readonly quality: string;
  readonly since: string | undefined;
  readonly runs: readonly string[];
  readonly limit: number;
  /** Scores that some rule is about. */
  readonly scores?: readonly string[];
}

export interface Loaded {
  readonly sides: Sides;
  readonly outcomes: Outcomes;
  /** What was replayed or imported for them. */
  readonly runs?: readonly RunRow[];
}

export async function loadSides(request: SidesRequest): Promise<Loaded> {
  const { outcomesFile } = request;
  const snapshots = snapshotsOf(request);
  if (snapshots) return snapshots;
  if (outcomesFile !== undefined) return { sides: sidesOfFile(request), outcomes: outcomesOfFile(outcomesFile) };
  const settings = settingsOf(request.options);
  return withStore(settings, async store => {
    const all = await runsOf(store);
    const sides = sidesOf(request, () => settings, all);
    const both = [sides.baseline, sides.candidate];
    const { quality, since, runs, limit, scores = [] } = request;
    const outcomes = await outcomesOfStore(store, settings, {
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
  const sides = sidesOf(request, () => settingsOf(request.options), undefined);
  for (const key of ['baseline', 'candidate'] as const) {
    if (!sides[key].column) continue;
    const message = `outcomes from a file have targets only, nothing ${sides[key].name}; name one: {target: NAME}`;
    throw new CommandError(exit.usage, `${request.called(key)}: ${message}.`);
  }
  return sides;
}

function sidesOf(request: SidesRequest, running: () => Settings, runs: readonly RunRow[] | undefined): Sides {
  const named = request.name(runs ?? []);
  const around = {
    routes: () => running().routes,
    routesOf: (config: string) => settingsOf({ config: request.beside(config) }).routes,
    armOf: (run: string, arm: string | undefined) => armOf(runs, run, arm),
    snapshotOf: () => '',
  };
  const play = (key: 'baseline' | 'candidate'): Playing => {
    const played = playing(named[key], around);
    if (typeof played === 'string') throw new CommandError(exit.usage, `${request.called(key)}: ${played}.`);
    return played;
  };
  return { baseline: play('baseline'), candidate: play('candidate') };
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

/** Each side a file of its own, as it stands or stood in git: matched by the requests' ids. Undefined when none is. */
function snapshotsOf(request: SidesRequest): Loaded | undefined {
  const named = request.name([]);
  const sides = [named.baseline, named.candidate] as const;
  if (!sides.some(side => side.type === 'snapshot')) return undefined;
  const columns = sides.map((side, i) => {
    const key = i === 0 ? 'baseline' : 'candidate';
    if (side.type === 'snapshot') return snapshotColumn(side, request.beside(side.file), key);
    const message = 'stands beside a side that is a snapshot; give both a snapshot, or one data: {outcomes: FILE}';
    throw new CommandError(exit.usage, `${request.called(key)}: ${message}.`);
  });
  const items = new Map<string, Item>();
  for (const { name, outcomes } of columns) {
    for (const { item, outcome } of outcomes) {
      const known = items.get(item.id) ?? { ...item, outcomes: new Map() };
      items.set(item.id, { ...known, outcomes: new Map(known.outcomes).set(name, outcome) });
    }
  }
  const around = { routes: () => new Map(), routesOf: () => new Map(), armOf: () => '' };
  const [baseline, candidate] = columns.map(({ name }, i) => playing(sides[i]!, { ...around, snapshotOf: () => name }) as Playing);
  return {
    sides: { baseline: baseline!, candidate: candidate! },
    outcomes: { items: [...items.values()], label: 'as given in the snapshots', notes: [] },
  };
}
