import { describe, expect, test } from 'vitest';
import {
  beginRollout,
  observeRollout,
  type Rollout,
  type RolloutPolicy,
  type RolloutSample,
  shareAt,
} from '../../../gateway/core/routing/rollout.ts';

const policy: RolloutPolicy = {
  stages: [0.01, 0.1, 1],
  everyMs: 1000,
  requestsMin: 50,
  errorRateMax: 0.1,
  p95MsMax: 800,
  costRatioMax: 1.5,
};
const seen = (at: number, more: Partial<RolloutSample> = {}): RolloutSample => ({
  isVariant: true,
  at,
  failed: false,
  totalMs: 100,
  costNanoUsd: 10,
  ...more,
});
const unfold = (requests: readonly RolloutSample[], from: Rollout = beginRollout(0)): Rollout =>
  requests.reduce((rollout, one) => observeRollout(rollout, one, policy), from);
const many = (count: number, of: (i: number) => RolloutSample): readonly RolloutSample[] => Array.from({ length: count }, (_, i) => of(i));

describe('a rollout', () => {
  test('advances when a stage has lasted and has enough requests, and stays at the last', () => {
    const shares = [0, 60, 120, 180].map(count => shareAt(unfold(many(count, i => seen(i * 50))), policy));
    expect(shares).toEqual([0.01, 0.1, 1, 1]);
    expect(shareAt(unfold(many(49, i => seen(i * 50_000))), policy), 'too few requests').toBe(0.01);
    expect(shareAt(unfold(many(500, () => seen(10))), policy), 'too soon').toBe(0.01);
  });

  test('rolls back as soon as failures exceed the bound of the whole stage, and stays rolled back', () => {
    const failing = unfold(many(6, i => seen(i, { failed: true })));
    expect(failing.rolledBack).toEqual({ at: 5, why: '6 of 6 requests failed, over 10 %' });
    expect(
      shareAt(
        unfold(
          many(500, i => seen(i * 50)),
          failing,
        ),
        policy,
      ),
    ).toBe(0);
  });

  test('tolerates as many failures as its bound allows', () => {
    expect(unfold(many(400, i => seen(0, { failed: i % 10 === 9 }))).rolledBack).toBeUndefined();
  });

  test('rolls back when it is slow, or expensive relative to the route', () => {
    expect(unfold(many(60, () => seen(0, { totalMs: 3000 }))).rolledBack?.why).toContain('p95');
    const base = unfold(many(60, () => seen(0, { isVariant: false })));
    expect(
      unfold(
        many(60, () => seen(0, { costNanoUsd: 14 })),
        base,
      ).rolledBack,
    ).toBeUndefined();
    expect(
      unfold(
        many(60, () => seen(0, { costNanoUsd: 16 })),
        base,
      ).rolledBack?.why,
    ).toContain('1.60 times');
  });
});
