/** `hindcast replay`: the composition root of its commands, with the simulator, the judge and the statistics. */
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

/** Whether the recorded responses suffice to complete the policy. */
const completesFromRecord: CompletesFromRecord = (policy, seed, known) =>
  simulatePolicy(policy, seed, (target, nth) => {
    const response = known(target, nth);
    return response && { openAfterMs: response.openAfterMs, endAfterMs: response.endAfterMs, result: { signals: response.signals } };
  }).supported;

const pairJudge: PairJudge = { prompt: judgePrompt, evaluatorOf, connect: gatewayJudge, judgePair, insertScores };

/** Adds the replay commands. `gateVerdicts` checks a gate during a run. */
export function register(program: Command, gateVerdicts: GateVerdicts): void {
  const replay = program.command('replay').description('re-send recorded requests to another target');
  const run = replay.command('run').description('re-send the requests, and record the responses');
  runFlags(requestFlags(againstFlag(selectionFlags(run))))
    .addHelpText('after', runHelp)
    .action(
      action((options: RunOptions) =>
        options.mode === 'simulated' ? simulateRun(options, simulatePolicy) : runReplay(options, completesFromRecord, gateVerdicts),
      ),
    );

  const plan = replay.command('plan').description('print what a run would cost, change and lose, without sending requests');
  commonFlags(requestFlags(againstFlag(selectionFlags(plan))))
    .option('--only-missing', 'plan for a run with --only-missing')
    .addHelpText('after', planHelp)
    .action(action((options: PlanOptions) => planRun(options, completesFromRecord)));

  const resume = replay.command('resume [run]').description('resume a run that was stopped or killed');
  commonFlags(resume)
    .option('-j, --concurrency <count>', 'maximum number of calls in flight')
    .option('--max-cost <usd>', 'a new cap for the whole run')
    .option('--max-duration <span>', 'stop after this time')
    .option('--retry-errors', 'send failed calls again')
    .option('--yes', 'as for run; resume never asks')
    .addHelpText('after', resumeHelp)
    .action(
      action((name: string | undefined, options: ResumeOptions) => resumeRun(name ?? 'latest', options, completesFromRecord, gateVerdicts)),
    );

  commonFlags(replay.command('status [run]').description('print the progress and the cost of a run'))
    .addHelpText('after', '\nExamples:\n  hindcast replay status\n  hindcast replay status 20260131-120000-4f2a --json')
    .action(action(async (name: string | undefined, options: DatasetOptions) => statusOf(name ?? 'latest', options)));

  reports(replay);

  datasets(replay);
}

function reports(replay: Command): void {
  const runReference = '<run> is an id, `latest`, `shadow` or `audit`';
  commonFlags(replay.command('diff <run> [other]').description(`compare a run with the record, or with another run; ${runReference}`))
    .option('--limit <count>', 'differences to list per arm', '20')
    .option('--since <time>', 'only replays since then, as for a shadow')
    .option('--format <format>', 'pretty, json, jsonl, md or html')
    .option('-o, --output <file>', 'also write a report file; its extension chooses the format (repeatable)', repeatable)
    .option('--unordered <path>', "ignore the order of this list, such as '$.items' (repeatable)", repeatable)
    .option('--judge <target>', 'provider/model that judges undecided pairs through the running gateway; its verdicts are recorded')
    .option('--judge-url <url>', 'the API to call the judge at, instead of the gateway')
    .option('--max-cost <usd>', 'the maximum cost of the judge')
    .option('--allow-unpriced', 'allow a judge of unknown price')
    .addHelpText('after', diffHelp)
    .action(action((name: string, other: string | undefined, options: DiffOptions) => diffRun(name, other, options, { judge: pairJudge })));

  replay
    .command('export <run>')
    .description(`export both sides of a run, one line per pair; ${runReference}`)
    .option('--config <file>', 'the running configuration')
    .option('--since <time>', 'only replays since then')
    .option('-o, --output <file>', 'the file to write (default: print the lines)')
    .addHelpText('after', '\nExample:\n  hindcast replay export latest -o run.jsonl')
    .action(action((name: string, options: ExportOptions) => exportRun(name, options)));
}

function datasets(replay: Command): void {
  const dataset = replay.command('dataset').description('named sets of requests for repeated runs');
  commonFlags(selectionFlags(dataset.command('create <name>').description('create the next version of a dataset')))
    .addHelpText(
      'after',
      '\nExample:\n  hindcast replay dataset create support-golden --since 7d --route support --sample 500 --stratify tenant',
    )
    .action(action((name: string, options: DatasetOptions & SelectionOptions) => runCreateDataset(name, options)));
  commonFlags(dataset.command('list').description('list the datasets')).action(
    action(async (options: DatasetOptions) => runListDatasets(options)),
  );
  commonFlags(dataset.command('show <name@version>').description('print the requests of a dataset')).action(
    action(async (name: string, options: DatasetOptions) => runShowDataset(name, options)),
  );
}

const commonFlags = (command: Command): Command =>
  command.option('--config <file>', 'the running configuration').option('--json', 'print the result as JSON');

const againstFlag = (command: Command): Command =>
  command.requiredOption(
    '--against <target>',
    'the arm: provider/model, a route, config:FILE, or the URL of an OpenAI-compatible API (repeatable)',
    repeatable,
  );

/** Flags that choose and change the requests. */
const requestFlags = (command: Command): Command =>
  command
    .option('--aa <share>', 're-send this share to the original target, to measure run-to-run noise: 10%')
    .option('--temperature <number>', 'replaces the recorded temperature')
    .option(
      '--conversation <how>',
      'turn: each request with its recorded history; free: complete turns, in which the model may call other tools',
      'turn',
    )
    .option(
      '--tools <how>',
      'tools are never executed: block, or return recorded results in order (mock:fifo) or for equal arguments (mock:strict)',
      'block',
    )
    .option('--hosted <how>', 'hosted tools of providers (web search, code, MCP): block (default), strip or allow')
    .option('--max-cost <usd>', 'the maximum cost');

const runFlags = (command: Command): Command =>
  commonFlags(command)
    .option('--mode <mode>', 'live; cached: only responses from the record; simulated: no calls, targets behave as recorded', 'live')
    .option('--only-missing', 'answer from the record where possible, without a call')
    .option('--speed <factor>', 'recorded speed (1x), a multiple (4x), or without waiting (max)', 'max')
    .option('--max-gap <span>', 'shorten longer gaps to this, such as 2s')
    .option('-j, --concurrency <count>', 'maximum number of calls in flight (default: 8, or 512 with a --speed)')
    .option('--rpm <provider=count>', 'calls per minute; further calls wait (repeatable)', repeatable)
    .option('--tpm <provider=count>', 'tokens per minute (repeatable)', repeatable)
    .option('--repeat <count>', 'number of times to send each request', '1')
    .option('--max-duration <span>', 'stop after this time; `resume` continues')
    .option('--max-error-rate <share>', 'stop when more calls fail than this share: 5%; `resume` continues')
    .option('--stop-when-decided <gate>', 'stop as soon as this gate file is decided; it needs statistics: { sequential: true }')
    .option('--yes', 'confirm a cost of more than $1; needed without a terminal and --max-cost')
    .option('--allow-unpriced', 'allow targets of unknown price; no sum includes their cost');
