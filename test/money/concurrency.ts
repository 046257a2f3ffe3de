/** Budgets under fire: many requests at once through real gateways, with a fault in the middle. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { redisLedger } from '../../gateway/budgets/redis-ledger.ts';
import { sqliteLedger } from '../../gateway/budgets/sqlite-ledger.ts';
import { type RunningRedis, startRedis } from '../budgets/redis.ts';
import { type Gateway, Workspace } from '../hindcast.ts';

export type Fault = 'none' | 'redis paused 2.5 s' | 'redis killed, restarted' | 'redis restarted empty' | 'gateway killed';

export interface Trial {
  readonly backend: 'sqlite' | 'sqlite, 2 workers' | 'redis, 2 gateways';
  readonly burst: number;
  readonly fault: Fault;
}

export interface TrialResult extends Trial {
  readonly affordable: number;
  readonly letIn: number;
  /** Requests that the provider billed beyond the budget. */
  readonly over: number;
  /** Affordable requests that were refused: 429 or 503. */
  readonly falselyRefused: number;
  readonly unavailable: number;
  /** Share of the budget that is still reserved a minute later. */
  readonly lockedShare: number;
}

const affordable = 100;
/** 5 tokens in and 2 out. */
const costOfCall = 0.01;
const slowMs = 200;
const key = 'key-of-the-money-table';

const configuration = (upstream: string, workers: number, redis: string | undefined): string => `
server: { port: 0, workers: ${workers} }
store: { port: 0 }
providers: { A: { api: openai, key: sk-prov-a-1234567890, base_url: "${upstream}", allow_private: true } }
routes: { m-fast: A/fast }
prices: { A/fast: { input: 1000, output: 2500 } }
tenants: { t: { budget: { usd: ${affordable * costOfCall}, per: total } } }
keys: [{ name: k1, hash: "sha256:${createHash('sha256').update(key).digest('hex')}", tenant: t }]
${redis === undefined ? '' : `state: { url: "${redis}" }`}
`;

async function startBilling() {
  let billed = 0;
  const server = createServer(async (incoming, response) => {
    for await (const _ of incoming);
    billed += 1;
    await sleep(slowMs);
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        ...{ id: 'x', object: 'chat.completion', created: 1, model: 'fast' },
        choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
      }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, billed: () => billed, close: () => server.closeAllConnections() };
}

/** One trial; takes a minute longer than its requests. */
export async function runTrial(trial: Trial): Promise<TrialResult> {
  const { backend, burst, fault } = trial;
  const provider = await startBilling();
  const isRedis = backend.startsWith('redis');
  await using redis = isRedis ? await startRedis({ keeps: fault !== 'redis restarted empty' }) : undefined;
  const yaml = configuration(provider.url, backend.endsWith('workers') ? 2 : 1, redis?.url);
  await using one = new Workspace(yaml);
  await using two = new Workspace(yaml);
  const gateways: Gateway[] = await Promise.all([one.serve(), ...(isRedis ? [two.serve()] : [])]);
  // The first requests tell what a call costs.
  for (const { url } of gateways) await ask(url, new Agent());
  const before = provider.billed();
  const agents = gateways.map(() => new Agent({ connections: 512, pipelining: 1, headersTimeout: 60_000 }));
  const answers = Promise.all(
    Array.from({ length: burst }, (_, i) => ask(gateways[i % gateways.length]!.url, agents[i % gateways.length]!)),
  );
  await inject(fault, redis, gateways);
  const statuses = await answers;
  await Promise.all(agents.map(agent => agent.destroy()));
  await sleep(60_000);
  const ledger = redis ? await redisLedger(redis.url, () => {}) : sqliteLedger(`${one.folder}/hindcast-data/state.sqlite`);
  const { reserved } = await ledger.spending({ name: 'tenant t', budget: { nanoUsd: 1, per: 'total' } }, Date.now());
  await ledger.close();
  const billed = provider.billed();
  provider.close();
  const letIn = statuses.filter(status => status === 200).length + before;
  return {
    ...trial,
    ...{ affordable, letIn, over: Math.max(0, billed - affordable), lockedShare: reserved / (affordable * costOfCall * 1e9) },
    // Calls that a killed gateway had begun are paid, whoever got their answers.
    falselyRefused: Math.max(0, Math.min(affordable, burst + before) - Math.max(letIn, billed)),
    unavailable: statuses.filter(status => status === 503).length,
  };
}

async function ask(url: string, dispatcher: Agent): Promise<number> {
  try {
    const { statusCode, body } = await request(`${url}/v1/chat/completions`, {
      ...{ method: 'POST', dispatcher, headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } },
      body: JSON.stringify({ model: 'm-fast', messages: [{ role: 'user', content: 'hi' }], max_tokens: 2 }),
    });
    await body.dump();
    return statusCode;
  } catch {
    return 0;
  }
}

async function inject(fault: Fault, redis: RunningRedis | undefined, gateways: readonly Gateway[]): Promise<void> {
  if (fault === 'none') return;
  await sleep(50);
  if (fault === 'redis paused 2.5 s') return redis!.pause(2_500);
  if (fault === 'gateway killed') return void (await gateways.at(-1)!.end('SIGKILL'));
  await redis!.kill();
  await sleep(500);
  await redis!.start();
}
