/** `hindcast eval train`. */
import { CommandError, exit, note, printResult, table } from '../../../gateway/cli/command.ts';
import { answersMin, type FeatureSignal, trainScorer } from '../../calibration/train-scorer.ts';
import { itemsInRole, splitOf } from '../../certify/split.ts';
import { trainingText } from '../../report/train.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { parseSeed, writeText } from '../shared/options.ts';
import { featureSignals } from '../shared/scorer-file.ts';
import { openManifest } from './manifest-file.ts';

export interface TrainOptions extends Omit<ChainOptions, 'signal' | 'scorer'> {
  readonly features: string;
  readonly target?: string;
  readonly seed: string;
  readonly manifest?: string;
  readonly output?: string;
}

export async function runTrain(options: TrainOptions): Promise<void> {
  const features = featuresOf(options.features);
  const seed = parseSeed(options.seed);
  const manifestFile = openManifest(options.manifest, false);
  const { chain, outcomes } = await chainAndOutcomes(options);
  const target = options.target ?? chain.targets[0]!;
  if (!chain.targets.slice(0, -1).includes(target))
    throw new CommandError(exit.usage, `--target ${target}: name one whose answers are judged: ${chain.targets.slice(0, -1).join(', ')}.`);
  const split = splitOf(outcomes.items, seed, manifestFile?.manifest?.split);
  const tune = itemsInRole(outcomes.items, split, 'tune');
  const trained = trainScorer(tune, target, features, seed);
  if (!trained) {
    const judged = tune.filter(item => item.outcomes.get(target)?.quality !== undefined).length;
    const why = `${judged} of the ${tune.length} requests for tuning have a judged answer of ${target}`;
    throw new CommandError(
      exit.nothing,
      `There is too little to learn from: ${why}. It takes ${answersMin} with right and wrong ones among them, and a feature that nearly all show.`,
    );
  }
  if (options.output !== undefined) {
    writeText(options.output, `${JSON.stringify(trained.scorer, null, 2)}\n`);
    note(`written: ${options.output}`);
  }
  const report = { ...trained, chain: chain.name, seed, quality_from: outcomes.label, notes: outcomes.notes };
  printResult(options, report, () =>
    trainingText(trained, { chain: chain.name, label: outcomes.label, file: options.output, notes: outcomes.notes }, table),
  );
}

function featuresOf(text: string): readonly FeatureSignal[] {
  if (text.trim() === 'all') return featureSignals;
  return text.split(',').map(name => {
    const found = featureSignals.find(known => known === name.trim());
    if (!found) throw new CommandError(exit.usage, `--features ${name}: write all, or some of ${featureSignals.join(', ')}.`);
    return found;
  });
}
