/** `eval simulate` and `replay run --mode simulated` answer one question alike: request by request, wherever both know the outcomes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { failureOfKind } from '../../eval/outcomes/file.ts';
import type { Item, Outcome } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOfRoute } from '../../eval/policies/chain.ts';
import { trialRunner } from '../../eval/policies/trials.ts';
import { simulateChain } from '../../eval/simulation/backtest.ts';
import { wallClock } from '../../gateway/settings/clock.ts';
import { deployedArm } from '../../replay/arms/arm.ts';
import { requestFromRow } from '../../replay/recorded/log-formats.ts';
import type { RecordedRequest } from '../../replay/recorded/requests.ts';
import { simulatedFigures } from '../../replay/simulation/backtest.ts';
import { BehaviourPool } from '../../replay/simulation/behaviour.ts';
import { simulateArm } from '../../replay/simulation/simulate-arm.ts';
import { simulatePolicy } from '../../replay/simulation/simulate-policy.ts';
import { MemorySink, settingsOf } from '../gateway/harness.ts';

const upstream = {
  send: () => {
    throw new Error('called');
  },
  close: async () => {},
};
const [small, large] = ['quick/small', 'good/large'];
const deployedAt = 0.6;
const config = (threshold: number): string => `
server: { port: 0 }
store: { port: 0 }
providers:
  quick: { api: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true, key: none }
  good: { api: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true, key: none }
routes:
  chat:
    steps:
      - { target: ${small}, accept: { confidence: ${threshold} }, retries: 0 }
      - { target: ${large}, retries: 0 }
    deadline: 600s
`;

const tokens = { inputTokens: 5, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 };
const timing = fc.record({ durationMs: fc.integer({ min: 2, max: 900 }), costNanoUsd: fc.integer({ min: 0, max: 9_000 }) });
const traffic = fc.array(
  fc.record({ confidence: fc.integer({ min: 0, max: 100 }).map(n => n / 100), fails: fc.boolean(), cheap: timing, dear: timing }),
  { minLength: 1, maxLength: 25 },
);

/** What a gateway records of the deployed route; few fail, so that nothing could be drawn for the others. */
function rowsOf(
  all: readonly {
    confidence: number;
    fails: boolean;
    cheap: { durationMs: number; costNanoUsd: number };
    dear: { durationMs: number; costNanoUsd: number };
  }[],
) {
  return all.map(({ confidence, fails, cheap, dear }, i) => {
    const isFailed = fails && i % 5 === 0;
    const isAccepted = !isFailed && confidence >= deployedAt;
    const attempt = (number: number, target: string, of: typeof cheap, more: object) => ({
      ...{
        number,
        target,
        outcome: 'ok',
        status: 200,
        accepted: true,
        ...of,
        firstTokenMs: of.durationMs,
        ...tokens,
        signals: {},
        ...more,
      },
    });
    const first = attempt(
      1,
      small!,
      cheap,
      isFailed ? { outcome: 'overloaded', status: 503, accepted: false } : { accepted: isAccepted, signals: { mean_logprob: confidence } },
    );
    const attempts = isAccepted ? [first] : [first, attempt(2, large!, dear, {})];
    const id = `01900000-0000-7000-8000-${String(i).padStart(12, '0')}`;
    return {
      request: {
        ...{ id, receivedAt: 1_763_000_000_000 + i, tenant: 'default', project: '', user: '', conversation: `c${i}`, tags: {} },
        ...{ dialect: 'openai-chat', stream: false, route: 'chat', headers: {} },
        body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: `Question ${i}` }] }),
      },
      answer: {
        outcome: 'ok',
        target: attempts.at(-1)!.target,
        text: '',
        toolCalls: [],
        finish: 'stop',
        ...tokens,
        latencyMs: 1,
        costNanoUsd: 1,
        escalations: 0,
      },
      attempts,
    };
  });
}

const itemOf = ({ request, attempts }: ReturnType<typeof rowsOf>[number]): Item => ({
  ...{ id: request.id, cluster: request.conversation },
  outcomes: new Map(
    attempts.map(({ target, outcome, durationMs, costNanoUsd, signals }): [string, Outcome] => [
      target,
      { signals, costNanoUsd, latencyMs: durationMs, quality: 1, ...(outcome === 'ok' ? {} : { failure: failureOfKind(outcome) }) },
    ]),
  ),
});

test('cost, latency and the target that answers are the same', () => {
  fc.assert(
    fc.property(traffic, fc.constantFrom(0, 0.3, 0.6, 0.8, 1), (made, threshold) => {
      const rows = rowsOf(made);
      const requests = rows.map(row => requestFromRow(JSON.parse(JSON.stringify(row))) as RecordedRequest);
      const settings = settingsOf(config(threshold));
      const arm = deployedArm(settings, { clock: wallClock, upstream, sink: new MemorySink() });
      const replayed = simulateArm(requests, arm, { pool: new BehaviourPool(requests), seed: '0', own: true, simulate: simulatePolicy });
      const chain = chainOfRoute('chat', settings.routes.get('chat')!) as Chain;
      const items = rows.map(itemOf);
      const trials = trialRunner(items)(chain.policy);
      for (const [i, one] of replayed.entries()) {
        const isKnown = trials.lacks![i]! < 0;
        expect([i, one.outcome !== 'unsupported' && !one.drawn]).toEqual([i, isKnown]);
        if (!isKnown) continue;
        expect([one.costNanoUsd, one.latencyMs, one.outcome === 'ok' ? chain.targets.indexOf(one.target) : -1]).toEqual([
          trials.cost[i],
          trials.latencyMs[i],
          trials.step[i],
        ]);
      }
      if (replayed.some(({ outcome, drawn }) => outcome === 'unsupported' || drawn)) return;
      const [figures, simulated] = [simulatedFigures(replayed), simulateChain(chain, items)];
      expect(figures.costPer1k).toBeCloseTo(simulated.costPer1k!, 9);
      expect([figures.latencyMsP50, figures.latencyMsP95, figures.errorRate]).toEqual([
        simulated.latencyP50,
        simulated.latencyP95,
        simulated.errors,
      ]);
    }),
    { numRuns: process.env.HINDCAST_LONG ? 300 : 40 },
  );
});
