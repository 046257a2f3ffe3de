/** `hindcast replay`: the composition root, where recorded requests, arms, spool and store come together, and eval's simulator is handed in. */
import type { Command } from 'commander';
import { action } from '../gateway/cli/command.ts';
import { insertScores } from '../recorder/store/scores.ts';
import { type DatasetOptions, runCreateDataset, runListDatasets, runShowDataset } from './commands/dataset.ts';
import { type DiffOptions, diffRun, type ExportOptions, exportRun } from './commands/diff.ts';
import type { GateVerdicts } from './commands/execute-run.ts';
import { diffHelp, planHelp, resumeHelp, runHelp } from './commands/help.ts';
import { type PlanOptions, planRun } from './commands/plan.ts';
import { type ResumeOptions, resumeRun, statusOf } from './commands/resume.ts';
import { type RunOptions, runReplay } from './commands/run.ts';
import { simulateRun } from './commands/simulate.ts';
import { gatewayJudge } from './judge/gateway-judge.ts';
import { evaluatorOf, judgePair, judgePrompt } from './judge/judge-pair.ts';
import type { PairJudge } from './judge/judge-pairs.ts';
import { type SelectionOptions, selectionFlags } from './recorded/selection.ts';
import type { CompletesFromRecord } from './run/recorded-answers.ts';
import { simulatePolicy } from './simulation/simulate-policy.ts';

const repeatable = (value: string, all: string[] = []): string[] => [...all, value];

/** Whether what is known of the targets' answers carries the policy to its end. */
const completesFromRecord: CompletesFromRecord = (policy, seed, known) =>
  simulatePolicy(policy, seed, (target, nth) => {
    const answer = known(target, nth);
    return answer && { openAfterMs: answer.openAfterMs, endAfterMs: answer.endAfterMs, result: { signals: answer.signals } };
  }).supported;

const pairJudge: PairJudge = { prompt: judgePrompt, evaluatorOf, connect: gatewayJudge, judgePair, insertScores };

/** Adds the replay commands; `gateVerdicts` judges a run while it goes on. */
export function register(program: Command, gateVerdicts: GateVerdicts): void {
  const replay = program.command('replay').description('ask recorded requests again, of somebody else');
  const run = replay.command('run').description('ask them, and record what comes back');
  runFlags(requestFlags(againstFlag(selectionFlags(run))))
    .addHelpText('after', runHelp)
    .action(
      action((options: RunOptions) =>
        options.mode === 'simulated' ? simulateRun(options, simulatePolicy) : runReplay(options, completesFromRecord, gateVerdicts),
      ),
    );

  const plan = replay.command('plan').description('say what a run would cost, change and lose; nobody is called');
  commonFlags(requestFlags(againstFlag(selectionFlags(plan))))
    .option('--only-missing', 'of a run that calls nobody for what the record answers')
    .addHelpText('after', planHelp)
    .action(action((options: PlanOptions) => planRun(options, completesFromRecord)));

  const resume = replay.command('resume [run]').description('go on with a run that was stopped or killed');
  commonFlags(resume)
    .option('-j, --concurrency <count>', 'calls under way at once')
    .option('--max-cost <usd>', 'another cap, over the whole run')
    .option('--max-duration <span>', 'stop after this')
    .option('--retry-errors', 'ask again what was not answered')
    .addHelpText('after', resumeHelp)
    .action(
      action((name: string | undefined, options: ResumeOptions) => resumeRun(name ?? 'latest', options, completesFromRecord, gateVerdicts)),
    );

  commonFlags(replay.command('status [run]').description('how far a run has come, and what it has spent'))
    .addHelpText('after', '\nExamples:\n  hindcast replay status\n  hindcast replay status 20260131-120000-4f2a --json')
    .action(action(async (name: string | undefined, options: DatasetOptions) => statusOf(name ?? 'latest', options)));

  reports(replay);

  datasets(replay);
}

function reports(replay: Command): void {
  const named = '<run> is an id, `latest`, `shadow` or `audit`';
  commonFlags(
    replay.command('diff <run> [other]').description(`what came out differently than in the record, or than in the run before; ${named}`),
  )
    .option('--limit <count>', 'differences to list for each arm', '20')
    .option('--since <time>', 'only what was asked from then on: of a shadow, say')
    .option('--format <format>', 'pretty, json, jsonl, md or html')
    .option('-o, --output <file>', 'a report as a file as well, in the form that its ending names (repeatable)', repeatable)
    .option('--unordered <path>', "a list whose order says nothing, such as '$.items' (repeatable)", repeatable)
    .option('--judge <target>', 'provider/model that decides, through the running gateway, what other words mean; its word is kept')
    .option('--judge-url <url>', 'where the judge is asked instead')
    .option('--max-cost <usd>', 'the judge may spend no more than this')
    .option('--allow-unpriced', 'ask also a judge whose price nobody has said')
    .addHelpText('after', diffHelp)
    .action(action((name: string, other: string | undefined, options: DiffOptions) => diffRun(name, other, options, { judge: pairJudge })));

  replay
    .command('export <run>')
    .description(`both sides of a run whole, a line for each pair; ${named}`)
    .option('--config <file>', 'the running configuration')
    .option('--since <time>', 'only what was asked from then on')
    .option('-o, --output <file>', 'where to; without it the lines are printed')
    .addHelpText('after', '\nExample:\n  hindcast replay export latest -o run.jsonl')
    .action(action((name: string, options: ExportOptions) => exportRun(name, options)));
}

function datasets(replay: Command): void {
  const dataset = replay.command('dataset').description('named sets of requests, to be asked again and again');
  commonFlags(selectionFlags(dataset.command('create <name>').description('the next version of this name')))
    .addHelpText(
      'after',
      '\nExample:\n  hindcast replay dataset create support-golden --since 7d --route support --sample 500 --stratify tenant',
    )
    .action(action((name: string, options: DatasetOptions & SelectionOptions) => runCreateDataset(name, options)));
  commonFlags(dataset.command('list').description('all of them')).action(
    action(async (options: DatasetOptions) => runListDatasets(options)),
  );
  commonFlags(dataset.command('show <name@version>').description('what is in one')).action(
    action(async (name: string, options: DatasetOptions) => runShowDataset(name, options)),
  );
}

const commonFlags = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

const againstFlag = (command: Command): Command =>
  command.requiredOption(
    '--against <target>',
    'who answers: provider/model, a route, config:FILE, or the URL of an OpenAI-compatible API (repeatable)',
    repeatable,
  );

/** What is asked, and how it is changed. */
const requestFlags = (command: Command): Command =>
  command
    .option('--aa <share>', 'ask so many of them of whoever answered before, to see what differs by itself: 10%')
    .option('--temperature <number>', 'ask with this in place of what was recorded')
    .option(
      '--conversation <how>',
      'turn: each request with its recorded history; free: turns whole, in which the model may call other tools',
      'turn',
    )
    .option(
      '--tools <how>',
      'no tool is ever executed: block, or give what was recorded in order (mock:fifo) or for the same arguments (mock:strict)',
      'block',
    )
    .option('--hosted <how>', 'what providers would do by themselves (web search, code, MCP): block (default), strip or allow')
    .option('--max-cost <usd>', 'spend no more than this');

const runFlags = (command: Command): Command =>
  commonFlags(command)
    .option(
      '--mode <mode>',
      'live; cached: only what the record answers; simulated: nobody is called, the record tells how targets behave',
      'live',
    )
    .option('--only-missing', 'call nobody for what the record answers')
    .option('--speed <factor>', 'as fast as it was (1x), faster (4x), or without waiting (max)', 'max')
    .option('--max-gap <span>', 'cut longer silences to this, such as 2s')
    .option('-j, --concurrency <count>', 'calls under way at once: 8, or 512 with a --speed')
    .option('--rpm <provider=count>', 'calls a minute; more of them wait (repeatable)', repeatable)
    .option('--tpm <provider=count>', 'tokens a minute (repeatable)', repeatable)
    .option('--repeat <count>', 'ask each this often', '1')
    .option('--max-duration <span>', 'stop after this; `resume` goes on')
    .option('--max-error-rate <share>', 'stop when more than this stay without an answer: 5%; `resume` goes on')
    .option('--stop-when-decided <gate>', 'stop as soon as this gate file is decided; it must say statistics: { sequential: true }')
    .option('--yes', 'agree to spend more than $1; needed without a terminal, where --max-cost is not given')
    .option('--allow-unpriced', 'ask also whom nobody has said the price of; what that costs is in no sum');
