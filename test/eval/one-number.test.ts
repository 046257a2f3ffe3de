/** One question has one number: sweep, certify, compare, gate and simulate agree to the last digit, intervals included. */
import { expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { type MetricName, parseAssertion } from '../../eval/gate/assertion.ts';
import { compare } from '../../eval/gate/compare.ts';
import { evaluateGate } from '../../eval/gate/evaluate.ts';
import { compareSides } from '../../eval/gate/run.ts';
import type { ResolvedSide } from '../../eval/gate/side.ts';
import { completeItems, type Item } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf, singleTargetPolicy, withThresholds } from '../../eval/policies/chain.ts';
import { simulatePair } from '../../eval/simulation/backtest.ts';
import { sweep } from '../../eval/sweep/sweep.ts';
import type { Estimate } from '../../statistics/index.ts';
import { liveCascade, unequalConversations } from './identification/cascade.ts';

const bare = chainOf('small,large', new Map()) as Chain;
const threshold = 0.8;
const confidence = 0.95;
const policy = withThresholds(bare, [threshold], 'confidence');
const chain: Chain = { ...bare, name: 'at 0.8', policy, configured: true };
const always: Chain = { ...bare, name: 'large', policy: singleTargetPolicy(bare, 'large') };
const side = (own: Chain): ResolvedSide => ({ name: own.name, policy: own.policy, chain: own, targets: own.targets, column: undefined });
const change = ({ value, low, high }: Estimate): number[] => [value - 1, low - 1, high - 1];
const ends = ({ value, low, high }: Estimate): number[] => [value, low, high];

const traffic: Readonly<Record<string, readonly Item[]>> = {
  'all known': liveCascade({ requests: 1_200, seed: 4 }).truth,
  'a live cascade with audits': liveCascade({ requests: 3_000, seed: 5, audit: 0.1 }).log,
  'conversations of unequal length': unequalConversations(300, 6, { easy: 0.05, hard: 0.4 }),
};

test.each(Object.entries(traffic))('%s', (_, items) => {
  const outcomes = { items, label: 'given', notes: [] };
  const sides = { baseline: side(always), candidate: side(chain) };
  const { compared, problem } = compareSides(sides, outcomes);
  expect(problem).toBeUndefined();

  const compareRows = compare(compared!, { confidence, seed: 0 }).rows;
  const row = (metric: MetricName) => compareRows.find(found => found.metric === metric)!;
  const swept = sweep(chain, outcomes, { signal: 'confidence', confidence, thresholds: [[threshold]] })!.rows[0]!;
  const { current } = certify(chain, completeItems(items, chain.targets), {
    ...{ signal: 'confidence', loss: 'harm', lossMax: 0.5, confidence, seed: 0, conversationMax: 20, thresholds: [0.9] },
  });
  const simulated = simulatePair(always, chain, outcomes, { confidence, error: undefined });
  const gated = (metric: MetricName, text: string): number[] => {
    const assertion = parseAssertion(text, metric);
    if (typeof assertion === 'string') throw new Error(assertion);
    const { findings } = evaluateGate([{ name: text, metric, assertion, line: 1 }], compared!, { confidence, seed: 0, clustersMin: 1 });
    return ends(findings[0]!.estimate!);
  };

  const close = (numbers: readonly number[], expected: readonly number[]): void => {
    for (const [i, number] of numbers.entries()) expect(number).toBeCloseTo(expected[i]!, 12);
  };
  const quality = ends(row('quality').delta!);
  close(ends(swept.qualityDelta), quality);
  close(ends(current!.qualityDelta), quality);
  close(ends(simulated.comparison!.quality!), quality);
  close(gated('quality', 'delta > -1pp'), quality);

  const cost = ends(row('cost_per_1k').change!);
  close(change(swept.relativeCost!), cost);
  close(change(current!.relativeCost!), cost);
  close(ends(simulated.comparison!.cost!), cost);
  close(gated('cost_per_1k', 'delta < -1%'), cost);

  for (const [metric, own] of [
    ['quality', swept.quality],
    ['escalation', swept.escalated],
    ['error_rate', swept.errors],
  ] as const) {
    close(ends(own), ends(row(metric).candidate!));
  }
  close(ends(swept.costPer1k!), ends(row('cost_per_1k').candidate!));
  close(gated('harm', 'value < 2%'), ends(swept.harm));
  if (swept.latencyMs) {
    expect(ends(swept.latencyMs.p95)).toEqual(ends(row('latency_p95').candidate!));
    expect(ends(current!.latencyMs!.p50)).toEqual(ends(row('latency_p50').candidate!));
  }
  close([simulated.candidate.costPer1k!, simulated.candidate.quality!], [swept.costPer1k!.value, swept.quality.value]);
});
