/** `hindcast eval`: the composition root, where outcomes, thresholds and gates come together. */
import type { Command } from 'commander';
import { action } from '../gateway/cli/command.ts';
import { registerCache } from './commands/cache/register.ts';
import { type CompareCommandOptions, runCompare } from './commands/comparison/compare.ts';
import { type GateCommandOptions, runGate } from './commands/comparison/gate.ts';
import { registerLabels } from './commands/labels/register.ts';
import { type ImportOptions, runImport } from './commands/outcomes/import.ts';
import { runSnapshot, type SnapshotOptions } from './commands/outcomes/snapshot.ts';
import { chainFlags, commonFlags, dataFlags, weighFlag } from './commands/shared/flags.ts';
import {
  calibrateHelp,
  certifyHelp,
  checkHelp,
  compareHelp,
  explainHelp,
  gateHelp,
  importHelp,
  powerHelp,
  snapshotHelp,
  sweepHelp,
  trainHelp,
  watchHelp,
} from './commands/shared/help.ts';
import { repeatable } from './commands/shared/options.ts';
import { type CalibrateCommandOptions, runCalibrate } from './commands/thresholds/calibrate.ts';
import { type CertifyCommandOptions, runCertify } from './commands/thresholds/certify.ts';
import { type CheckOptions, runCheck } from './commands/thresholds/check.ts';
import { type ExplainOptions, runExplain } from './commands/thresholds/explain.ts';
import { type PowerCommandOptions, runPower } from './commands/thresholds/power.ts';
import { runSweep, type SweepCommandOptions } from './commands/thresholds/sweep.ts';
import { runTrain, type TrainOptions } from './commands/thresholds/train.ts';
import { runWatch, type WatchOptions } from './commands/thresholds/watch.ts';
import { runDemo } from './demo.ts';

export function register(program: Command): void {
  const evaluation = program.command('eval').description('judge routing on recorded and replayed outcomes, before rollout');
  chains(evaluation);
  preparation(evaluation);
  sides(evaluation);
  files(evaluation);
  registerLabels(evaluation);
  registerCache(evaluation);
  program
    .command('demo')
    .description('a guided tour in a minute with the simulated provider: send, query, replay, sweep')
    .option('--once', 'exit after the last step, instead of leaving the gateway running')
    .addHelpText('after', '\nExamples:\n  hindcast demo\n  hindcast demo --once')
    .action(action(runDemo));
}

/** Commands about the thresholds of a chain. */
function chains(evaluation: Command): void {
  weighFlag(chainFlags(evaluation.command('sweep').description('what each threshold of a chain would cost and give, with intervals')))
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--threshold <number>', 'look at this one instead of all (repeatable; with three targets and more a list: 0.7,0.9)', repeatable)
    .option('-o, --output <file>', 'a page to look at as well: frontier.html')
    .option('--wide', 'every column, each with its interval')
    .addHelpText('after', sweepHelp)
    .action(action((options: SweepCommandOptions) => runSweep(options)));

  weighFlag(chainFlags(evaluation.command('certify').description('the lowest threshold with a bounded loss, and a stated chance of error')))
    .requiredOption('--max-loss <points>', 'the most that may be lost against always using the last target: 2pp')
    .option('--loss <kind>', 'harm (where it is worse) or net (less where it is better)', 'harm')
    .option('--confidence <level>', 'of the promise', '95%')
    .option('--mode <mode>', 'certified, or expected: the bound holds on average over data sets, without a confidence', 'certified')
    .option('--seed <number>', 'of the order in which clusters are bet on', '0')
    .option('--assume <assumption>', 'missing-at-random: your word for outcomes that nobody knows; it stands in the certificate')
    .option('--write', "put the certified threshold into the config's route")
    .option('--threshold <number>', 'test these, strictest first, instead of all (repeatable, or a list: 1,0.9,0.8)', repeatable)
    .option('--max-errors <points>', 'and at most this share without an answer: 1%')
    .option('--max-p95 <time>', 'and a p95 latency of at most this: 3s')
    .option('--max-ttft-p95 <time>', 'and a p95 time to the first token of at most this: 2s')
    .option('--slice <tag>', 'certify each value of a tag as well: tenant, route, project, or a tag of yours (repeatable)', repeatable)
    .option('--min-chance <chance>', 'the least chance with which the configuration draws an audit, for files of drawn requests: 0.03')
    .option('--conversation-max <count>', 'requests of one conversation that the claim is about; found on the tuning requests otherwise')
    .option('--manifest <file>', 'keep who is for tuning, certifying and auditing, and count the looks: split.json')
    .option('--alpha-spending', 'share the chance of error over several looks at the same requests')
    .option('-o, --output <file>', 'keep it as a file, or look at it: certificate.json, certificate.html (repeatable)', repeatable)
    .addHelpText('after', certifyHelp)
    .action(action((options: CertifyCommandOptions) => runCertify(options)));

  dataFlags(
    commonFlags(evaluation.command('check <certificate>').description('whether a certificate still holds: drift, models, thresholds')),
  )
    .option('--keep', 'write the verdict into the certificate, where the gateway and config check look')
    .addHelpText('after', checkHelp)
    .action(action((file: string, options: CheckOptions) => runCheck(file, options)));

  commonFlags(evaluation.command('watch [certificate]').description('whether the audits of a route contradict its certificate'))
    .option('--once', 'look once and end, instead of every minute')
    .addHelpText('after', watchHelp)
    .action(action((file: string | undefined, options: WatchOptions) => runWatch(file, options)));

  chainFlags(evaluation.command('calibrate').description('how well a signal tells right answers from wrong ones, and what it is worth'))
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--seed <number>', 'of the folds', '0')
    .option('-o, --output <file>', 'a page to look at as well: signals.html')
    .addHelpText('after', calibrateHelp)
    .action(action((options: CalibrateCommandOptions) => runCalibrate(options)));
}

/** Commands that plan a certificate: a scorer to threshold on, and how many requests it takes. */
function preparation(evaluation: Command): void {
  dataFlags(
    commonFlags(evaluation.command('train').description('a scorer: what of the signals together tells right answers from wrong ones')),
  )
    .requiredOption('--chain <chain>', 'a route, or targets with commas between, cheap ones first')
    .option('--target <target>', 'whose answers are judged; the first one otherwise')
    .option('--features <list>', 'with commas between, or all', 'all')
    .option('--seed <number>', 'of the split and the folds', '0')
    .option('--manifest <file>', 'who is for tuning, as certify keeps it: split.json')
    .option('-o, --output <file>', 'keep the scorer: scorer.json')
    .addHelpText('after', trainHelp)
    .action(action((options: TrainOptions) => runTrain(options)));

  dataFlags(commonFlags(evaluation.command('power').description('how many more requests a certificate takes, and what they cost')))
    .requiredOption('--max-loss <points>', 'the most that may be lost against always using the last target: 1pp')
    .option('--chain <chain>', 'a route, or targets with commas between; without it the sizes are for what may be')
    .option('--signal <signal>', 'what the threshold is laid on', 'confidence')
    .option('--threshold <number>', 'this one instead of the configured one or all (repeatable)', repeatable)
    .option('--loss <kind>', 'harm (where it is worse) or net (less where it is better)', 'harm')
    .option('--confidence <level>', 'of the promise', '95%')
    .option('--power <chance>', 'that the certificate is then given', '80%')
    .option('-o, --output <file>', 'a page to look at as well: power.html')
    .addHelpText('after', powerHelp)
    .action(action((options: PowerCommandOptions) => runPower(options)));
}

/** Commands that set one side against another. */
function sides(evaluation: Command): void {
  dataFlags(commonFlags(evaluation.command('compare <base> <head>').description('two sides on the same requests, in pairs')))
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--seed <number>', 'of the resampling', '0')
    .option('-o, --output <file>', 'a page to look at as well: comparison.html')
    .addHelpText('after', compareHelp)
    .action(action((base: string, head: string, options: CompareCommandOptions) => runCompare(base, head, options)));

  commonFlags(evaluation.command('gate <file>').description('hold a candidate to the assertions of a gate file'))
    .option('--outcomes <file>', 'JSONL of outcomes, in place of what the gate file names')
    .option('--base <side>', 'another baseline than the file names: recorded, a target, a route, RUN or RUN:ARM')
    .option('--head <side>', 'another candidate than the file names')
    .option('--github', 'annotate the gate file for GitHub, whatever the file says')
    .option('--markdown <file>', 'the comment for a pull request, whatever the file says')
    .option('--fail-exit-code <number>', 'what a failed gate exits with', '1')
    .option('--inconclusive <verdict>', 'what an inconclusive verdict exits with: fail (1), warn (3) or pass (0)')
    .option('--quality <name>', 'the name of a score, or agreement; auto takes scores named quality, else agreement', 'auto')
    .option('--limit <count>', 'the most recent so many requests', '10000')
    .addHelpText('after', gateHelp)
    .action(action((file: string, options: GateCommandOptions) => runGate(file, options)));
}

/** Commands about the outcomes themselves. */
function files(evaluation: Command): void {
  chainFlags(evaluation.command('explain <item>').description('one request: why an answer was taken, and what other thresholds do'), {
    many: false,
  })
    .option('--threshold <number>', 'explain by this one, not by the configured rule')
    .option('-o, --output <file>', 'a page to look at as well: request.html')
    .addHelpText('after', explainHelp)
    .action(action((item: string, options: ExplainOptions) => runExplain(item, options)));

  weighFlag(
    dataFlags(
      commonFlags(evaluation.command('snapshot').description('keep the outcomes of a chain as a file, for a repository and its pipeline')),
    ),
  )
    .requiredOption('--chain <chain>', 'a route, or targets with commas between, cheap ones first')
    .option('-o, --output <file>', 'where to; without it the lines are printed')
    .addHelpText('after', snapshotHelp)
    .action(action((options: SnapshotOptions) => runSnapshot(options)));

  commonFlags(evaluation.command('import <file...>').description('keep outcomes that were measured elsewhere as a run'))
    .option('--name <name>', "what people call it; the file's name otherwise")
    .option('--target <name>', 'of every row, where the files do not name it')
    .option('--quality <name>', 'the score or metric that is the quality; the first by default')
    .option('-o, --output <file>', 'write the outcomes as JSON lines instead of keeping them')
    .addHelpText('after', importHelp)
    .action(action((files: readonly string[], options: ImportOptions) => runImport(files, options)));
}
