/** `hindcast eval gate`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandError, exit, note, result, settingsOf, table } from '../../gateway/cli.ts';
import type { Route, Settings } from '../../gateway/settings.ts';
import type { Store } from '../../recorder/store.ts';
import { parseCount } from '../../replay/selection.ts';
import { onlyTarget } from '../chain.ts';
import { decider } from '../decide.ts';
import { type GateFile, parseGate } from '../gate/file.ts';
import { judgedColumns, type Playing, playing } from '../gate/side.ts';
import { judge } from '../gate.ts';
import { type RunRow, runsOf } from '../outcomes/query.ts';
import { complete, type Outcomes } from '../outcomes.ts';
import { type GateReport, gateText, junitText, markdownText } from '../report/gate.ts';
import { clustersOf } from '../statistics.ts';
import { mixingHull } from '../sweep/mix.ts';
import { nothingComplete, outcomesOfStore, runNamed, selectionNote, withStore } from './data.ts';
import { outcomesOfFile, readText, type SharedOptions } from './options.ts';

export interface GateCommandOptions extends SharedOptions {
  readonly outcomes?: string;
  readonly inconclusive?: string;
  readonly quality: string;
  readonly limit: string;
}

export async function runGate(file: string, options: GateCommandOptions): Promise<number> {
  const parsed = parseGate(readText(file, 'a gate file'));
  if (!parsed.ok) {
    const lines = parsed.problems.map(
      ({ line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? 'the file' : path} ${message}`,
    );
    throw new CommandError(exit.usage, lines.join('\n'));
  }
  const mapping = inconclusiveOf(options.inconclusive) ?? parsed.gate.onInconclusive;
  const gate = parsed.gate;
  const beside = (path: string): string => resolve(dirname(file), path);
  const outcomesFile = options.outcomes ?? (gate.data.outcomes === undefined ? undefined : beside(gate.data.outcomes));
  let settings: Settings | undefined;
  const running = (): Settings => {
    settings ??= settingsOf(options);
    return settings;
  };
  const routesOf = (config: string): ReadonlyMap<string, Route> => settingsOf({ config: beside(config) }).routes;
  const sides = (runs: readonly RunRow[] | undefined): readonly [Playing, Playing] => {
    const play = (key: 'baseline' | 'candidate'): Playing => {
      const played = playing(gate[key], { routes: () => running().routes, routesOf, armOf: (run, arm) => armOf(runs, run, arm) });
      if (typeof played === 'string') throw new CommandError(exit.usage, `${file}: ${key}: ${played}.`);
      if (played.column && outcomesFile !== undefined) {
        throw new CommandError(
          exit.usage,
          `${file}: ${key}: outcomes from a file have targets only, nothing ${played.name}; name one: {target: NAME}.`,
        );
      }
      return played;
    };
    return [play('baseline'), play('candidate')];
  };
  let report: GateReport;
  if (outcomesFile !== undefined) report = judged(gate, sides(undefined), outcomesOfFile(outcomesFile), true);
  else {
    const limit = parseCount(options.limit, '--limit');
    report = await withStore(running(), store => fromStore(store, running(), gate, sides, { quality: options.quality, limit }));
  }
  result(options, report, () => gateText(report, table));
  for (const { type, file: path } of gate.reports)
    write(
      beside(path),
      type === 'junit' ? junitText(report, file) : type === 'md' ? markdownText(report) : JSON.stringify(report, null, 2),
    );
  return codeOf(report, mapping);
}

async function fromStore(
  store: Store,
  settings: Settings,
  gate: GateFile,
  sides: (runs: readonly RunRow[]) => readonly [Playing, Playing],
  flags: { readonly quality: string; readonly limit: number },
): Promise<GateReport> {
  const played = sides(await runsOf(store));
  const outcomes = await outcomesOfStore(store, settings, {
    targets: [...new Set(played.flatMap(side => side.targets))],
    columns: played.flatMap(side => side.column ?? []),
    judged: judgedColumns(...played),
    since: gate.data.since,
    runs: gate.data.runs,
    ...flags,
  });
  return judged(gate, played, outcomes, false);
}

function judged(gate: GateFile, [baseline, candidate]: readonly [Playing, Playing], outcomes: Outcomes, fromFile: boolean): GateReport {
  const columns = judgedColumns(baseline, candidate);
  const kept = complete(outcomes.items, columns);
  if (kept.items.length === 0) throw nothingComplete(columns, kept, fromFile);
  const decide = decider(kept.items, columns);
  const { chain } = candidate;
  const judgement = judge(
    gate.rules,
    {
      baseline: decide(baseline.policy),
      candidate: decide(candidate.policy),
      clusters: clustersOf(kept.items.map(item => item.cluster)),
      hull:
        chain && chain.targets.length > 1
          ? mixingHull(new Map(chain.targets.map(target => [target, decide(onlyTarget(chain, target))])))
          : undefined,
    },
    { confidence: gate.confidence, seed: gate.seed, clustersMin: gate.data.clustersMin },
  );
  return {
    ...judgement,
    baseline: baseline.name,
    candidate: candidate.name,
    label: outcomes.label,
    dropped: kept.dropped,
    notes: [...outcomes.notes, ...selectionNote(kept.dropped, kept.known)],
  };
}

function armOf(
  runs: readonly RunRow[] | undefined,
  name: string,
  arm: string | undefined,
): { readonly run: string; readonly arm: string } | string {
  if (!runs) return 'outcomes from a file know no runs; name a target: {target: NAME}';
  const run = runNamed(runs, name);
  if (arm !== undefined && !run.arms.includes(arm)) return `run ${run.run_id} has no arm "${arm}"; its arms are ${run.arms.join(', ')}`;
  if (arm === undefined && run.arms.length !== 1)
    return `run ${run.run_id} has ${run.arms.length} arms; name one of them: {run: ${name}, arm: ${run.arms[0] ?? 'NAME'}}`;
  return { run: run.run_id, arm: arm ?? run.arms[0]! };
}

type Mapping = GateFile['onInconclusive'];

function inconclusiveOf(text: string | undefined): Mapping {
  if (text === undefined || text === 'fail' || text === 'warn' || text === 'pass') return text;
  throw new CommandError(exit.usage, `--inconclusive ${text}: write fail, warn or pass.`);
}

/** `warn`, like nothing at all, leaves 3 to the caller: a pipeline can show it as a warning. */
function codeOf({ verdict }: GateReport, mapping: Mapping): number {
  if (verdict === 'pass') return exit.pass;
  if (verdict === 'fail' || mapping === 'fail') return exit.failed;
  return mapping === 'pass' ? exit.pass : exit.inconclusive;
}

function write(path: string, content: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${content}\n`);
  } catch (error) {
    throw new CommandError(exit.usage, `${path}: the report cannot be written: ${(error as Error).message}.`);
  }
  note(`written: ${path}`);
}
