/** A table of outcomes gives back what was put in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Item, Outcome } from '../../eval/outcomes/outcomes.ts';
import { OutcomeTable } from '../../eval/outcomes/table.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });
const optional = { requiredKeys: ['signals'] as 'signals'[] };
const outcome = fc.record(
  {
    quality: share,
    signals: fc.record({ mean_logprob: share, scorer: fc.constantFrom(0.5, Number.MAX_VALUE) }, { requiredKeys: [] }),
    costNanoUsd: fc.nat(),
    latencyMs: share,
    firstTokenMs: share,
    scores: fc.constant({ tone: 0.4 }),
    model: fc.integer({ min: 0, max: 400 }).map(n => `model-${n}`),
    drawn: fc.constant(true as const),
    failure: fc.constant({ kind: 'timeout', message: 'late' } as const),
  },
  optional,
) as fc.Arbitrary<Outcome>;
const items = fc.array(
  fc.record({
    cluster: fc.constantFrom('a', 'b'),
    outcomes: fc.uniqueArray(fc.tuple(fc.constantFrom('small', 'middle', 'large'), outcome), { selector: ([name]) => name }),
    chance: fc.option(share, { nil: undefined }),
  }),
  { maxLength: 40 },
);

test('every outcome, tag and weight comes out as it went in, and only there', () => {
  fc.assert(
    fc.property(items, made => {
      const given = made.map(
        ({ cluster, outcomes, chance }, i): Item => ({
          ...{ id: `q${i}`, cluster, outcomes: new Map(outcomes), tags: { task: cluster } },
          ...(chance === undefined ? {} : { chance, weight: 2 }),
        }),
      );
      const table = new OutcomeTable();
      const kept = given.map(item => table.add(item));
      for (const [i, item] of kept.entries()) {
        const { outcomes, ...rest } = given[i]!;
        expect({ ...item, outcomes: new Map(item.outcomes) }).toEqual({ ...rest, outcomes: new Map(outcomes) });
        expect(item.outcomes.size).toBe(outcomes.size);
        for (const target of ['small', 'middle', 'large', 'other']) expect(item.outcomes.get(target)).toEqual(outcomes.get(target));
      }
    }),
  );
});

test('a model beyond the 255th of a target keeps its name', () => {
  const table = new OutcomeTable();
  const kept = Array.from({ length: 300 }, (_, i) =>
    table.add({ id: `q${i}`, cluster: `q${i}`, outcomes: new Map([['small', { signals: {}, model: `m${i}` }]]) }),
  );
  expect(kept.map(item => item.outcomes.get('small')!.model)).toEqual(kept.map((_, i) => `m${i}`));
});
