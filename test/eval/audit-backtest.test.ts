/** The backtest on audits sees what the simulation of the deployed route cannot: that escalated requests are no sample. */
import { expect, test } from 'vitest';
import type { Item, Outcome } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { auditBacktest } from '../../eval/simulation/audit-backtest.ts';
import { randomGenerator } from '../../statistics/index.ts';

const chain = chainOf('small,large', new Map()) as Chain;

/** Escalated requests are long: the strong target costs `factor` times as much on them. */
function log(seed: number, factor: number, audit = 0.1): readonly Item[] {
  const draw = randomGenerator(seed);
  return Array.from({ length: 2_000 }, (_, i): Item => {
    const isEscalated = draw() < 0.3;
    const cost = (isEscalated ? factor : 1) * (5_000 + 2_000 * draw());
    const isDrawn = !isEscalated && draw() < audit;
    const large = { quality: 1, signals: {}, costNanoUsd: cost, latencyMs: 100, ...(isDrawn ? { drawn: true } : {}) };
    return {
      ...{ id: `i${i}`, cluster: `c${i}` },
      outcomes: new Map<string, Outcome>([
        ['small', { quality: 1, signals: { scorer: isEscalated ? 0.2 : 0.9 } }],
        ...(isEscalated || isDrawn ? [['large', large] as const] : []),
      ]),
      ...(isEscalated ? { chance: 1 } : { chance: audit }),
      ...(isDrawn ? { weight: 1 / audit } : {}),
    };
  });
}

test('hard escalated requests would have foretold twice the cost, and the interval says so', () => {
  const found = auditBacktest(chain, log(1, 2), 0.95)!;
  expect(found).toMatchObject({ target: 'large', latency: { value: 0 }, quality: { value: 0 } });
  expect(found.audited + found.escalated).toBe(log(1, 2).filter(({ outcomes }) => outcomes.has('large')).length);
  expect(found.cost!.low).toBeLessThan(-0.5);
  expect(found.cost!.high).toBeGreaterThan(-0.5);
  expect(found.cost!.high).toBeLessThan(-0.45);
});

test('where escalated requests are like the others the interval holds 0, in nineteen of twenty', () => {
  const runs = process.env.HINDCAST_LONG ? 1_000 : 200;
  const covered = Array.from({ length: runs }, (_, i) => auditBacktest(chain, log(i + 10, 1), 0.95)!.cost!).filter(
    ({ low, high }) => low <= 0 && high >= 0,
  );
  expect(covered.length / runs).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / runs));
});

test('without audits nothing is said', () => {
  const bare = log(1, 2).map(item => (item.weight === undefined ? item : { ...item, outcomes: new Map([...item.outcomes].slice(0, 1)) }));
  expect(auditBacktest(chain, bare, 0.95)).toBeUndefined();
});
