/** A sweep over made-up outcomes whose answer is known, and what must hold for any. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { certify } from '../../eval/certify/certify.ts';
import { completeItems, type Item, type Outcome } from '../../eval/outcomes/outcomes.ts';
import { type Chain, chainOf } from '../../eval/policies/chain.ts';
import { certificateJson } from '../../eval/report/certificate/json.ts';
import { certificateText } from '../../eval/report/certificate/text.ts';
import { sweepJson } from '../../eval/report/json.ts';
import { sweepText } from '../../eval/report/sweep/text.ts';
import { type Sweep, sweep } from '../../eval/sweep/sweep.ts';
import { combinations, shortestDecimal, thresholdGrid } from '../../eval/sweep/thresholds.ts';
import { table } from '../../gateway/cli/command.ts';
import type { Route } from '../../gateway/settings/settings.ts';
import { randomGenerator } from '../../statistics/index.ts';

const options = { signal: 'confidence', confidence: 0.95 } as const;
const plainTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, ...rows].map(row => row.join(' | ')).join('\n');

function chain(text: string, routes: ReadonlyMap<string, Route> = new Map()): Chain {
  const parsed = chainOf(text, routes);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

const item = (id: string, outcomes: Record<string, Partial<Outcome>>, cluster = id): Item => ({
  id,
  cluster,
  outcomes: new Map(Object.entries(outcomes).map(([target, outcome]) => [target, { signals: {}, costNanoUsd: 0, ...outcome }])),
});
const swept = (text: string, items: readonly Item[], more: object = {}): Sweep =>
  sweep(chain(text), { items, label: 'test', notes: [] }, { ...options, ...more })!;

/** `small` is right when it is sure, `large` always; small costs 1, large 9. */
const ten = Array.from({ length: 10 }, (_, i) =>
  item(`i${i}`, {
    small: { quality: i >= 4 ? 1 : 0, signals: { scorer: (i + 1) / 10 }, costNanoUsd: 1000, latencyMs: 100, firstTokenMs: 20 },
    large: { quality: 1, costNanoUsd: 9000, latencyMs: 500, firstTokenMs: 200 },
  }),
);

describe('a sweep', () => {
  test('has one row for each way of deciding, from the strictest down, in numbers a person would write', () => {
    expect(swept('small,large', ten).rows.map(row => row.thresholds![0])).toEqual([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]);
  });

  test('knows what each row costs and gives', () => {
    const row = swept('small,large', ten).rows.find(({ thresholds }) => thresholds![0] === 0.5)!;
    expect(row.answered).toEqual([0.6, 0.4].map(x => expect.closeTo(x, 12)));
    expect(row.escalated.value).toBeCloseTo(0.4, 12);
    // Each of the four that escalate is paid twice.
    expect(row.costPer1k!.value).toBeCloseTo(((10 * 1000 + 4 * 9000) / 10) * 1e-6, 12);
    expect(row.relativeCost!.value).toBeCloseTo(46 / 90, 12);
    expect(row).toMatchObject({ worse: 0, better: 0, quality: { value: 1 }, qualityDelta: { value: 0 } });
    expect(row.latencyMs!.p50.value).toBe(100);
    expect(row.latencyMs!.p95.value).toBe(600);
    // Held until accepted: 100; streamed after one declined answer: 300.
    expect(row.firstTokenMs).toMatchObject({ p50: { value: 100 }, p95: { value: 300 }, n: 10 });
    expect(row.frontier).toBe(true);
  });

  test('marks rows that another one beats', () => {
    const { rows } = swept('small,large', ten);
    expect(rows.filter(row => row.frontier).map(row => row.thresholds![0])).toEqual([0.5, 0.4, 0.3, 0.2, 0.1]);
  });

  test('compares with a mix of the same cost', () => {
    const { rows, oracle } = swept('small,large', ten);
    const row = rows.find(({ thresholds }) => thresholds![0] === 0.5)!;
    // Small alone is right 6 times in 10 for 1, large always for 9: for 4.6 a coin would be right 0.6 + 0.4·3.6/8.
    expect(row.vsRandomMix!.value).toBeCloseTo(1 - (0.6 + (0.4 * 3.6) / 8), 12);
    expect(oracle.quality).toBeCloseTo(1, 12);
    expect(oracle.costPer1k).toBeCloseTo(((6 * 1000 + 4 * 9000) / 10) * 1e-6, 12);
  });

  test('shows the route as it is configured, whatever its rule', () => {
    const route = (accept: object): ReadonlyMap<string, Route> =>
      new Map([
        [
          'smart',
          {
            name: 'smart',
            deadlineMs: 60_000,
            onUnsupported: 'warn',
            steps: [
              { target: 'small', timeoutMs: 60_000, retries: 2, backoffMs: 100, accept },
              { target: 'large', timeoutMs: 60_000, retries: 2, backoffMs: 100 },
            ],
          } as unknown as Route,
        ],
      ]);
    const simple = sweep(
      chain('smart', route({ signal: 'confidence', atLeast: 0.74 })),
      { items: ten, label: 'test', notes: [] },
      options,
    )!;
    expect(simple.current).toMatchObject({ thresholds: [0.74], answered: [0.3, 0.7].map(x => expect.closeTo(x, 12)) });
    const both = {
      all: [
        { signal: 'confidence', atLeast: 0.74 },
        { signal: 'scorer', atLeast: 0.95 },
      ],
    };
    const strict = sweep(chain('smart', route(both)), { items: ten, label: 'test', notes: [] }, options)!;
    expect(strict.current).toMatchObject({ thresholds: null, answered: [0.1, 0.9].map(x => expect.closeTo(x, 12)) });
    expect(sweepText(simple, plainTable)).toContain('As configured (0.74), 30.0 % of the requests are answered by small');
  });

  test('of three targets looks at combinations, and says which targets are dominated', () => {
    const three = ten.map(({ id, outcomes }) =>
      item(id, {
        small: outcomes.get('small')!,
        waste: { quality: 0, costNanoUsd: 20_000, signals: { scorer: 0.5 } },
        large: outcomes.get('large')!,
      }),
    );
    const result = swept('small,waste,large', three);
    expect(result.rows.length).toBeGreaterThan(5);
    expect(result.rows.every(row => row.thresholds!.length === 2)).toBe(true);
    expect(result.dominated.map(({ target }) => target)).toEqual(['waste']);
  });

  test('says what was left out and why', () => {
    const result = swept('small,large', [...ten, item('x', { small: { quality: 1 } })]);
    expect(result.items).toBe(10);
    const text = sweepText(result, plainTable);
    expect(text).toContain('1 request left out: no outcome of large  (hindcast replay run --against large)');
  });

  test('without a signal says so instead of showing thresholds', () => {
    const silent = ten.map(({ id, outcomes }) =>
      item(id, { small: { ...outcomes.get('small')!, signals: {} }, large: outcomes.get('large')! }),
    );
    const text = sweepText(swept('small,large', silent), plainTable);
    expect(text).toContain('No threshold to look at: no answer of small shows the signal confidence.');
    expect(text).toContain('always large');
  });

  test('without prices leaves cost out and goes on', () => {
    const free = ten.map(({ id, outcomes }) => {
      const { costNanoUsd: _, ...large } = outcomes.get('large')!;
      return { id, cluster: id, outcomes: new Map([...outcomes, ['large', large as Outcome]]) };
    });
    const result = swept('small,large', free);
    expect(result.rows[0]).toMatchObject({ costPer1k: null, relativeCost: null, vsRandomMix: null });
    expect(sweepText(result, plainTable)).not.toContain('$');
    expect(JSON.stringify(sweepJson(result))).not.toContain('NaN');
  });

  test('is nothing where no item is complete', () => {
    expect(sweep(chain('small,other'), { items: ten, label: 'test', notes: [] }, options)).toBeUndefined();
  });

  test('as JSON has shares as fractions and estimates with their bounds', () => {
    const json = sweepJson(swept('small,large', ten)) as { rows: Record<string, unknown>[]; targets: Record<string, unknown>[] };
    expect(json.rows[5]).toMatchObject({ threshold: 0.5, thresholds: [0.5], accept: expect.closeTo(0.6, 12), frontier: true });
    expect(json.rows[5]!.relative_cost).toEqual({ value: expect.closeTo(46 / 90, 12), low: expect.any(Number), high: expect.any(Number) });
    expect(json.targets.map(({ target }) => target)).toEqual(['small', 'large']);
  });
});

describe('for any outcomes', () => {
  const share = fc.integer({ min: 0, max: 20 }).map(n => n / 20);
  const rows = fc.array(
    fc.record({ sure: fc.option(share, { nil: undefined }), right: fc.boolean(), strong: fc.boolean(), group: fc.nat(5) }),
    { minLength: 2, maxLength: 40 },
  );
  const itemsOf = (made: readonly { sure?: number | undefined; right: boolean; strong: boolean; group: number }[]): Item[] =>
    made.map(({ sure, right, strong, group }, i) =>
      item(
        `i${String(i).padStart(3, '0')}`,
        {
          small: { quality: Number(right), signals: sure === undefined ? {} : { scorer: sure }, costNanoUsd: 10 },
          large: { quality: Number(strong), costNanoUsd: 100 },
        },
        `g${group}`,
      ),
    );

  test('a lower threshold never harms fewer, and never costs more', () => {
    fc.assert(
      fc.property(rows, made => {
        const result = swept('small,large', itemsOf(made));
        for (const [i, row] of result.rows.entries()) {
          const stricter = result.rows[i - 1];
          if (!stricter) continue;
          expect(row.worse).toBeGreaterThanOrEqual(stricter.worse);
          expect(row.costPer1k!.value).toBeLessThanOrEqual(stricter.costPer1k!.value + 1e-12);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('the order of the items changes nothing', () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.nat()), (made, order) => {
        const items = itemsOf(made);
        const turned = items
          .map(x => [order.next().value as number, x] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, x]) => x);
        expect(sweepJson(swept('small,large', turned))).toEqual(sweepJson(swept('small,large', items)));
      }),
      { numRuns: 50 },
    );
  });

  test('a request that comes out the same never makes the bound on harm worse', () => {
    fc.assert(
      fc.property(rows, made => {
        const alone = itemsOf(made).map(x => ({ ...x, cluster: x.id }));
        const loss = (items: readonly Item[]): number | undefined => {
          const certificate = certify(chain('small,large'), completeItems(items, ['small', 'large']), {
            signal: 'confidence',
            loss: 'harm',
            lossMax: 0.5,
            confidence: 0.9,
            seed: 1,
            thresholds: [0],
          });
          return certificate.tested[0]!.p;
        };
        const same = item('z', { small: { quality: 1, signals: { scorer: 1 } }, large: { quality: 1 } });
        expect(loss([...alone, same])!).toBeLessThanOrEqual(loss(alone)! + 1e-12);
      }),
      { numRuns: 100 },
    );
  });

  test('thresholds in few digits split the answers as the values themselves do', () => {
    const values = fc
      .uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
      .map(all => all.sort((a, b) => b - a));
    fc.assert(
      fc.property(values, all => {
        const grid = thresholdGrid(all, 30);
        for (const [i, threshold] of grid.entries()) expect(all.filter(v => v >= threshold)).toEqual(all.slice(0, i + 1));
      }),
      { numRuns: 300 },
    );
    expect(shortestDecimal(9 / 14, 10 / 14)).toBe(0.7);
    expect(shortestDecimal(0.7, 0.7)).toBe(0.7);
  });

  test('combinations stay within their bound', () => {
    const many = Array.from({ length: 100 }, (_, i) => i / 100);
    expect(combinations([many, many, many], 256).length).toBeLessThanOrEqual(256);
    expect(combinations([many], 256)).toHaveLength(100);
  });
});

describe('a certificate', () => {
  const draw = randomGenerator(5);
  /** Small is right with a probability that its confidence tells; large nearly always. */
  const population = (n: number, clusterSize = 1): Item[] =>
    Array.from({ length: n }, (_, i) => {
      const sure = draw();
      return item(
        `i${i}`,
        {
          small: { quality: draw() < 0.5 + sure / 2 ? 1 : 0, signals: { scorer: Math.round(sure * 50) / 50 }, costNanoUsd: 10 },
          large: { quality: 1, costNanoUsd: 100 },
        },
        `c${Math.floor(i / clusterSize)}`,
      );
    });
  /** The true harm of accepting from a threshold on. */
  const harmAt = (threshold: number): number => (1 - threshold) ** 2 / 4;
  const chosen = { signal: 'confidence', loss: 'harm', lossMax: 0.05, confidence: 0.9, seed: 1 } as const;
  const certified = (items: readonly Item[]): number | undefined =>
    certify(chain('small,large'), completeItems(items, ['small', 'large']), chosen).certified?.threshold;

  test('is wrong no more often than it says, where picking the best looking threshold is wrong four times as often', {
    timeout: 120_000,
  }, () => {
    const trials = process.env.HINDCAST_LONG ? 1000 : 120;
    let [wrong, naiveWrong] = [0, 0];
    for (let k = 0; k < trials; k++) {
      const items = population(300);
      const threshold = certified(items);
      if (threshold !== undefined && harmAt(threshold) > 0.05) wrong++;
      const naive = swept('small,large', items).rows.findLast(row => row.worse / 300 <= 0.05)!.thresholds![0]!;
      if (harmAt(naive) > 0.05) naiveWrong++;
    }
    expect(wrong / trials).toBeLessThan(0.1 + 3 * Math.sqrt(0.09 / trials));
    expect(naiveWrong / trials).toBeGreaterThan(0.3);
  });

  test('goes lower with more data', () => {
    expect(certified(population(4000))!).toBeLessThan(certified(population(200)) ?? 1);
  });

  test('bets on sums over conversations, whose size is capped on other requests', () => {
    const certificate = certify(chain('small,large'), completeItems(population(9000, 10), ['small', 'large']), chosen);
    expect(certificate).toMatchObject({ method: 'betting on conversations', conversationCap: 10, requestsBeyondCap: 0 });
    expect(harmAt(certificate.certified!.threshold)).toBeLessThan(0.05);
  });

  test('bounds the net loss as well', () => {
    const certificate = certify(chain('small,large'), completeItems(population(3000), ['small', 'large']), { ...chosen, loss: 'net' });
    expect(harmAt(certificate.certified!.threshold)).toBeLessThan(0.05);
  });

  test('that cannot be given says what to do, and how much more it would take', () => {
    const certificate = certify(chain('small,large'), completeItems(population(20), ['small', 'large']), chosen);
    expect(certificate.certified).toBeNull();
    const text = certificateText(certificate, 'test', table);
    expect(text).toContain('INCONCLUSIVE: no threshold is certified; always use large.');
    expect(text).toMatch(/about \d+ requests would certify 5 pp/);
    expect(certificateJson(certificate)).toMatchObject({ verdict: 'inconclusive', threshold: null, accept: 0 });
  });
});
