/** `hindcast eval power`. */
import { CommandError, exit, printResult, table } from '../../../gateway/cli/command.ts';
import { clustersOf, sizeForHarm, sizeForNetLoss } from '../../../statistics/index.ts';
import { requiredSampleSizes, type SampleSize, type SampleSizeOptions } from '../../certify/sample-size.ts';
import { populationOf } from '../../identification/population.ts';
import { type CompleteItems, completeItems } from '../../outcomes/outcomes.ts';
import { type Chain, thresholdsOf as configuredThresholds } from '../../policies/chain.ts';
import { powerPage } from '../../report/pages.ts';
import { populationNotes, sourceNotes } from '../../report/population.ts';
import { type PlannedSize, type PowerReport, planText, powerJson, powerText } from '../../report/power.ts';
import { signalRemedy } from '../../report/shared/format.ts';
import { combinations, distinctValues, shownMax, thresholdGrid } from '../../sweep/thresholds.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { lossOf, parseConfidence, parsePoints, parsePower, parseSignal, writePage } from '../shared/options.ts';
import { noCompleteItemsError } from '../shared/store-outcomes.ts';
import { thresholdsOf } from './sweep.ts';

export interface PowerCommandOptions extends Omit<ChainOptions, 'chain'> {
  readonly chain?: string;
  readonly maxLoss: string;
  readonly loss: string;
  readonly confidence: string;
  readonly power: string;
  readonly threshold?: readonly string[];
  readonly output?: string;
}

export async function runPower(options: PowerCommandOptions): Promise<void> {
  const question = {
    signal: parseSignal(options.signal),
    loss: lossOf(options.loss),
    lossMax: parsePoints(options.maxLoss),
    confidence: parseConfidence(options.confidence),
    power: parsePower(options.power),
  };
  const { chain: named } = options;
  if (named === undefined) return printPlannedSizes(options, question);
  const { chain, outcomes } = await chainAndOutcomes({ ...options, chain: named }, undefined, { weighs: true });
  const kept = completeItems(outcomes.items, chain.targets);
  if (kept.items.length === 0) throw noCompleteItemsError(chain.targets, kept, options.outcomes !== undefined);
  const requested = thresholdsOf(options.threshold, chain) ?? configuredList(chain, question.signal);
  const known = [...populationNotes(populationOf(kept.population, chain.targets), chain), ...sourceNotes(outcomes)];
  const report: PowerReport = {
    ...question,
    ...{ chain: chain.name, reference: chain.targets.at(-1)!, label: outcomes.label, thresholdsGiven: requested !== undefined },
    ...{ items: kept.items.length, clusters: clustersOf(kept.items.map(item => item.cluster)).count },
    sampleSizes: sampleSizesFor(chain, kept, { ...question, thresholds: requested ?? grid(chain, kept, question.signal) }),
    notes: [...known, ...outcomes.notes],
  };
  if (options.output !== undefined) writePage(options.output, powerPage(report));
  printResult(options, powerJson(report), () => [...known, '', powerText({ ...report, notes: outcomes.notes }, table)].join('\n'));
}

function sampleSizesFor(chain: Chain, kept: CompleteItems, options: SampleSizeOptions): readonly SampleSize[] {
  if (options.thresholds.length > 0) return requiredSampleSizes(chain, kept, options);
  throw new CommandError(
    exit.nothing,
    `No answer of ${chain.targets[0]} shows the signal ${options.signal}, so there is no threshold to look at. ${signalRemedy(chain.targets[0]!)}`,
  );
}

const configuredList = (chain: Chain, signal: SampleSizeOptions['signal']): readonly (readonly number[])[] | undefined => {
  const configured = chain.configured ? configuredThresholds(chain.policy, signal) : undefined;
  return configured && [configured];
};

function grid(chain: Chain, { items }: CompleteItems, signal: SampleSizeOptions['signal']): readonly (readonly number[])[] {
  const perStep = chain.targets.slice(0, -1).map(target => thresholdGrid(distinctValues(items, target, signal), shownMax));
  return perStep.some(values => values.length === 0) ? [] : combinations(perStep, shownMax);
}

const differingShares = [0.01, 0.02, 0.05, 0.1];

/** Without outcomes: what the sizes are if the true loss were none, a quarter or half of the bound. */
function printPlannedSizes(options: PowerCommandOptions, question: Omit<SampleSizeOptions, 'signal' | 'thresholds'>): void {
  if (options.outcomes !== undefined || options.run || options.since !== undefined) {
    throw new CommandError(exit.usage, 'outcomes need a --chain that they are of; without one the sizes are for what may be.');
  }
  const { lossMax, confidence, power } = question;
  const delta = 1 - confidence;
  const known = (n: number): number | null => (Number.isFinite(n) ? n : null);
  const sizes = [0, lossMax / 4, lossMax / 2].map(
    (loss): PlannedSize => ({
      loss,
      harm: known(sizeForHarm({ harmMax: lossMax, harm: loss, delta, power })),
      net: differingShares.map(differing => ({
        differing,
        requests: known(sizeForNetLoss({ ...{ lossMax, loss, differing, delta, power }, designEffect: 1 })),
      })),
    }),
  );
  printResult(options, { max_loss: lossMax, confidence, power, sizes }, () => planText(question, sizes, table));
}
