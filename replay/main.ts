/** `hindcast replay`: the composition root, where recorded requests, arms, spool and store come together. */
import type { Command } from 'commander';
import { action } from '../gateway/cli.ts';
import { type DiffOptions, diffRun } from './commands/diff.ts';
import { type PlanOptions, planRun } from './commands/plan.ts';
import { type RunOptions, runReplay } from './commands/run.ts';
import { selectionFlags } from './selection.ts';

export function register(program: Command): void {
  const replay = program.command('replay').description('ask recorded requests again, of somebody else');

  const run = replay.command('run').description('ask them, and record what comes back');
  runFlags(againstFlag(selectionFlags(run)))
    .addHelpText(
      'after',
      `
Examples:
  hindcast replay run --since 1h --against anthropic/claude-haiku-4-5
  hindcast replay run --since 7d --route chat --against config:routes.next.yaml --max-cost 5
  hindcast replay run --since 1h --against sim/small --against sim/large
  hindcast replay run --since 1h --against http://127.0.0.1:11434/v1      (its key, if any, in HINDCAST_URL_KEY)

Exit codes: 0 done, 4 stopped by --max-cost, 5 nothing selected, 130 interrupted.`,
    )
    .action(action((options: RunOptions) => runReplay(options)));

  const plan = replay.command('plan').description('say what a run would cost and lose; nobody is called');
  common(againstFlag(selectionFlags(plan)))
    .addHelpText('after', '\nExample:\n  hindcast replay plan --since 7d --against openai/gpt-5-mini')
    .action(action((options: PlanOptions) => planRun(options)));

  const diff = replay.command('diff <run>').description('what came out differently; <run> is an id or `latest`');
  common(diff)
    .option('--limit <count>', 'differences to list for each arm', '20')
    .addHelpText('after', '\nExamples:\n  hindcast replay diff latest\n  hindcast replay diff latest --json')
    .action(action((name: string, options: DiffOptions) => diffRun(name, options)));
}

const common = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

const againstFlag = (command: Command): Command =>
  command.requiredOption(
    '--against <target>',
    'who answers: provider/model, a route, config:FILE, or the URL of an OpenAI-compatible API (repeatable)',
    (value: string, all: string[] = []) => [...all, value],
  );

const runFlags = (command: Command): Command =>
  common(command)
    .option('--speed <factor>', 'as fast as it was (1x), faster (4x), or without waiting (max)', 'max')
    .option('--max-gap <span>', 'cut longer silences to this, such as 2s')
    .option('-j, --concurrency <count>', 'calls under way at once', '8')
    .option('--repeat <count>', 'ask each this often', '1')
    .option('--max-cost <usd>', 'spend no more than this');
