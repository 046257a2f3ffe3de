/** `hindcast eval simulate`: a configuration over recorded traffic, offline. */
import { CommandError, exit, loadSettings, printResult, table } from '../../../gateway/cli/command.ts';
import type { Route } from '../../../gateway/settings/settings.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { scoredItems } from '../../calibration/train-scorer.ts';
import type { Outcomes } from '../../outcomes/outcomes.ts';
import { type Chain, chainOfRoute } from '../../policies/chain.ts';
import { simulationPage } from '../../report/explain-and-simulate-pages.ts';
import { comparedNotes, sourceNotes } from '../../report/population.ts';
import { count } from '../../report/shared/format.ts';
import { simulationJson, simulationText } from '../../report/simulate.ts';
import { auditBacktest } from '../../simulation/audit-backtest.ts';
import { backtest, type SimulatedChain, simulateChain, simulatePair } from '../../simulation/backtest.ts';
import { parseConfidence, readOutcomesFile, type SharedOptions, writePage } from '../shared/options.ts';
import { loadStoreOutcomes, withStore } from '../shared/store-outcomes.ts';

export interface SimulateOptions extends SharedOptions {
  readonly candidate: string;
  readonly route?: string;
  readonly outcomes?: string;
  readonly since?: string;
  readonly run?: readonly string[];
  readonly quality: string;
  readonly confidence: string;
  readonly output?: string;
  readonly allConfigurations?: boolean;
  readonly limit: string;
}

const recordedColumn = 'recorded';

export async function runSimulate(options: SimulateOptions): Promise<number> {
  const confidence = parseConfidence(options.confidence);
  const runningSettings = loadSettings(options);
  const candidate = routeOf(loadSettings({ config: options.candidate }).routes, options.candidate, options.route);
  const name = options.route ?? candidate.name;
  const deployed = runningSettings.routes.get(name);
  const current = deployed && chainOfNamedRoute(name, deployed);
  const targets = [...new Set([...(current?.targets ?? []), ...candidate.targets])];
  const outcomes = await outcomesFor(options, runningSettings, targets, candidate, deployed && name);
  const scored = { ...outcomes, items: scoredItems(candidate, outcomes.items) };
  const alone = simulateChain(candidate, scored.items);
  if (alone.items === 0) throw nothingSimulatedError(alone);
  const error = current && backtest(current, outcomes.items, recordedColumn);
  const audits = current && auditBacktest(current, outcomes.items, confidence);
  const pair = current && simulatePair(current, candidate, scored, { confidence, error });
  const lacking = scored.items.length - alone.items;
  const inconclusive = pair
    ? pair.problem && `INCONCLUSIVE: ${pair.problem}.`
    : lacking > 0
      ? `INCONCLUSIVE: ${count(lacking, 'request')} of ${scored.items.length.toLocaleString('en')} lack an outcome; the numbers are of the others, which were not drawn.`
      : undefined;
  const report = {
    ...{ route: name, candidate: options.candidate, label: outcomes.label, confidence },
    notes: outcomes.notes,
    known: pair ? comparedNotes(pair.kept, outcomes) : sourceNotes(outcomes),
    candidateResult: pair ? { ...pair.candidate, unsupported: alone.unsupported } : alone,
    now: pair?.deployed,
    inconclusive,
    ...{ error, audits },
    comparison: pair?.comparison,
  };
  if (options.output !== undefined) writePage(options.output, simulationPage(report));
  printResult(options, simulationJson(report), () => simulationText(report, table));
  return inconclusive !== undefined || report.comparison?.tooClose ? exit.inconclusive : exit.pass;
}

function nothingSimulatedError({ unsupported }: SimulatedChain): CommandError {
  const lacking = Object.entries(unsupported).map(([target, n]) => `${n} lack an outcome of ${target}`);
  const remedy = lacking.length > 0 ? `: ${lacking.join(', ')}. hindcast replay run --against ${Object.keys(unsupported)[0]}` : '';
  return new CommandError(exit.nothing, `No request can be simulated${remedy}.`);
}

function routeOf(routes: ReadonlyMap<string, Route>, file: string, named: string | undefined): Chain {
  const name = named ?? (routes.size === 1 ? [...routes.keys()][0]! : undefined);
  const known = [...routes.keys()].join(', ');
  if (name === undefined) throw new CommandError(exit.usage, `${file} has ${routes.size} routes; name one with --route: ${known}.`);
  const route = routes.get(name);
  if (!route) throw new CommandError(exit.usage, `${file} has no route ${name}; its routes are ${known}.`);
  return chainOfNamedRoute(name, route);
}

function chainOfNamedRoute(name: string, route: Route): Chain {
  const chain = chainOfRoute(name, route);
  if (typeof chain === 'string') throw new CommandError(exit.usage, `${chain}.`);
  return chain;
}

async function outcomesFor(
  options: SimulateOptions,
  settings: ReturnType<typeof loadSettings>,
  targets: readonly string[],
  candidate: Chain,
  route: string | undefined,
): Promise<Outcomes> {
  if (options.outcomes !== undefined) return readOutcomesFile(options.outcomes);
  const strongest = candidate.targets.at(-1)!;
  const judged = [...targets.filter(target => target !== strongest), strongest];
  const { quality, since } = options;
  return withStore(settings, store =>
    loadStoreOutcomes(store, settings, {
      ...{ targets, columns: [{ name: recordedColumn, type: recordedColumn }], judged, quality, since },
      runs: options.run ?? [],
      limit: parseCount(options.limit, '--limit'),
      ...(route === undefined ? {} : { route }),
      newestConfiguration: !options.allConfigurations,
    }),
  );
}
