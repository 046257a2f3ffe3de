/** `npm run bench:growth`: what stays as it was when requests, streams, keys, routes, targets and prompts become many or large. */
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { table } from '../../gateway/cli/command.ts';
import { base, type Cell, huge, requestBodies } from './cells.ts';
import { idleStreams } from './idle-streams.ts';
import { drained, median, runLoad } from './measure.ts';
import { cpuUs, fileHere, forkNode, peakMemory, residentMemory, startNode, stopProcess, waitForOutput } from './processes.ts';
import { type Running, serveToSink } from './subjects.ts';

const usage = `npm run bench:growth -- [--part requests|streams|config|prompt] [--requests 200000] [--streams 4096]
A million recorded exchanges are what \`npm run bench:store\` asks its questions of.
`;
const { values: options } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: ['requests', 'streams', 'config', 'prompt'] },
    requests: { type: 'string', default: '200000' },
    streams: { type: 'string', default: '4096' },
    help: { type: 'boolean', default: false },
  },
});

interface BenchProcesses {
  readonly upstream: string;
  readonly load: ChildProcess;
}

const print = (text: string): void => void process.stdout.write(`${text}\n\n`);
const logProgress = (text: string): void => void process.stderr.write(`${text}\n`);
const orderOf = (running: Running, cell: Cell, more: object = {}) => ({
  origin: running.origin,
  path: running.pathOf(cell),
  headers: running.headersOf(cell),
  bodies: requestBodies(cell),
  concurrency: cell.concurrency,
  requests: cell.requests,
  ...more,
});

async function runWithoutFailures(processes: BenchProcesses, order: ReturnType<typeof orderOf>): Promise<void> {
  const { failed, firstFailure } = await runLoad(processes.load, order);
  if (failed > 0) throw new Error(`${failed} of ${order.requests} requests failed: ${firstFailure}`);
}

async function waitUntilRecorded(running: Running, sent: number): Promise<number> {
  const count = await drained(running, sent);
  if (count !== sent) throw new Error(`${count} records for ${sent} requests`);
  return count;
}

/** Memory after every tenth of the requests; what is there after the first tenth is the start, for a gateway has to warm up. */
async function manyRequests(processes: BenchProcesses, total: number): Promise<void> {
  const running = await serveToSink(processes.upstream, {});
  const rows: string[][] = [];
  const part = Math.ceil(total / 10);
  for (let sent = part; sent <= part * 10; sent += part) {
    const usedBefore = cpuUs(running.pid);
    await runWithoutFailures(processes, orderOf(running, base, { requests: part }));
    await waitUntilRecorded(running, sent);
    const { mainMb, childMb } = residentMemory(running.pid);
    rows.push([String(sent), `${mainMb}`, `${childMb}`, ((cpuUs(running.pid) - usedBefore) / part).toFixed(0)]);
    logProgress(`${sent} requests`);
  }
  const { mainMb, childMb } = peakMemory(running.pid);
  await running.end();
  print(`Many requests: ${total}, all recorded\n${table(['requests', 'gateway MB', 'recorder MB', 'CPU µs/request'], rows)}`);
  print(`peak: gateway ${mainMb} MB, recorder ${childMb} MB`);
}

async function usPerRequest(running: Running, processes: BenchProcesses, more: object = {}): Promise<number> {
  const usedBefore = cpuUs(running.pid);
  await runWithoutFailures(processes, orderOf(running, base, { requests: 2_000, ...more }));
  return (cpuUs(running.pid) - usedBefore) / 2_000;
}

/** The same requests of a small configuration and of a large one, in turns. */
async function largeConfig(processes: BenchProcesses): Promise<void> {
  const key = 'a-key-of-the-bench';
  const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const configOf = (keys: number, routes: number, targets: number): object => ({
    providers: Object.fromEntries(Array.from({ length: targets }, (_, n) => [`p${n}`, provider(processes)])),
    routes: Object.fromEntries(
      Array.from({ length: routes }, (_, n) => [`r${n}`, [0, 1, 2].map(step => `p${(n + step) % targets}/model-${n % 10}`)]),
    ),
    tenants: { acme: {} },
    keys: Array.from({ length: keys }, (_, n) => ({ name: `k${n}`, hash: hashOf(n === 0 ? key : `${key}-${n}`), tenant: 'acme' })),
  });
  const [small, large] = [
    await serveToSink(processes.upstream, configOf(1, 3, 3)),
    await serveToSink(processes.upstream, configOf(10_000, 1_000, 200)),
  ];
  // Every route is asked, so that every target has a history.
  const bodies = (routes: number): string[] =>
    Array.from({ length: routes }, (_, n) => requestBodies(base)[n % 64]!.replace(`"${base.name}/model"`, `"r${n}"`));
  const subjects = [
    { name: '1 key, 3 routes, 3 targets', running: small, bodies: bodies(3), figures: [] as number[] },
    { name: '10,000 keys, 1,000 routes, 200 targets', running: large, bodies: bodies(1_000), figures: [] as number[] },
  ];
  const headers = { authorization: `Bearer ${key}` };
  for (const { running, bodies } of subjects)
    await runWithoutFailures(processes, orderOf(running, base, { requests: 8_000, headers, bodies }));
  for (let round = 0; round < 5; round++) {
    for (const { running, bodies, figures } of round % 2 === 0 ? subjects : subjects.toReversed()) {
      figures.push(await usPerRequest(running, processes, { headers, bodies }));
    }
  }
  const rows = subjects.map(({ name, figures, running }) => [
    name,
    median(figures).toFixed(0),
    `${Math.min(...figures).toFixed(0)}..${Math.max(...figures).toFixed(0)}`,
    `${residentMemory(running.pid).mainMb}`,
  ]);
  for (const { running } of subjects) await running.end();
  print(`A large configuration\n${table(['', 'CPU µs/request', '5 rounds', 'gateway MB'], rows)}`);
}

const provider = ({ upstream }: BenchProcesses): object => ({
  api: 'openai',
  key: 'no-key-is-looked-at',
  base_url: `${upstream}/${base.name}/v1`,
  allow_private: true,
});

async function largePrompt(processes: BenchProcesses): Promise<void> {
  const running = await serveToSink(processes.upstream, {});
  await runWithoutFailures(processes, orderOf(running, base, { requests: 1_000 }));
  const before = residentMemory(running.pid);
  const startedAt = performance.now();
  await runWithoutFailures(processes, orderOf(running, huge));
  const seconds = (performance.now() - startedAt) / 1000;
  await waitUntilRecorded(running, 1_000 + huge.requests);
  const { mainMb, childMb } = peakMemory(running.pid);
  await running.end();
  print(
    `A prompt of 20 MB, ${huge.requests} times, all recorded: ${(seconds / huge.requests).toFixed(2)} s each; gateway ${before.mainMb} MB before, peak ${mainMb} MB; recorder peak ${childMb} MB`,
  );
}

const parts: Readonly<Record<string, (processes: BenchProcesses) => Promise<void>>> = {
  requests: processes => manyRequests(processes, Number(options.requests)),
  streams: async processes => print(await idleStreams(processes, Number(options.streams))),
  config: largeConfig,
  prompt: largePrompt,
};

if (options.help) {
  print(usage);
} else {
  const unknown = options.part.find(name => parts[name] === undefined);
  if (unknown !== undefined) throw new Error(`--part ${unknown}: there is none of that name.\n\n${usage}`);
  const upstream = startNode('others', [fileHere('upstream.ts')], tmpdir(), 'inherit');
  const load = forkNode('others', fileHere('load.ts'));
  const processes = { upstream: await waitForOutput(upstream, /(http:\S+)/), load };
  for (const name of options.part) await parts[name]!(processes);
  await Promise.all([stopProcess(upstream.child), stopProcess(load)]);
}
