import { expect, test } from 'vitest';
import {
  accountsOf,
  type LatencySample,
  longQueue,
  noQueueNoHedge,
  simulatedRoute,
  simulateTails,
  type TargetProfile,
} from '../../eval/simulation/tail-latency.ts';
import { recordedRows, recording, unlessRecorded } from '../recordings.ts';

const file = 'traces/llmperf_2023-12_latency.jsonl';
const without = unlessRecorded(file);

interface Call {
  readonly provider: string;
  readonly model: string;
  readonly ttft_s: number;
  readonly total_s: number;
  readonly error_code: number | null;
}

const samplesOf = (provider: string): readonly LatencySample[] =>
  recordedRows<Call>(file)
    .filter(call => call.provider === provider && call.model === 'llama-2-13b-chat' && call.error_code === null)
    .map(call => ({ firstTokenMs: Math.round(call.ttft_s * 1000), totalMs: Math.round(call.total_s * 1000) }));

const requested = Array.from({ length: 3_000 }, (_, i) => ({ atMs: i * 170, inputTokens: 100, outputTokens: 100 }));

test.skipIf(!recording(file))(`hedging at p95 cuts a recorded tail at the 99th percentile, within 5 % of extra calls${without}`, () => {
  const places = new Map<string, TargetProfile>([['together/llama', { samples: samplesOf('together') }]]);
  const plain = simulateTails(requested, places, accountsOf(places), { plan: simulatedRoute(['together/llama']) });
  const hedged = simulateTails(requested, places, accountsOf(places), { plan: simulatedRoute(['together/llama'], { hedgeAfter: 'p95' }) });
  expect(plain.firstTokenMs(0.99)).toBeGreaterThan(90_000);
  expect(hedged.firstTokenMs(0.99)).toBeLessThan(plain.firstTokenMs(0.99) / 10);
  expect(hedged.hedges).toBeGreaterThan(0);
  expect(hedged.hedges).toBeLessThanOrEqual(0.05 * requested.length + 1);
  expect(hedged.cost).toBeLessThan(1.06 * plain.cost);
});

test.skipIf(!recording(file))(
  `a provider that answers 429 to most calls costs no answer when there is another, and few calls are wasted on it${without}`,
  () => {
    const rate = (60_000 * requested.length) / requested.at(-1)!.atMs;
    const places = new Map<string, TargetProfile>([
      ['lepton/llama', { samples: samplesOf('lepton'), requestsPerMinute: (rate * 60) / 450 }],
      ['anyscale/llama', { samples: samplesOf('anyscale') }],
    ]);
    const alone = simulateTails(requested, places, accountsOf(places), { plan: simulatedRoute(['lepton/llama']), routing: noQueueNoHedge });
    const both = simulateTails(requested, places, accountsOf(places), { plan: simulatedRoute(['lepton/llama', 'anyscale/llama']) });
    expect(alone.answered / alone.requests).toBeLessThan(0.2);
    expect(both.answered).toBe(both.requests);
    expect(both.refused).toBeLessThan(0.1 * both.requests);
  },
);

test.skipIf(!recording(file))(`a limit that is known is waited for: nothing is refused and everybody answered${without}`, () => {
  const bursts = requested.map((one, i) => ({ ...one, atMs: Math.floor(i / 40) * 40 * 170 }));
  const rate = (60_000 * requested.length) / requested.at(-1)!.atMs;
  const places = new Map<string, TargetProfile>([['lepton/llama', { samples: samplesOf('lepton'), requestsPerMinute: 1.3 * rate }]]);
  const reported = simulateTails(bursts, places, accountsOf(places, 1.3 * rate), {
    plan: simulatedRoute(['lepton/llama']),
    routing: longQueue,
  });
  expect(reported).toMatchObject({ answered: reported.requests, refused: 0 });
});
