/** `hindcast eval simulate`: a configuration over recorded traffic, offline. */
import { CommandError, exit, loadSettings, printResult, table } from '../../../gateway/cli/command.ts';
import type { Route } from '../../../gateway/settings/settings.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { scoredItems } from '../../calibration/train-scorer.ts';
import { incompleteShareMax } from '../../identification/selected-sample.ts';
import type { Outcomes } from '../../outcomes/outcomes.ts';
import { type Chain, chainOfRoute } from '../../policies/chain.ts';
import { simulationPage } from '../../report/explain-and-simulate-pages.ts';
import { count } from '../../report/shared/format.ts';
import { simulationJson, simulationText } from '../../report/simulate.ts';
import { backtest, compareChains, type SimulatedChain, simulateChain, supportedItems } from '../../simulation/backtest.ts';
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
  const outcomes = await outcomesFor(options, runningSettings, targets, candidate);
  const items = scoredItems(candidate, outcomes.items);
  const both = supportedItems([candidate, ...(current ? [current] : [])], items);
  const candidateResult = simulateChain(candidate, items);
  if (candidateResult.items === 0) {
    const lacking = Object.entries(candidateResult.unsupported).map(([target, n]) => `${n} lack an outcome of ${target}`);
    throw new CommandError(
      exit.nothing,
      `No request can be simulated${lacking.length > 0 ? `: ${lacking.join(', ')}. hindcast replay run --against ${Object.keys(candidateResult.unsupported)[0]}` : ''}.`,
    );
  }
  const error = current && backtest(current, outcomes.items, recordedColumn);
  const report = {
    ...{ route: name, candidate: options.candidate, label: outcomes.label, notes: outcomes.notes, confidence },
    // Both on the same requests: those that each can be simulated on.
    candidateResult: { ...simulateChain(candidate, both), unsupported: candidateResult.unsupported },
    now: current && simulateChain(current, both),
    inconclusive: unsupportedProblem(both.length, items.length, candidateResult),
    error,
    comparison: current && compareChains(current, candidate, items, confidence, error),
  };
  if (options.output !== undefined) writePage(options.output, simulationPage(report));
  printResult(options, simulationJson(report), () => simulationText(report, table));
  return report.inconclusive !== undefined || report.comparison?.tooClose ? exit.inconclusive : exit.pass;
}

/** The requests that neither policy needs an unknown outcome of are those whose decision hardly changes: no random sample. */
function unsupportedProblem(supported: number, all: number, { unsupported }: SimulatedChain): string | undefined {
  if (all - supported <= incompleteShareMax * all) return undefined;
  const targets = Object.keys(unsupported);
  const remedy = targets.map(target => `hindcast replay run --against ${target} --only-missing`).join('; ');
  return `INCONCLUSIVE: ${count(all - supported, 'request')} of ${all.toLocaleString('en')} cannot be simulated${remedy ? `; to know them: ${remedy}` : ''}. The numbers are of the other ${supported.toLocaleString('en')}, which the deployed route selected.`;
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
    }),
  );
}
