/** `hindcast eval`: the composition root, where outcomes, thresholds and gates come together. */
import type { Command } from 'commander';
import { action } from '../gateway/cli.ts';
import { type CertifyCommandOptions, runCertify } from './commands/certify.ts';
import { type CompareCommandOptions, runCompare } from './commands/compare.ts';
import { type GateCommandOptions, runGate } from './commands/gate.ts';
import { type ImportOptions, runImport } from './commands/import.ts';
import { repeatable } from './commands/options.ts';
import { runSweep, type SweepCommandOptions } from './commands/sweep.ts';

export function register(program: Command): void {
  const evaluation = program.command('eval').description('judge routing on recorded and replayed outcomes, before rollout');

  chainFlags(evaluation.command('sweep').description('what each threshold of a chain would cost and give, with intervals'))
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--threshold <number>', 'look at this one instead of all (repeatable; with three targets and more a list: 0.7,0.9)', repeatable)
    .addHelpText('after', sweepHelp)
    .action(action((options: SweepCommandOptions) => runSweep(options)));

  chainFlags(evaluation.command('certify').description('the lowest threshold whose loss is bounded, with a stated chance of being wrong'))
    .requiredOption('--max-loss <points>', 'the most that may be lost against always asking the last target: 2pp')
    .option('--loss <kind>', 'harm (where it is worse) or net (less where it is better)', 'harm')
    .option('--confidence <level>', 'of the promise', '95%')
    .option('--seed <number>', 'of the order in which clusters are bet on', '0')
    .addHelpText('after', certifyHelp)
    .action(action((options: CertifyCommandOptions) => runCertify(options)));

  dataFlags(common(evaluation.command('compare <base> <head>').description('two sides on the same requests, in pairs')))
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--seed <number>', 'of the resampling', '0')
    .addHelpText('after', compareHelp)
    .action(action((base: string, head: string, options: CompareCommandOptions) => runCompare(base, head, options)));

  common(evaluation.command('gate <file>').description('hold a candidate to the assertions of a gate file'))
    .option('--outcomes <file>', 'JSONL of outcomes, in place of what the gate file names')
    .option('--inconclusive <verdict>', 'what an inconclusive verdict exits with: fail (1), warn (3) or pass (0)')
    .option('--quality <name>', 'the name of a score, or agreement; auto takes scores named quality, else agreement', 'auto')
    .option('--limit <count>', 'the most recent so many requests', '10000')
    .addHelpText('after', gateHelp)
    .action(action((file: string, options: GateCommandOptions) => runGate(file, options)));

  common(evaluation.command('import <file>').description('keep outcomes that were measured elsewhere as a run'))
    .option('--name <name>', "what people call it; the file's name otherwise")
    .addHelpText('after', '\nExample:\n  hindcast eval import outcomes.jsonl\n\nThe same file again adds nothing.')
    .action(action((file: string, options: ImportOptions) => runImport(file, options)));
}

const common = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

const dataFlags = (command: Command): Command =>
  command
    .option('--outcomes <file>', 'JSONL of {id, cluster?, targets: {name: {quality, confidence, cost, ...}}} instead of the store')
    .option('--since <time>', 'requests from then on: 1h, 7d, or a date')
    .option('--run <run>', 'only requests of this replay or import; an id or latest (repeatable)', repeatable)
    .option(
      '--quality <name>',
      'the name of a score, or agreement (with the strongest); auto takes scores named quality, else agreement',
      'auto',
    )
    .option('--limit <count>', 'the most recent so many requests', '10000');

const chainFlags = (command: Command): Command =>
  dataFlags(
    common(command)
      .requiredOption('--chain <chain>', 'a route, or targets with commas between, cheap ones first')
      .option('--signal <signal>', 'what the threshold is laid on', 'confidence'),
  );

const compareHelp = `
A side is a target, recorded (what callers got), a route, cheap,strong@0.74, config:FILE, or a run (RUN:ARM when it has several arms).

Examples:
  hindcast eval compare recorded sim/small
  hindcast eval compare sim/large sim/small,sim/large@0.74 --since 7d
  hindcast eval compare recorded latest`;

const sweepHelp = `
Examples:
  hindcast eval sweep --chain smart
  hindcast eval sweep --chain sim/small,sim/large --since 7d --json
  hindcast eval sweep --chain 'gpt-3.5/cot1+pot1,gpt-4/cot-sc' --outcomes outcomes.jsonl --threshold 0.8,0.7,0.6

Exit codes: 0 done, 2 usage, 5 no request has an outcome of every target.`;

const certifyHelp = `
Examples:
  hindcast eval certify --chain smart --max-loss 2pp
  hindcast eval certify --chain sim/small,sim/large --max-loss 1pp --loss net --confidence 90% --json

Exit codes: 0 certified, 2 usage, 3 no threshold can be certified, 5 no request has an outcome of every target.`;

const gateHelp = `
A gate file:
  version: 1
  baseline: { target: sim/large }            # or recorded, {run, arm}, {chain, thresholds}, {config, route}
  candidate: { chain: smart, thresholds: [0.74] }
  data: { since: 7d }                        # or {outcomes: FILE}, {run: latest}
  statistics: { confidence: 95%, seed: 7 }
  on_inconclusive: warn
  gates:
    - { name: quality does not drop, metric: quality, assert: "delta > -1pp" }
    - { name: cheaper, metric: cost_per_1k, assert: "delta < -20%" }
  report: [pretty, junit: out/gate.xml, md: out/gate.md]

Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 5 no request has every outcome.`;
