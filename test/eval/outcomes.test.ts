/** Outcomes measured elsewhere: what is read, and what is refused with its line and its mend. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseOutcomes, printLineProblems } from '../../eval/outcomes/file.ts';
import { completeItems, type Item, type Outcome } from '../../eval/outcomes/outcomes.ts';
import { printOutcomes } from '../../eval/outcomes/snapshot.ts';

const problemsOf = (text: string): string[] => {
  const parsed = parseOutcomes(text);
  return parsed.ok ? [] : printLineProblems('o.jsonl', parsed.problems).split('\n');
};

/** Parsed items are rows of a table; here as plain maps. */
const parsedPlain = (text: string): object => {
  const parsed = parseOutcomes(text);
  return parsed.ok ? { ok: true, items: parsed.items.map(item => ({ ...item, outcomes: new Map(item.outcomes) })) } : parsed;
};

describe('a file of outcomes', () => {
  test('gives items with costs in nano-dollars, and confidence as the signal that stands for it', () => {
    const parsed = parsedPlain(
      '{"id":7,"cluster":"talk","targets":{"a":{"quality":0.5,"confidence":0.9,"cost":0.0123,"latency_ms":120,"ttft_ms":40},"b":{"cost":0,"error":"timeout"}}}\n\n',
    );
    expect(parsed).toEqual({
      ok: true,
      items: [
        {
          id: '7',
          cluster: 'talk',
          outcomes: new Map<string, Outcome>([
            ['a', { quality: 0.5, signals: { scorer: 0.9 }, costNanoUsd: 12_300_000, latencyMs: 120, firstTokenMs: 40 }],
            ['b', { signals: {}, costNanoUsd: 0, failure: { kind: 'timeout', message: 'timeout' } }],
          ]),
        },
      ],
    });
  });

  test('keeps named signals, and lets an item without a cluster stand alone', () => {
    const parsed = parseOutcomes('{"id":"x","targets":{"a":{"signals":{"mean_logprob":0.8,"min_logprob":0.1},"cost":1}}}');
    expect(parsed.ok && parsed.items[0]).toMatchObject({ id: 'x', cluster: 'x' });
    expect(parsed.ok && parsed.items[0]!.outcomes.get('a')!.signals).toEqual({ mean_logprob: 0.8, min_logprob: 0.1 });
  });

  test.each([
    ['{"id":"x"', 'o.jsonl:1: the line is not one JSON object'],
    ['[1]', 'o.jsonl:1: the line is not one JSON object'],
    ['{"targets":{"a":{"cost":1}}}', 'o.jsonl:1: id must be a non-empty string'],
    ['{"id":"x","id":"y","targets":{"a":{"cost":1}}}', 'o.jsonl:1: id is not one JSON object'],
    ['{"id":"x","target":{}}', 'o.jsonl:1: target is not known; a line takes id, cluster, weight, chance, tags, targets'],
    ['{"id":"x","targets":{}}', 'o.jsonl:1: targets must be an object with an outcome for each target'],
    ['{"id":"x","targets":{"a":{"quality":1}}}', 'o.jsonl:1: targets.a.cost is missing; write the cost in USD'],
    ['{"id":"x","targets":{"a":{"cost":-1}}}', 'o.jsonl:1: targets.a.cost must be a cost in USD, 0 or more, not -1'],
    ['{"id":"x","targets":{"a":{"cost":1,"quality":70}}}', 'o.jsonl:1: targets.a.quality must be a number from 0 to 1, not 70'],
    [
      '{"id":"x","targets":{"a":{"cost":1,"confidence":"high"}}}',
      'o.jsonl:1: targets.a.confidence must be a number from 0 to 1, not "high"',
    ],
    [
      '{"id":"x","targets":{"a":{"cost":1,"signals":{"logprob":0.5}}}}',
      'o.jsonl:1: targets.a.signals.logprob is no signal; the signals are',
    ],
    [
      '{"id":"x","targets":{"a":{"cost":1,"confidence":0.5,"signals":{"judge":1}}}}',
      'o.jsonl:1: targets.a.signals stands beside `confidence`',
    ],
    ['{"id":"x","targets":{"a":{"cost":1,"latency_ms":5,"ttft_ms":9}}}', 'o.jsonl:1: targets.a.ttft_ms must not be above latency_ms'],
    ['{"id":"x","targets":{"a":{"cost":1,"price":2}}}', 'o.jsonl:1: targets.a.price is not known; a target takes quality, confidence'],
    ['{"id":"x","targets":{"a":{"cost":1}}}\n{"id":"x","targets":{"a":{"cost":1}}}', 'o.jsonl:2: id "x" stands on line 1 already'],
    ['\n\n', 'o.jsonl:1: the line the file holds no item'],
  ])('refuses %j', (text, expected) => {
    expect(problemsOf(text)[0]).toContain(expected);
  });

  test('lists many problems at once, and not without end', () => {
    expect(problemsOf('{"id":"x","targets":{"a":{}}}\n{"id":"y","targets":{"a":{}}}')).toHaveLength(2);
    expect(problemsOf('{}\n'.repeat(500))).toHaveLength(20);
  });
});

describe('complete items', () => {
  const ok = (more: Partial<Outcome> = {}): Outcome => ({ signals: {}, quality: 1, costNanoUsd: 1, ...more });
  const item = (id: string, outcomes: Record<string, Outcome>): Item => ({ id, cluster: id, outcomes: new Map(Object.entries(outcomes)) });

  test('are those that every target knows; the others are counted with a reason and a mend', () => {
    const kept = completeItems(
      [
        item('c', { a: ok(), b: ok() }),
        item('b', { a: ok() }),
        item('a', { a: { signals: {}, costNanoUsd: 1 }, b: ok() }),
        item('d', { a: ok(), b: { signals: {}, quality: 1 } }),
        item('e', { other: ok() }),
      ],
      ['a', 'b'],
    );
    expect(kept.items.map(({ id }) => id)).toEqual(['c']);
    expect(kept.known).toBe(4);
    expect(kept.dropped.map(({ count, why }) => `${count} ${why}`)).toEqual([
      '1 no outcome of b',
      '1 no quality for the answer of a',
      '1 no known price for the answer of b',
    ]);
    expect(kept.dropped[0]!.mend).toContain('replay run --against b');
    expect([...kept.coverage]).toEqual([
      ['a', 4],
      ['b', 3],
    ]);
  });

  test('a failure needs neither quality nor price', () => {
    const failed: Outcome = { signals: {}, failure: { kind: 'timeout', message: '' } };
    expect(completeItems([item('a', { a: ok(), b: failed }), item('b', { a: ok(), b: ok() })], ['a', 'b']).items).toHaveLength(2);
  });

  test('a target whose price nobody knows for any item drops none: cost is not judged then', () => {
    const free = { signals: {}, quality: 1 };
    const kept = completeItems([item('a', { a: ok(), b: free }), item('b', { a: ok(), b: free })], ['a', 'b']);
    expect(kept.priced).toBe(false);
    expect(kept.items).toHaveLength(2);
  });
});

describe('a snapshot', () => {
  const share = fc.integer({ min: 0, max: 1000 }).map(n => n / 1000);
  const outcome = fc.record(
    {
      signals: fc.record({ mean_logprob: share, scorer: share }, { requiredKeys: [] }),
      quality: share,
      costNanoUsd: fc.integer({ min: 0, max: 5_000_000_000 }),
      latencyMs: fc.integer({ min: 100, max: 60_000 }),
      firstTokenMs: fc.integer({ min: 1, max: 100 }),
      failure: fc.constant({ kind: 'overloaded', message: 'overloaded' } as const),
    },
    { requiredKeys: ['signals'] },
  );

  test('reads back as what it was made from, in any order, to the same bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), outcome, fc.option(outcome, { nil: undefined })), { minLength: 1, maxLength: 9 }),
        rows => {
          const items = rows.map(
            ([cluster, a, b], i): Item => ({
              id: `q${i}`,
              cluster: cluster === 0 ? `q${i}` : `c${cluster}`,
              outcomes: new Map([['a/x', a], ...(b ? [['b', b] as const] : [])]),
            }),
          );
          const text = printOutcomes(items.toReversed(), ['a/x', 'b']);
          expect(parsedPlain(text)).toEqual({ ok: true, items });
          expect(printOutcomes(items, ['a/x', 'b'])).toBe(text);
        },
      ),
      { numRuns: process.env.HINDCAST_LONG ? 2000 : 100 },
    );
  });

  test('leaves out the requests that none of its targets knows', () => {
    const items = [{ id: 'x', cluster: 'x', outcomes: new Map([['c', { signals: {} }]]) }];
    expect(printOutcomes(items, ['a', 'b'])).toBe('');
  });
});
