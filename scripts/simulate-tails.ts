/** `npm run simulate:tails`: simulates tail latency with hedging, goodput under 429s, and the cost of a cascade, from recorded data. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Item, Outcome } from '../eval/outcomes/outcomes.ts';
import { runTrial } from '../eval/policies/trials.ts';
import {
  accountsOf,
  type LatencySample,
  longQueue,
  noQueueNoHedge,
  simulatedRoute,
  simulateTails,
  type TailSummary,
  type TargetProfile,
  type TracedRequest,
} from '../eval/simulation/tail-latency.ts';
import { table } from '../gateway/cli/command.ts';
import type { RoutePolicy } from '../gateway/core/routing/router.ts';

const root = resolve(import.meta.dirname, '..', process.env.HINDCAST_RECORDINGS ?? '../shared/data');
const requestsMax = 12_000;

interface RecordedCall {
  readonly provider: string;
  readonly model: string;
  readonly ttft_s: number;
  readonly total_s: number;
  readonly error_code: number | null;
}

function main(): number {
  const missing = ['traces/azure_llm_2023_conv.csv.gz', 'traces/llmperf_2023-12_latency.jsonl', 'eval/mot_date_outcomes.jsonl'].filter(
    file => !existsSync(join(root, file)),
  );
  if (missing.length > 0) {
    process.stderr.write(`The recorded data is not in ${root}: ${missing.join(', ')}. Set HINDCAST_RECORDINGS to its folder.\n`);
    return 2;
  }
  const traffic = readArrivals();
  const calls = linesOf('traces/llmperf_2023-12_latency.jsonl').map(line => JSON.parse(line) as RecordedCall);
  print(`${traffic.length} requests to Azure OpenAI over ${Math.round(traffic.at(-1)!.atMs / 60_000)} minutes.\n`);
  reportHedging(traffic, calls);
  reportRateLimits(traffic, calls);
  reportCascade();
  return 0;
}

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const linesOf = (file: string): readonly string[] =>
  readFileSync(join(root, file), 'utf8')
    .split('\n')
    .filter(line => line !== '');

function readArrivals(): readonly TracedRequest[] {
  const lines = gunzipSync(readFileSync(join(root, 'traces/azure_llm_2023_conv.csv.gz')))
    .toString()
    .trim()
    .split('\n')
    .slice(1);
  const first = Date.parse(`${lines[0]!.slice(0, 23)}Z`);
  return lines.slice(0, requestsMax).map(line => {
    const [time = '', inputTokens, outputTokens] = line.split(',');
    return { atMs: Date.parse(`${time.slice(0, 23)}Z`) - first, inputTokens: Number(inputTokens), outputTokens: Number(outputTokens) };
  });
}

const samplesOf = (calls: readonly RecordedCall[], provider: string, model: string): readonly LatencySample[] =>
  calls
    .filter(call => call.provider === provider && call.model === model && call.error_code === null)
    .map(({ ttft_s: first, total_s: total }) => ({ firstTokenMs: Math.round(first * 1000), totalMs: Math.round(total * 1000) }));

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function reportHedging(traffic: readonly TracedRequest[], calls: readonly RecordedCall[]): void {
  const target = 'together/llama-2-13b';
  const places = new Map<string, TargetProfile>([[target, { samples: samplesOf(calls, 'together', 'llama-2-13b-chat') }]]);
  const accounts = accountsOf(places);
  const plain = simulateTails(traffic, places, accounts, { plan: simulatedRoute([target]) });
  const hedged = simulateTails(traffic, places, accounts, { plan: simulatedRoute([target], { hedgeAfter: 'p95' }) });
  const row = (name: string, { firstTokenMs, hedges, requests, cost }: TailSummary): string[] => [
    name,
    ...[0.5, 0.95, 0.99, 0.999].map(q => seconds(firstTokenMs(q))),
    percent(hedges / requests),
    percent(cost / plain.cost - 1),
  ];
  print('Hedging at p95: time to first token in seconds, from latencies of llama-2-13b at together in 2023.');
  print(table(['', 'p50', 'p95', 'p99', 'p99.9', 'extra calls', 'extra cost'], [row('without', plain), row('with', hedged)]));
  print(`p99 falls by a factor of ${(plain.firstTokenMs(0.99) / hedged.firstTokenMs(0.99)).toFixed(1)}.\n`);
}

function reportRateLimits(traffic: readonly TracedRequest[], calls: readonly RecordedCall[]): void {
  const rate = (60_000 * traffic.length) / traffic.at(-1)!.atMs;
  const lepton: TargetProfile = { samples: samplesOf(calls, 'lepton', 'llama-2-13b-chat') };
  const anyscale: TargetProfile = { samples: samplesOf(calls, 'anyscale', 'llama-2-13b-chat') };
  // 60 of its 450 recorded calls succeeded, the others got a 429.
  const most = new Map<string, TargetProfile>([
    ['lepton/llama', { ...lepton, requestsPerMinute: (rate * 60) / 450 }],
    ['anyscale/llama', anyscale],
  ]);
  const bursts = new Map<string, TargetProfile>([['lepton/llama', { ...lepton, requestsPerMinute: 1.3 * rate }]]);
  const both = ['lepton/llama', 'anyscale/llama'];
  const rows: [string, TailSummary][] = [
    [
      '429 to most calls: alone',
      simulateTails(traffic, most, accountsOf(most), { plan: simulatedRoute(['lepton/llama']), routing: noQueueNoHedge }),
    ],
    ['429 to most calls: fallback to a second', simulateTails(traffic, most, accountsOf(most), { plan: simulatedRoute(both) })],
    [
      '429 in bursts: alone',
      simulateTails(traffic, bursts, accountsOf(bursts), { plan: simulatedRoute(['lepton/llama']), routing: noQueueNoHedge }),
    ],
    [
      '429 in bursts: queueing, limit learned',
      simulateTails(traffic, bursts, accountsOf(bursts), { plan: simulatedRoute(['lepton/llama'], { retries: 3 }), routing: longQueue }),
    ],
    [
      '429 in bursts: queueing, limit configured',
      simulateTails(traffic, bursts, accountsOf(bursts, 1.3 * rate), { plan: simulatedRoute(['lepton/llama']), routing: longQueue }),
    ],
  ];
  print('Goodput when a provider responds with 429, as lepton did to 390 of 450 calls.');
  print(
    table(
      ['', 'answered', 'calls with 429', 'p99 time to first token'],
      rows.map(([name, summary]) => [
        name,
        percent(summary.answered / summary.requests),
        String(summary.refused),
        seconds(summary.firstTokenMs(0.99)),
      ]),
    ),
  );
  print('');
}

interface OutcomeLine {
  readonly id: string;
  readonly targets: Readonly<Record<string, { readonly quality: number; readonly confidence?: number; readonly cost: number }>>;
}

function reportCascade(): void {
  const items = linesOf('eval/mot_date_outcomes.jsonl').map(itemOf);
  const [weak, strong] = ['gpt-3.5/cot1+pot1', 'gpt-4/cot-sc'];
  const step = { timeoutMs: 1e12, retries: 0, backoffMs: 0 };
  const chain = (atLeast: number): RoutePolicy => ({
    name: 'cascade',
    deadlineMs: 1e12,
    steps: [
      { target: weak!, ...step, accept: { signal: 'confidence', atLeast } },
      { target: strong!, ...step },
    ],
  });
  const policies: [string, RoutePolicy][] = [
    ['the strong model alone', { ...chain(1), steps: [{ target: strong!, ...step }] }],
    ...[0.8, 0.7, 0.6].map((atLeast): [string, RoutePolicy] => [`cascade, accept at ${atLeast}`, chain(atLeast)]),
  ];
  const judged = policies.map(([name, policy]) => {
    const trials = items.map(item => runTrial(policy, item));
    const mean = (of: (t: (typeof trials)[number]) => number): number => trials.reduce((sum, t) => sum + of(t), 0) / trials.length;
    return {
      name,
      cost: mean(t => t.cost),
      quality: mean(t => t.quality),
      early: mean(t => (t.step === 0 && policy.steps.length > 1 ? 1 : 0)),
    };
  });
  print(`A cascade over ${items.length} recorded requests (date understanding of BIG-bench), with the weak model's votes as confidence.`);
  print(
    table(
      ['', 'correct', 'accepted early', 'cost per request', 'vs strong model alone'],
      judged.map(({ name, cost, quality, early }) => [
        name,
        percent(quality),
        percent(early),
        `$${(cost / 1e9).toFixed(4)}`,
        percent(cost / judged[0]!.cost),
      ]),
    ),
  );
}

function itemOf(line: string): Item {
  const { id, targets } = JSON.parse(line) as OutcomeLine;
  const outcomes = Object.entries(targets).map(([target, { quality, confidence, cost }]): [string, Outcome] => [
    target,
    { quality, costNanoUsd: Math.round(cost * 1e9), signals: confidence === undefined ? {} : { mean_logprob: confidence } },
  ]);
  return { id, cluster: id, outcomes: new Map(outcomes) };
}

process.exitCode = main();
