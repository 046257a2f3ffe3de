/** One request explained: the rule's own words, and the same answers from other thresholds as the router gives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Item, Outcome } from '../../eval/outcomes/outcomes.ts';
import { chainOf, withThresholds } from '../../eval/policies/chain.ts';
import { runTrial } from '../../eval/policies/trials.ts';
import { explain, reasonOf, roundedDown } from '../../eval/sweep/explain.ts';

const chainOfTargets = (text: string) => {
  const chain = chainOf(text, new Map());
  if (typeof chain === 'string') throw new Error(chain);
  return chain;
};
const item = (outcomes: Record<string, Outcome>): Item => ({ id: 'q', cluster: 'q', outcomes: new Map(Object.entries(outcomes)) });
const ask = { signal: 'confidence', policy: undefined } as const;

const outcome = fc.record({
  quality: fc.constantFrom(0, 1),
  signals: fc.oneof(fc.constant({}), fc.record({ scorer: fc.integer({ min: 0, max: 10 }).map(n => n / 10) })),
  costNanoUsd: fc.integer({ min: 1, max: 100 }),
});

test('names every way through a chain, each with what the router makes of it', () => {
  const chain = chainOfTargets('a,b,c');
  fc.assert(
    fc.property(
      fc.record({ a: outcome, b: outcome, c: outcome }),
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      (outcomes, thresholds) => {
        const { alternatives } = explain(chain, item(outcomes), 'given', ask);
        const routed = runTrial(withThresholds(chain, thresholds, 'confidence'), item(outcomes));
        const same = alternatives.find(({ target }) => target === chain.targets[routed.step]);
        expect(same?.trial).toEqual(routed);
      },
    ),
    { numRuns: process.env.HINDCAST_LONG ? 2000 : 100 },
  );
});

describe('the sentence of a step', () => {
  test.each([
    [{ signal: 'confidence', atLeast: 0.74 } as const, { scorer: 0.81 }, 'confidence 0.81 ≥ 0.74'],
    [{ signal: 'confidence', atLeast: 0.74 } as const, {}, 'confidence is not known'],
    [
      {
        all: [
          { signal: 'margin', atLeast: 0.5 },
          {
            any: [
              { signal: 'judge', atLeast: 1 },
              { signal: 'schema_valid', atLeast: 1 },
            ],
          },
        ],
      } as const,
      { margin: 0.4, judge: 1 },
      'all of (margin 0.4 < 0.5, any of (judge 1 ≥ 1, schema_valid is not known))',
    ],
  ])('%j of %j is: %s', (accept, signals, text) => expect(reasonOf(accept, signals)).toBe(text));

  test('never shows a value as higher than it is', () => {
    expect(roundedDown(0.8571428571)).toBe('0.857142');
    expect(roundedDown(0.29)).toBe('0.29');
  });
});

describe('what is missing or failed', () => {
  const chain = chainOfTargets('a,b');

  test('is said, not guessed', () => {
    const { targets, steps, alternatives } = explain(chain, item({ a: { signals: { scorer: 0.4 }, quality: 1 } }), 'given', {
      signal: 'confidence',
      policy: withThresholds(chain, [0.5], 'confidence'),
    });
    expect(targets[1]).toEqual({ target: 'b', known: false });
    expect(steps.map(step => step.verdict)).toEqual(['escalates', 'unknown']);
    expect(alternatives.map(({ when, trial: t }) => [when, t === null])).toEqual([
      ['up to 0.4', false],
      ['above 0.4', true],
    ]);
  });

  test('escalates whatever the threshold', () => {
    const failed = item({ a: { signals: {}, failure: { kind: 'timeout', message: '' } }, b: { signals: {}, quality: 1 } });
    const { steps, alternatives } = explain(chain, failed, 'given', {
      signal: 'confidence',
      policy: withThresholds(chain, [0.5], 'confidence'),
    });
    expect(steps.map(({ verdict, why }) => [verdict, why])).toEqual([
      ['fails', 'timeout'],
      ['answers', 'every response is accepted'],
    ]);
    expect(alternatives).toMatchObject([{ when: 'any', target: 'b', trial: { quality: 1, step: 1 } }]);
  });
});
