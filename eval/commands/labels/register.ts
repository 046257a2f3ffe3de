/** Declares the commands for labels, scores and simulation. */
import type { Command } from 'commander';
import { action } from '../../../gateway/cli/command.ts';
import { runSimulate, type SimulateOptions } from '../comparison/simulate.ts';
import { commonFlags } from '../shared/flags.ts';
import { repeatable } from '../shared/options.ts';
import { type AuditOptions, runAudit } from './audit.ts';
import { auditHelp, labelHelp, scoreHelp, simulateHelp } from './help.ts';
import { type LabelOptions, runLabel } from './label.ts';
import { runScore, type ScoreOptions } from './score.ts';

const answerFlags = (command: Command): Command =>
  commonFlags(command)
    .option('--run <run>', 'answers of this replay; an id or latest (repeatable); without it those that callers got', repeatable)
    .option('--target <target>', 'only answers of this target (repeatable)', repeatable)
    .option('--since <time>', 'from then on: 1h, 7d, or a date')
    .option('--limit <count>', 'the most recent so many answers', '10000')
    .option('--name <name>', 'of the score', 'quality');

export function registerLabels(evaluation: Command): void {
  answerFlags(evaluation.command('score').description('hold recorded answers against rules, a module of yours, or a judge'))
    .option('--scorer <kind>', 'exact, contains, regex=…, numeric, json, schema=FILE, tools, similarity, or module=FILE')
    .option('--expected <file>', 'JSONL of {id, expected}')
    .option('--judge <model>', 'the target that judges: provider/model')
    .option('--judge-url <url>', 'where it is asked, with /v1; the running gateway otherwise')
    .option('--against <target>', 'whose answers the others are held against')
    .option('--dry-run', 'say what would come of it, and keep nothing')
    .addHelpText('after', scoreHelp)
    .action(action((options: ScoreOptions) => runScore(options)));

  answerFlags(evaluation.command('label').description('let people say which answers are right, without knowing whose they are'))
    .option('--sample <count>', 'so many answers', '50')
    .option('--by <name>', 'who says so', process.env.USER ?? 'human')
    .option('-o, --output <file>', 'a table to fill in: labels.csv')
    .option('--import <file>', 'a table that was filled in')
    .addHelpText('after', labelHelp)
    .action(action((options: LabelOptions) => runLabel(options)));

  answerFlags(
    evaluation.command('audit').description("how far a judge is to be trusted, and what quality is once people's labels put it right"),
  )
    .option('--confidence <level>', 'of the intervals', '95%')
    .addHelpText('after', auditHelp)
    .action(action((options: AuditOptions) => runAudit(options)));

  commonFlags(evaluation.command('simulate').description('another configuration over recorded traffic, asking nobody'))
    .requiredOption('--candidate <file>', 'a config under test')
    .option('--route <route>', 'of both configs; the only one otherwise')
    .option('--outcomes <file>', 'JSONL of outcomes instead of the store')
    .option('--since <time>', 'requests from then on: 1h, 7d, or a date')
    .option('--run <run>', 'only requests of this replay; an id or latest (repeatable)', repeatable)
    .option('--quality <name>', 'the name of a score, or agreement; auto takes scores named quality, else agreement', 'auto')
    .option('--confidence <level>', 'of the intervals', '95%')
    .option('--limit <count>', 'the most recent so many requests', '10000')
    .option('--all-configurations', 'requests of earlier configurations as well, not of the newest alone')
    .option('-o, --output <file>', 'a page to look at as well: simulation.html')
    .addHelpText('after', simulateHelp)
    .action(action((options: SimulateOptions) => runSimulate(options)));
}
