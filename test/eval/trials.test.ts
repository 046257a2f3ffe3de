/** One router: the remembered decisions of a sweep are those of simulating each policy anew. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Item, Outcome } from '../../eval/outcomes/outcomes.ts';
import { runTrial, trialRunner } from '../../eval/policies/trials.ts';
import type { RoutePolicy } from '../../gateway/core/routing/router.ts';
import type { FailureKind } from '../../gateway/core/shared/failure.ts';
import type { AcceptRule } from '../../gateway/core/signals/signal.ts';

const targets = ['a', 'b', 'c'];
const kinds: FailureKind[] = ['timeout', 'overloaded', 'content-filtered', 'invalid-request', 'authentication'];
const share = fc.integer({ min: 0, max: 10 }).map(n => n / 10);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });

const outcome: fc.Arbitrary<Outcome> = fc
  .record({
    quality: share,
    mean: maybe(share),
    min: maybe(share),
    cost: maybe(fc.integer({ min: 0, max: 1e9 })),
    latencyMs: maybe(fc.integer({ min: 0, max: 3000 })),
    opens: share,
    failure: maybe(fc.constantFrom(...kinds)),
  })
  .map(({ quality, mean, min, cost, latencyMs, opens, failure }) => ({
    ...(failure ? { failure: { kind: failure, message: '' } } : { quality }),
    signals: { ...(mean === undefined ? {} : { mean_logprob: mean }), ...(min === undefined ? {} : { min_logprob: min }) },
    ...(cost === undefined ? {} : { costNanoUsd: cost }),
    ...(latencyMs === undefined ? {} : { latencyMs, firstTokenMs: Math.floor(latencyMs * opens) }),
  }));

const items = fc
  .array(fc.tuple(outcome, outcome, outcome), { minLength: 1, maxLength: 6 })
  .map(rows =>
    rows.map((row, i): Item => ({ id: `i${i}`, cluster: `i${i}`, outcomes: new Map(targets.map((target, k) => [target, row[k]!])) })),
  );

const leaf: fc.Arbitrary<AcceptRule> = fc.record({
  signal: fc.constantFrom('confidence' as const, 'mean_logprob' as const, 'min_logprob' as const),
  atLeast: share,
});
const accept: fc.Arbitrary<AcceptRule> = fc.oneof(
  leaf,
  fc.array(leaf, { minLength: 1, maxLength: 2 }).map(all => ({ all })),
  fc.array(leaf, { minLength: 1, maxLength: 2 }).map(any => ({ any })),
);

const policies = fc
  .record({
    deadlineMs: fc.constantFrom(500, 4000, 1e12),
    timeoutMs: fc.constantFrom(300, 2000, 1e12),
    last: fc.boolean(),
    accepts: fc.array(fc.tuple(accept, accept, accept), { minLength: 1, maxLength: 6 }),
  })
  .map(({ deadlineMs, timeoutMs, last, accepts }) =>
    accepts.map(
      (row): RoutePolicy => ({
        name: 'r',
        deadlineMs,
        steps: targets.map((target, i) => ({ target, timeoutMs, retries: 0, backoffMs: 0, ...(i < 2 || last ? { accept: row[i]! } : {}) })),
      }),
    ),
  );

describe('decisions', () => {
  test('remembered or made anew are the same, for any outcomes, thresholds and time limits', () => {
    fc.assert(
      fc.property(items, policies, (matrix, all) => {
        const decide = trialRunner(matrix);
        for (const policy of all) {
          const trials = decide(policy);
          for (const [i, item] of matrix.entries()) {
            const anew = runTrial(policy, item);
            const remembered = {
              cost: trials.cost[i],
              quality: trials.quality[i],
              latencyMs: trials.latencyMs[i],
              firstTokenMs: trials.firstTokenMs[i],
              step: trials.step[i],
            };
            expect(remembered).toEqual(anew);
          }
        }
      }),
      { numRuns: process.env.HINDCAST_LONG ? 20_000 : 500 },
    );
  });

  const cheap: Outcome = { quality: 0, signals: { scorer: 0.6 }, costNanoUsd: 10, latencyMs: 100, firstTokenMs: 20 };
  const strong: Outcome = { quality: 1, signals: {}, costNanoUsd: 90, latencyMs: 500, firstTokenMs: 200 };
  const one = (outcomes: Record<string, Outcome>): Item => ({ id: 'x', cluster: 'x', outcomes: new Map(Object.entries(outcomes)) });
  const chain = (atLeast: number): RoutePolicy => ({
    name: 'r',
    deadlineMs: 1e12,
    steps: [
      { target: 'cheap', timeoutMs: 1e12, retries: 0, backoffMs: 0, accept: { signal: 'confidence', atLeast } },
      { target: 'strong', timeoutMs: 1e12, retries: 0, backoffMs: 0 },
    ],
  });

  test('an accepted answer is held until it is whole, so its first token comes with its last', () => {
    expect(runTrial(chain(0.6), one({ cheap, strong }))).toEqual({ cost: 10, quality: 0, latencyMs: 100, firstTokenMs: 100, step: 0 });
  });

  test('an escalated answer is paid and waited for twice, and then streams', () => {
    expect(runTrial(chain(0.61), one({ cheap, strong }))).toEqual({ cost: 100, quality: 1, latencyMs: 600, firstTokenMs: 300, step: 1 });
  });

  test('where the strong target fails, the declined answer is what the caller gets', () => {
    const failed: Outcome = { signals: {}, costNanoUsd: 0, latencyMs: 50, failure: { kind: 'server-error', message: '' } };
    expect(runTrial(chain(0.9), one({ cheap, strong: failed }))).toMatchObject({ quality: 0, latencyMs: 150, firstTokenMs: 150, step: 0 });
    expect(runTrial(chain(0.9), one({ cheap: failed, strong: failed }))).toMatchObject({ quality: 0, step: -1 });
  });

  test('a target of which nothing is known is never guessed', () => {
    expect(() => runTrial(chain(0.9), one({ cheap }))).toThrow('knows no outcome of strong');
  });

  test('an item that lacks one target its latency has none under any policy', () => {
    const { latencyMs: _, ...untimed } = strong;
    const trials = trialRunner([one({ cheap, strong: untimed })], ['cheap', 'strong'])(chain(0.1));
    expect(trials.latencyMs[0]).toBeNaN();
    expect(trials.cost[0]).toBe(10);
  });
});
