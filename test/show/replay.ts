/**
 * `npm run show:replay`: recorded provider traffic, captured through the gateway and replayed: plan, run, a kill, resume, diff, a page,
 * and a simulation of 100,000 requests. As a program it prints every command and what it says; a test holds it to that.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CommandResult, type Gateway, Workspace } from '../hindcast.ts';
import { messagesOf, serveRecordings, usableRows } from '../recorded-upstream.ts';
import { recording } from '../recordings.ts';
import { azureTrace, latencyTrace, trafficConfig, trafficLines } from '../replay/traffic.ts';

export const needed = ['wire/openai.jsonl', 'wire/anthropic.jsonl', 'wire/gemini.jsonl', azureTrace, latencyTrace] as const;

const configFor = (upstream: string): string => `
server: { port: 0 }
store: { port: 0 }
providers:
  openai: { api: openai, base_url: "${upstream}/v1", allow_private: true, key: none }
  anthropic: { api: anthropic, base_url: "${upstream}", allow_private: true, key: none }
  gemini: { api: gemini, base_url: "${upstream}", allow_private: true, key: none }
routes:
  chat: [openai/gpt-4o-mini, anthropic/claude-haiku-4-5]
`;

export interface ShowOptions {
  /** Of the recorded chat requests, every so many are captured. */
  readonly every: number;
  readonly simulated: number;
  /** Where a copy of the page goes; nowhere when absent. */
  readonly page?: string;
  print(text: string): void;
}

export interface ShowResult {
  readonly captured: number;
  readonly plan: CommandResult;
  /** Calls that were done when the run was killed. */
  readonly doneAtKill: number;
  readonly resumed: CommandResult;
  readonly diff: CommandResult;
  readonly html: string;
  /** Calls that reached providers for the run, killed and resumed. */
  readonly calls: number;
  /** Begun when the run was killed: sent again, and counted. */
  readonly lost: number;
  /** Of each request and arm, how many answers are in the store. */
  readonly answersEach: readonly number[];
  readonly simulation: CommandResult;
  readonly simulationMs: number;
}

export async function showReplay(options: ShowOptions): Promise<ShowResult> {
  const upstream = await serveRecordings();
  await using workspace = new Workspace(configFor(upstream.url));
  const gateway = await workspace.serve();
  const logged = async (...args: readonly string[]): Promise<CommandResult> => {
    options.print(`\n$ hindcast ${args.join(' ')}`);
    const ended = await workspace.run(...args);
    options.print(`${ended.stdout}${ended.stderr}`.trimEnd());
    return ended;
  };
  const captured = await capture(gateway, options);
  const against = ['--against', 'anthropic/claude-haiku-4-5', '--against', 'gemini/gemini-2.5-flash'] as const;
  const plan = await logged('replay', 'plan', '--since', '1h', ...against);
  const before = upstream.calls;
  // Limits spread the calls, so that there is a middle to be killed in.
  const limits = ['--rpm', 'anthropic=900', '--rpm', 'gemini=900'] as const;
  const run = ['replay', 'run', '--since', '1h', ...against, '--speed', 'max', ...limits, '--max-cost', '5'] as const;
  options.print(`\n$ hindcast ${run.join(' ')}    (killed with SIGKILL in the middle)`);
  const running = workspace.start(...run);
  while (upstream.calls - before < captured / 2) await new Promise(wait => setTimeout(wait, 5));
  running.kill('SIGKILL');
  await running.ended;
  const progress = JSON.parse((await workspace.run('replay', 'status', '--json')).stdout) as {
    readonly done: number;
    readonly lost?: number;
  };
  await logged('replay', 'status');
  const resumed = await logged('replay', 'resume');
  const calls = upstream.calls - before;
  const diff = await logged('replay', 'diff', 'latest', '--limit', '5', '-o', 'report.html');
  const html = workspace.read('report.html');
  if (options.page !== undefined) copyFileSync(join(workspace.folder, 'report.html'), options.page);
  const answersEach = await counts(gateway);
  await gateway.end('SIGINT');
  await upstream.close();
  return {
    captured,
    plan,
    doneAtKill: progress.done,
    resumed,
    diff,
    html,
    calls,
    lost: calls - 2 * captured,
    answersEach,
    ...(await simulation(options)),
  };
}

async function capture(gateway: Gateway, { every, print }: ShowOptions): Promise<number> {
  const rows = usableRows('wire/openai.jsonl', ['chat']);
  const first = [...new Map(rows.toReversed().map(row => [`${row.framing} ${messagesOf(row.request!)}`, row])).values()];
  let captured = 0;
  for (const row of first.filter((_, i) => i % every === 0)) {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...row.request, model: 'chat' }),
    });
    await response.arrayBuffer();
    if (response.status === 200) captured++;
  }
  print(`${captured} recorded requests were answered through the gateway and captured.`);
  while ((await numberIn(gateway, "SELECT count() FROM requests WHERE run_id = ''")) < captured) {
    await new Promise(wait => setTimeout(wait, 50));
  }
  return captured;
}

const textIn = async ({ storeUrl }: Gateway, sql: string): Promise<string> =>
  (await fetch(`${storeUrl}/?query=${encodeURIComponent(sql)}`)).text();
const numberIn = async (gateway: Gateway, sql: string): Promise<number> => Number(await textIn(gateway, sql));

/** Once all that the run recorded is in the store. */
async function counts(gateway: Gateway): Promise<readonly number[]> {
  const sql = "SELECT uniqExact(request_id) FROM requests WHERE run_id != '' AND outcome != 'cancelled' GROUP BY arm, replay_of FORMAT TSV";
  return (await textIn(gateway, sql)).trim().split('\n').map(Number);
}

async function simulation({
  simulated,
  print,
}: ShowOptions): Promise<{ readonly simulation: CommandResult; readonly simulationMs: number }> {
  await using workspace = new Workspace(trafficConfig(0.67));
  workspace.write('next.yaml', trafficConfig(0.8));
  writeFileSync(join(workspace.folder, 'traffic.jsonl'), [...trafficLines(simulated)].join('\n'));
  const args = ['replay', 'run', '--from', 'traffic.jsonl', '--mode', 'simulated', '--against', 'config:next.yaml'] as const;
  print(`\n$ hindcast ${args.join(' ')}    (arrivals and lengths of the Azure trace, latencies of real providers)`);
  const startedAt = performance.now();
  const ended = await workspace.run(...args);
  const simulationMs = performance.now() - startedAt;
  print(`${ended.stdout}${ended.stderr}\n${simulated} requests in ${(simulationMs / 1_000).toFixed(1)} s, start and reading included.`);
  return { simulation: ended, simulationMs };
}

/** What a browser draws of a page, in a PNG; undefined where there is none. */
export function screenshot(page: string, picture: string, width: number): boolean {
  const drawn = spawnSync('chromium', [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--screenshot=${picture}`],
    ...[`--window-size=${width},2400`, `file://${page}`],
  ]);
  return drawn.status === 0 && existsSync(picture) && readFileSync(picture).length > 20_000;
}

if (import.meta.main) {
  const missing = needed.filter(file => !recording(file));
  if (missing.length > 0) {
    process.stderr.write(`The recorded data lacks ${missing.join(', ')}. HINDCAST_RECORDINGS says where it is.\n`);
    process.exitCode = 2;
  } else {
    const page = resolve(process.argv[2] ?? 'replay-report.html');
    await showReplay({ every: 2, simulated: 100_000, page, print: text => process.stdout.write(`${text}\n`) });
    process.stdout.write(`\nThe report: ${page}\n`);
  }
}
