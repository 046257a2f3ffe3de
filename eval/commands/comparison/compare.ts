/** `hindcast eval compare`. */
import { resolve } from 'node:path';
import { CommandError, exit, loadSettings, printResult, table } from '../../../gateway/cli/command.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { compare } from '../../gate/compare.ts';
import { compareSides } from '../../gate/run.ts';
import { judgedColumns, sideNamed } from '../../gate/side.ts';
import { comparisonText } from '../../report/compare.ts';
import { comparisonJson } from '../../report/json.ts';
import { comparisonPage } from '../../report/pages.ts';
import { comparedNotes } from '../../report/population.ts';
import { parseConfidence, parseSeed, type SharedOptions, writePage } from '../shared/options.ts';
import { noCompleteItemsError } from '../shared/store-outcomes.ts';
import { loadSides } from './sides.ts';

export interface CompareCommandOptions extends SharedOptions {
  readonly outcomes?: string;
  readonly since?: string;
  readonly run?: readonly string[];
  readonly quality: string;
  readonly confidence: string;
  readonly seed: string;
  readonly limit: string;
  readonly output?: string;
}

export async function runCompare(base: string, head: string, options: CompareCommandOptions): Promise<number> {
  const settings = { confidence: parseConfidence(options.confidence), seed: parseSeed(options.seed) };
  const { outcomes: outcomesFile, since, quality } = options;
  if (outcomesFile !== undefined && (options.run || since !== undefined)) {
    throw new CommandError(exit.usage, '--outcomes reads a file, --run and --since choose from the store; give one of them.');
  }
  const routes = new Set(outcomesFile === undefined ? loadSettings(options).routes.keys() : []);
  const { sides, outcomes } = await loadSides({
    options,
    chooseSides: runs => {
      const known = { routes, runs: new Set(runs.map(run => run.run_id)) };
      return { baseline: sideNamed(base, known), candidate: sideNamed(head, known) };
    },
    describeSide: key => (key === 'baseline' ? base : head),
    resolvePath: path => resolve(path),
    ...{ outcomesFile, quality, since },
    runs: options.run ?? [],
    limit: parseCount(options.limit, '--limit'),
  });
  const { kept, compared, bounds, problem } = compareSides(sides, outcomes);
  if (!compared) throw noCompleteItemsError(judgedColumns(sides.baseline, sides.candidate), kept, outcomesFile !== undefined);
  const known = comparedNotes(kept, outcomes);
  const report = {
    ...compare(compared, { ...settings, bounds }),
    ...{ baseline: sides.baseline.name, candidate: sides.candidate.name, label: outcomes.label, dropped: kept.dropped },
    notes: [...known, ...(problem ? [`INCONCLUSIVE: ${problem}.`] : []), ...outcomes.notes],
  };
  if (options.output !== undefined) writePage(options.output, comparisonPage(report, compared, kept.items));
  printResult(options, comparisonJson(report), () =>
    [...known, '', ...(problem ? [`INCONCLUSIVE: ${problem}.`, ''] : []), comparisonText({ ...report, notes: outcomes.notes }, table)].join(
      '\n',
    ),
  );
  return problem === undefined ? exit.pass : exit.inconclusive;
}
