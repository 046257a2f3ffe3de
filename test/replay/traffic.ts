/**
 * Recorded traffic in any amount, for simulations: arrivals and lengths of the Azure trace, latencies of real providers, and a route of two steps.
 * As a program: `node test/replay/traffic.ts 100000 > traffic.jsonl`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { recording } from '../recordings.ts';

export const azureTrace = 'traces/azure_llm_2023_conv.csv.gz';
export const mooncakeTrace = 'traces/mooncake_conversation.jsonl.gz';
export const latencyTrace = 'traces/llmperf_2023-12_latency.jsonl';

export interface Arrival {
  /** Milliseconds after the first arrival. */
  readonly at: number;
  readonly input: number;
  readonly output: number;
}

export function azureArrivals(): readonly Arrival[] {
  const lines = gunzipSync(readFileSync(recording(azureTrace)!))
    .toString()
    .trim()
    .split('\n')
    .slice(1);
  const rows = lines.map(line => line.trim().split(','));
  const instants = rows.map(([at]) => Date.parse(`${at!.replace(' ', 'T').slice(0, 23)}Z`));
  return rows.map(([, input, output], i) => ({ at: instants[i]! - instants[0]!, input: Number(input), output: Number(output) }));
}

export function mooncakeArrivals(): readonly Arrival[] {
  const lines = gunzipSync(readFileSync(recording(mooncakeTrace)!))
    .toString()
    .trim()
    .split('\n');
  const rows = lines.map(line => JSON.parse(line) as { timestamp: number; input_length: number; output_length: number });
  return rows.map(row => ({ at: row.timestamp - rows[0]!.timestamp, input: row.input_length, output: row.output_length }));
}

interface LatencySample {
  readonly ttft: number;
  readonly tokensPerSecond: number;
}

function latencySamplesOf(provider: string): readonly LatencySample[] {
  return readFileSync(recording(latencyTrace)!, 'utf8')
    .trim()
    .split('\n')
    .map(
      line => JSON.parse(line) as { provider: string; ttft_s: number; total_s: number; output_tokens: number; error_code: number | null },
    )
    .filter(row => row.provider === provider && row.error_code === null && row.output_tokens > 1 && row.total_s > row.ttft_s)
    .map(row => ({ ttft: 1_000 * row.ttft_s, tokensPerSecond: row.output_tokens / (row.total_s - row.ttft_s) }));
}

const seededUniform = (...seeds: readonly unknown[]): number =>
  createHash('sha256').update(seeds.join(' ')).digest().readUInt32BE() / 2 ** 32;

const start = Date.parse('2026-11-16T09:00:00Z');

/** Lines in the format of `hindcast replay export`. The cheap model fails sometimes, and has low confidence for a third of its responses. */
export function* trafficLines(count: number): Generator<string> {
  const arrivals = azureArrivals();
  const [quick, strong] = [latencySamplesOf('anyscale'), latencySamplesOf('perplexity')];
  const length = arrivals.at(-1)!.at + 1_000;
  for (let i = 0; i < count; i++) {
    const arrival = arrivals[i % arrivals.length]!;
    const round = Math.floor(i / arrivals.length);
    const id = `01900000-0000-7000-8000-${String(i).padStart(12, '0')}`;
    const tokens = { inputTokens: arrival.input, outputTokens: arrival.output, cachedTokens: 0, reasoningTokens: 0 };
    const attempt = (number: number, target: string, timings: readonly LatencySample[], perToken: number) => {
      const { ttft, tokensPerSecond } = timings[Math.floor(seededUniform(id, target) * timings.length)]!;
      const durationMs = Math.round(ttft + (1_000 * arrival.output) / tokensPerSecond);
      const costNanoUsd = Math.round(perToken * (arrival.input + 4 * arrival.output));
      return {
        number,
        target,
        outcome: 'ok',
        status: 200,
        accepted: true,
        durationMs,
        firstTokenMs: Math.round(ttft),
        ...tokens,
        costNanoUsd,
        signals: {},
      };
    };
    const first = attempt(1, 'quick/small', quick, 100);
    const failed = seededUniform(id, 'fails') < 0.02;
    const confidence = 0.5 + seededUniform(id, 'confidence') / 2;
    const cheap = failed
      ? { ...first, outcome: 'overloaded', status: 503, accepted: false, durationMs: 200, firstTokenMs: 0, costNanoUsd: 0 }
      : { ...first, accepted: confidence >= 0.67, signals: { mean_logprob: confidence } };
    const attempts = cheap.accepted ? [cheap] : [cheap, attempt(2, 'good/large', strong, 2_000)];
    const given = attempts.at(-1)!;
    const latencyMs = attempts.reduce((sum, one) => sum + one.durationMs, 0);
    yield JSON.stringify({
      request: {
        id,
        receivedAt: start + round * length + arrival.at,
        tenant: 'default',
        project: '',
        user: '',
        conversation: `c${Math.floor(i / 3)}`,
        tags: {},
        dialect: 'openai-chat',
        stream: false,
        route: 'chat',
        headers: {},
        body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: `Question ${i}` }] }),
      },
      answer: {
        outcome: 'ok',
        target: given.target,
        text: '',
        toolCalls: [],
        finish: 'stop',
        ...tokens,
        latencyMs,
        costNanoUsd: attempts.reduce((sum, one) => sum + one.costNanoUsd, 0),
        escalations: !cheap.accepted && !failed ? 1 : 0,
      },
      attempts,
    });
  }
}

/** The provider and model that served it. */
export const trafficConfig = (threshold: number): string => `
server: { port: 0 }
store: { port: 0 }
providers:
  quick: { api: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true, key: none }
  good: { api: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true, key: none }
routes:
  chat:
    steps:
      - { target: quick/small, accept: { confidence: ${threshold} } }
      - { target: good/large }
    deadline: 600s
`;

if (import.meta.main) for (const line of trafficLines(Number(process.argv[2] ?? 1_000))) process.stdout.write(`${line}\n`);
