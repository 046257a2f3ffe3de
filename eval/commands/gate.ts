/** `hindcast eval gate`. */
import { dirname, resolve } from 'node:path';
import { CommandError, exit, note, result, table } from '../../gateway/cli.ts';
import { parseCount } from '../../replay/selection.ts';
import { type GateFile, parseGate } from '../gate/file.ts';
import { runJudgement } from '../gate/run.ts';
import { judgedColumns } from '../gate/side.ts';
import { type GateReport, gateText, junitText, markdownText } from '../report/gate.ts';
import { gateJson } from '../report/json.ts';
import { nothingComplete, selectionNote } from './data.ts';
import { readText, type SharedOptions, writeText } from './options.ts';
import { loadSides } from './sides.ts';

export interface GateCommandOptions extends SharedOptions {
  readonly outcomes?: string;
  readonly inconclusive?: string;
  readonly quality: string;
  readonly limit: string;
}

export async function runGate(file: string, options: GateCommandOptions): Promise<number> {
  const gate = readGate(file);
  const mapping = inconclusiveOf(options.inconclusive) ?? gate.onInconclusive;
  const outcomesFile = options.outcomes ?? (gate.data.outcomes === undefined ? undefined : beside(file, gate.data.outcomes));
  const { sides, outcomes } = await loadSides({
    options,
    name: () => gate,
    called: key => `${file}: ${key}`,
    beside: path => beside(file, path),
    outcomesFile,
    quality: options.quality,
    since: gate.data.since,
    runs: gate.data.runs,
    limit: parseCount(options.limit, '--limit'),
  });
  const { report, kept } = runJudgement(gate, sides, outcomes);
  if (!report) throw nothingComplete(judgedColumns(sides.baseline, sides.candidate), kept, outcomesFile !== undefined);
  const told = { ...report, notes: [...report.notes, ...selectionNote(kept.dropped, kept.known)] };
  result(options, gateJson(told), () => gateText(told, table));
  for (const { type, file: path } of gate.reports) write(beside(file, path), reportText(told, type, file));
  return codeOf(told, mapping);
}

/** Paths in a gate file start where it stands. */
const beside = (gateFile: string, path: string): string => resolve(dirname(gateFile), path);

function readGate(file: string): GateFile {
  const parsed = parseGate(readText(file, 'a gate file'));
  if (parsed.ok) return parsed.gate;
  const lines = parsed.problems.map(
    ({ line, column, path, message }) => `${file}:${line}:${column}: ${path === '' ? 'the file' : path} ${message}`,
  );
  throw new CommandError(exit.usage, lines.join('\n'));
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

const reportText = (report: GateReport, type: 'junit' | 'md' | 'json', file: string): string =>
  type === 'junit' ? junitText(report, file) : type === 'md' ? markdownText(report) : JSON.stringify(gateJson(report), null, 2);

function write(path: string, content: string): void {
  writeText(path, `${content}\n`);
  note(`written: ${path}`);
}
