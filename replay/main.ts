/** `hindcast replay`: the composition root, where recorded requests, arms, spool and store come together, and eval's simulator and statistics are handed in. */
import type { Command } from 'commander';
import { simulate } from '../eval/simulate.ts';
import { action } from '../gateway/cli.ts';
import { createSet, type DatasetOptions, listSets, showSet } from './commands/dataset.ts';
import { type DiffOptions, diffRun } from './commands/diff.ts';
import { diffHelp, planHelp, resumeHelp, runHelp } from './commands/help.ts';
import { type PlanOptions, planRun } from './commands/plan.ts';
import { type ResumeOptions, resumeRun, statusOf } from './commands/resume.ts';
import { type RunOptions, runReplay } from './commands/run.ts';
import type { Comes } from './from-record.ts';
import { type SelectionOptions, selectionFlags } from './selection.ts';

const repeatable = (value: string, all: string[] = []): string[] => [...all, value];

/** Whether what is known of the targets' answers carries the policy to its end. */
const comes: Comes = (policy, seed, known) =>
  simulate(policy, seed, (target, nth) => {
    const answer = known(target, nth);
    return answer && { openAfterMs: answer.openAfterMs, endAfterMs: answer.endAfterMs, result: { signals: answer.signals } };
  }).supported;

export function register(program: Command): void {
  const replay = program.command('replay').description('ask recorded requests again, of somebody else');
  const run = replay.command('run').description('ask them, and record what comes back');
  runFlags(askFlags(againstFlag(selectionFlags(run))))
    .addHelpText('after', runHelp)
    .action(action((options: RunOptions) => runReplay(options, comes)));

  const plan = replay.command('plan').description('say what a run would cost, change and lose; nobody is called');
  common(askFlags(againstFlag(selectionFlags(plan))))
    .addHelpText('after', planHelp)
    .action(action((options: PlanOptions) => planRun(options, comes)));

  const resume = replay.command('resume [run]').description('go on with a run that was stopped or killed');
  common(resume)
    .option('-j, --concurrency <count>', 'calls under way at once')
    .option('--max-cost <usd>', 'another cap, over the whole run')
    .option('--max-duration <span>', 'stop after this')
    .option('--retry-errors', 'ask again what was not answered')
    .addHelpText('after', resumeHelp)
    .action(action((name: string | undefined, options: ResumeOptions) => resumeRun(name ?? 'latest', options, comes)));

  common(replay.command('status [run]').description('how far a run has come, and what it has spent'))
    .addHelpText('after', '\nExamples:\n  hindcast replay status\n  hindcast replay status 20260131-120000-4f2a --json')
    .action(action(async (name: string | undefined, options: DatasetOptions) => statusOf(name ?? 'latest', options)));

  const diff = replay.command('diff <run>').description('what came out differently; <run> is an id or `latest`');
  common(diff)
    .option('--limit <count>', 'differences to list for each arm', '20')
    .addHelpText('after', diffHelp)
    .action(action((name: string, options: DiffOptions) => diffRun(name, options)));

  datasets(replay);
}

function datasets(replay: Command): void {
  const dataset = replay.command('dataset').description('named sets of requests, to be asked again and again');
  common(selectionFlags(dataset.command('create <name>').description('the next version of this name')))
    .addHelpText(
      'after',
      '\nExample:\n  hindcast replay dataset create support-golden --since 7d --route support --sample 500 --stratify tenant',
    )
    .action(action((name: string, options: DatasetOptions & SelectionOptions) => createSet(name, options)));
  common(dataset.command('list').description('all of them')).action(action(async (options: DatasetOptions) => listSets(options)));
  common(dataset.command('show <name@version>').description('what is in one')).action(
    action(async (name: string, options: DatasetOptions) => showSet(name, options)),
  );
}

const common = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

const againstFlag = (command: Command): Command =>
  command.requiredOption(
    '--against <target>',
    'who answers: provider/model, a route, config:FILE, or the URL of an OpenAI-compatible API (repeatable)',
    repeatable,
  );

/** What is asked, and how it is changed. */
const askFlags = (command: Command): Command =>
  command
    .option('--aa <share>', 'ask so many of them of whoever answered before, to see what differs by itself: 10%')
    .option('--temperature <number>', 'ask with this in place of what was recorded')
    .option('--hosted <how>', 'what providers would do by themselves (web search, code, MCP): block (default), strip or allow')
    .option('--max-cost <usd>', 'spend no more than this');

const runFlags = (command: Command): Command =>
  common(command)
    .option('--mode <mode>', 'live, or cached: only what the record answers', 'live')
    .option('--only-missing', 'call nobody for what the record answers')
    .option('--speed <factor>', 'as fast as it was (1x), faster (4x), or without waiting (max)', 'max')
    .option('--max-gap <span>', 'cut longer silences to this, such as 2s')
    .option('-j, --concurrency <count>', 'calls under way at once: 8, or 512 with a --speed')
    .option('--rpm <provider=count>', 'calls a minute; more of them wait (repeatable)', repeatable)
    .option('--tpm <provider=count>', 'tokens a minute (repeatable)', repeatable)
    .option('--repeat <count>', 'ask each this often', '1')
    .option('--max-duration <span>', 'stop after this; `resume` goes on')
    .option('--allow-unpriced', 'ask also whom nobody has said the price of; what that costs is in no sum');
