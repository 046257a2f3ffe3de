/** `hindcast eval gate`. */
import { appendFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { CommandError, exit, note, printResult, table } from '../../../gateway/cli/command.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { driftOf } from '../../certify/drift.ts';
import { scoreNameOf } from '../../gate/assertion.ts';
import type { GateReport } from '../../gate/evaluate.ts';
import { type GateFile, parseGate, type ReportFile } from '../../gate/file.ts';
import { type GateRun, runGateFile } from '../../gate/run.ts';
import { judgedColumns, sideNamed } from '../../gate/side.ts';
import type { Item, Outcomes } from '../../outcomes/outcomes.ts';
import type { RunRow } from '../../outcomes/query.ts';
import { gatePage } from '../../report/gate/page.ts';
import { githubText, junitText, sarifText } from '../../report/gate/pipeline.ts';
import { gateText, markdownText } from '../../report/gate/text.ts';
import { gateJson } from '../../report/json.ts';
import { comparedNotes } from '../../report/population.ts';
import { readText, type SharedOptions, writeText } from '../shared/options.ts';
import { noCompleteItemsError } from '../shared/store-outcomes.ts';
import { readCertificate } from '../thresholds/certificate-file.ts';
import { findDatasetFile } from './dataset-file.ts';
import { incompleteReasons } from './gate-budget.ts';
import { loadSides } from './sides.ts';

export interface GateCommandOptions extends SharedOptions {
  readonly outcomes?: string;
  readonly base?: string;
  readonly head?: string;
  readonly github?: boolean;
  readonly markdown?: string;
  readonly inconclusive?: string;
  readonly failExitCode?: string;
  readonly quality: string;
  readonly limit: string;
}

interface EvaluatedGate {
  readonly gate: GateFile;
  readonly run: GateRun;
  readonly runs: readonly RunRow[];
  readonly isOutcomesFile: boolean;
  readonly sides: Awaited<ReturnType<typeof loadSides>>['sides'];
  readonly outcomes: Outcomes;
}

async function evaluateGateFile(file: string, options: GateCommandOptions): Promise<EvaluatedGate> {
  const gate = readGate(file);
  const outcomesFile = outcomesOf(file, gate, options);
  const {
    sides,
    outcomes,
    runs = [],
  } = await loadSides({
    options,
    chooseSides: known => ({ ...gate, ...sidesOfOptions(options, known) }),
    describeSide: key => `${file}: ${key}`,
    resolvePath: path => relativeToGateFile(file, path),
    outcomesFile,
    quality: options.quality,
    since: gate.data.since,
    runs: gate.data.runs,
    scores: gate.rules.flatMap(({ metric }) => scoreNameOf(metric) ?? []),
    limit: parseCount(options.limit, '--limit'),
  });
  const run = runGateFile(gate, sides, outcomes, items => psiOf(file, gate, items));
  return { gate, run, runs, isOutcomesFile: outcomesFile !== undefined, sides, outcomes };
}

/** Checks that a gate file may be evaluated during a run: repeated looks need a sequential test. */
export function requireSequentialGate(file: string): void {
  if (readGate(file).sequential) return;
  throw new CommandError(
    exit.usage,
    `--stop-when-decided ${file}: it is looked at again and again; write statistics: { sequential: true } in it.`,
  );
}

/** The verdict on the data so far; undefined while inconclusive. */
export async function currentVerdict(file: string, options: Partial<GateCommandOptions>): Promise<'pass' | 'fail' | undefined> {
  const { run } = await evaluateGateFile(file, { quality: 'agreement', limit: '1000000', ...options } as GateCommandOptions);
  const verdict = run.report?.verdict;
  return verdict === 'pass' || verdict === 'fail' ? verdict : undefined;
}

/** Prints the verdict and writes the reports. The exit code follows the verdict, the gate file and the flags. */
export async function runGate(file: string, options: GateCommandOptions): Promise<number> {
  const mapping = inconclusiveOf(options.inconclusive) ?? readGate(file).onInconclusive;
  const failed = failCodeOf(options.failExitCode);
  const { gate, run, runs, isOutcomesFile, sides, outcomes } = await evaluateGateFile(file, options);
  const { report, kept } = run;
  if (!report) throw noCompleteItemsError(judgedColumns(sides.baseline, sides.candidate), kept, isOutcomesFile);
  const incomplete = incompleteReasons(gate, run.compared!, runs);
  const name = gate.name ?? basename(file);
  const known = comparedNotes(kept, outcomes);
  const fullReport = { ...report, name, notes: [...report.notes, ...incomplete] };
  printResult(options, gateJson(fullReport), () => [...known, '', gateText(fullReport, table)].join('\n'));
  for (const output of gate.reports) write(relativeToGateFile(file, output.file), reportText(fullReport, run, output.type, file));
  if (options.markdown !== undefined) write(options.markdown, markdownText(fullReport));
  if (gate.github || options.github) annotateGithub(fullReport, file, options.json ?? false);
  for (const reason of incomplete) note(reason);
  return incomplete.length > 0 ? exit.incomplete : codeOf(fullReport, mapping, failed);
}

/** Paths in a gate file start where it stands. */
const relativeToGateFile = (gateFile: string, path: string): string => resolve(dirname(gateFile), path);

function outcomesOf(file: string, { data }: GateFile, { outcomes }: GateCommandOptions): string | undefined {
  if (outcomes !== undefined) return outcomes;
  if (data.dataset !== undefined) return findDatasetFile(dirname(file), data.dataset);
  return data.outcomes === undefined ? undefined : relativeToGateFile(file, data.outcomes);
}

/** Sides of the command line go before those of the file. */
function sidesOfOptions({ base, head }: GateCommandOptions, runs: readonly RunRow[]): Partial<Pick<GateFile, 'baseline' | 'candidate'>> {
  const known = { routes: new Set<string>(), runs: new Set(runs.map(run => run.run_id)) };
  return { ...(base ? { baseline: sideNamed(base, known) } : {}), ...(head ? { candidate: sideNamed(head, known) } : {}) };
}

function readGate(file: string): GateFile {
  const parsed = parseGate(readText(file, 'a gate file'));
  if (parsed.ok) return parsed.gate;
  const lines = parsed.problems.map(
    ({ line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? 'the file' : path} ${message}`,
  );
  throw new CommandError(exit.usage, lines.join('\n'));
}

function psiOf(file: string, { certificate }: GateFile, items: readonly Item[]): number | string {
  if (certificate === undefined) return 'the gate file names no certificate: certificate: FILE';
  const { baseline, signal, thresholds, targets } = readCertificate(relativeToGateFile(file, certificate));
  const drift = driftOf(baseline, items, signal, thresholds);
  return drift.perTarget[0]!.answers === 0 ? `no answer of ${targets[0]} is among the outcomes` : drift.psi;
}

type Mapping = GateFile['onInconclusive'];

function inconclusiveOf(text: string | undefined): Mapping {
  if (text === undefined || text === 'fail' || text === 'warn' || text === 'pass') return text;
  throw new CommandError(exit.usage, `--inconclusive ${text}: write fail, warn or pass.`);
}

function failCodeOf(text: string | undefined): number {
  const code = text === undefined ? exit.failed : Number(text);
  if (Number.isInteger(code) && code >= 1 && code <= 255) return code;
  throw new CommandError(exit.usage, `--fail-exit-code ${text}: write a number from 1 to 255.`);
}

/** `warn`, like nothing at all, leaves 3 to the caller: a pipeline can show it as a warning. */
function codeOf({ verdict }: GateReport, mapping: Mapping, failed: number): number {
  if (verdict === 'pass') return exit.pass;
  if (verdict === 'fail' || mapping === 'fail') return failed;
  return mapping === 'pass' ? exit.pass : exit.inconclusive;
}

function reportText(report: GateReport, { compared, kept }: GateRun, type: ReportFile['type'], file: string): string {
  switch (type) {
    case 'junit':
      return junitText(report, file);
    case 'md':
      return markdownText(report);
    case 'html':
      return gatePage(report, compared!, kept.items);
    case 'sarif':
      return sarifText(report, file);
    case 'json':
      return JSON.stringify(gateJson(report), null, 2);
  }
}

/** Its runner reads both streams; stdout may hold JSON. */
function annotateGithub(report: GateReport, file: string, json: boolean): void {
  (json ? process.stderr : process.stdout).write(`${githubText(report, file)}\n`);
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (summary) appendFileSync(summary, `${markdownText(report)}\n`);
}

function write(path: string, content: string): void {
  writeText(path, `${content}\n`);
  note(`written: ${path}`);
}
