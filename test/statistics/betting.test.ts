/** The betting test and its payoffs: against sums of logarithms written out, and by the properties that make it valid. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alarmNext,
  alarmStart,
  betInference,
  bettingOrder,
  boundedInterval,
  clippingOf,
  clustersOf,
  conformalRiskHolds,
  conversationAlarm,
  conversationCap,
  conversationMeanPayoffs,
  conversationPayoffs,
  deltaBets,
  drawnOnlyPayoffs,
  flipsMax,
  harmBets,
  harmBeyondDrawnNoise,
  harmBeyondNoise,
  harmBeyondNoiseRange,
  harmOf,
  inverseChancePayoffs,
  isAlarmed,
  MixtureTest,
  matchedByStratum,
  meanLossTest,
  mixturePValue,
  netLossOf,
  plannedBets,
  randomGenerator,
  renewalDelta,
  requestAlarm,
  requestsBeyond,
  reshaped,
  thinned,
  unclustered,
  withChanceFloor,
} from '../../statistics/index.ts';

/** From the formula: for each bet the sum of logarithms up to each look, then the mean of the capitals, then the largest of all looks. */
function slowP(
  values: readonly number[],
  upper: number,
  fractions: readonly number[],
  parts = fractions.map(() => 1 / fractions.length),
): number {
  let best = 0;
  for (let m = 1; m <= values.length; m++) {
    const logs = fractions.map(u => values.slice(0, m).reduce((total, x) => total + Math.log(Math.max(0, 1 - (u * x) / upper)), 0));
    const most = Math.max(...logs);
    if (most === Number.NEGATIVE_INFINITY) continue;
    best = Math.max(best, most + Math.log(logs.reduce((total, log, j) => total + parts[j]! * Math.exp(log - most), 0)));
  }
  return Math.min(1, Math.exp(-best));
}

const payoffs = fc.array(fc.double({ min: -3, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
const grade = fc.constantFrom<number>(0, 0.3, 1);

describe('The betting test', () => {
  test('gives the p-value of its formula', () => {
    fc.assert(
      fc.property(payoffs, values => {
        expect(mixturePValue({ values, upper: 1 })).toBeCloseTo(slowP(values, 1, [1, 0.75, 0.5, 0.25]), 10);
        expect(mixturePValue({ values, upper: 1 }, deltaBets)).toBeCloseTo(slowP(values, 1, [1, 0.75, 0.5, 0.25, 0.12, 0.06, 0.03]), 10);
        const planned = plannedBets(harmBets, 0.01, 0.05);
        expect(planned.map(({ fraction }) => fraction)).toEqual([0.8, 1, 0.75, 0.5, 0.25]);
        expect(mixturePValue({ values, upper: 1 }, planned)).toBeCloseTo(
          slowP(values, 1, [0.8, 1, 0.75, 0.5, 0.25], [0.5, 0.125, 0.125, 0.125, 0.125]),
          10,
        );
      }),
    );
  });

  test('never gets surer when a payoff rises', () => {
    fc.assert(
      fc.property(payoffs, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (values, at, share) => {
        const raised = values.map((x, i) => (i === at % values.length ? x + share * (1 - x) : x));
        for (const bets of [harmBets, deltaBets]) {
          expect(mixturePValue({ values: raised, upper: 1 }, bets)).toBeGreaterThanOrEqual(mixturePValue({ values, upper: 1 }, bets));
        }
      }),
    );
  });

  test('keeps its surest look', () => {
    const gambler = new MixtureTest(1);
    for (let i = 0; i < 10; i++) gambler.add(-0.5);
    const { p } = gambler;
    gambler.add(1);
    expect(gambler.p).toBe(p);
    expect(p).toBeLessThan(0.05);
  });

  test('certifies 5 % after 4.38 · 0.95 / 0.05 requests without harm, about', () => {
    const needed = (bound: number): number => {
      for (let n = 1; ; n++) if (mixturePValue({ values: new Array<number>(n).fill(-bound), upper: 1 - bound }) <= 0.05) return n;
    };
    expect(needed(0.05)).toBe(77);
    expect(needed(0.05)).toBeLessThanOrEqual((Math.log(4 / 0.05) * 0.95) / 0.05);
  });

  test('refuses payoffs above their limit, and decides where the limit is 0', () => {
    expect(() => mixturePValue({ values: [0.2, 1.1], upper: 1 })).toThrow('above its limit');
    expect(() => mixturePValue({ values: [Number.NaN], upper: 1 })).toThrow('above its limit');
    expect(mixturePValue({ values: [0, 0], upper: 0 })).toBe(1);
    expect(mixturePValue({ values: [0, -0.1], upper: 0 })).toBe(0);
    expect(mixturePValue({ values: [], upper: 1 })).toBe(1);
    expect(mixturePValue({ values: new Array<number>(100_000).fill(-1), upper: 1 })).toBeLessThan(1e-200);
  });

  test('bets in an order that depends on seed and names alone', () => {
    const keys = ['b', 'a', 'b', 'c', 'd'];
    const named = (some: readonly string[], seed: string): string[] => {
      const names = [...new Set(some)];
      return Array.from(bettingOrder(some, seed), g => names[g]!);
    };
    expect(named(keys, 's')).toEqual(named(keys.toReversed(), 's'));
    expect(named(keys, 's').toSorted()).toEqual(['a', 'b', 'c', 'd']);
    const seeds = new Set(Array.from({ length: 50 }, (_, s) => named(keys, `${s}`).join('')));
    expect(seeds.size).toBeGreaterThan(10);
  });
});

describe('Payoffs of conversations', () => {
  const clusters = clustersOf(['a', 'b', 'a', 'a', 'c']);
  const losses = [1, 0.5, 0, 1, 0];

  test('are sums of loss less bound up to the cap, and of the bound alone beyond it where later requests go to the reference', () => {
    const unclaimed = conversationPayoffs(losses, clusters, { bound: 0.1, cap: 2 });
    expect([...(unclaimed.values as Float64Array)].map(x => Number(x.toFixed(6)))).toEqual([0.8, 0.4, -0.1]);
    expect(unclaimed.upper).toBeCloseTo(1.8, 12);
    const rest = conversationPayoffs(losses, clusters, { bound: 0.1, cap: 2, beyond: 'reference' });
    expect(rest.values[0]).toBeCloseTo(0.7, 12);
    expect(rest.upper).toBeCloseTo(1.8, 12);
    const above = conversationPayoffs(losses, clusters, { bound: 0.1, cap: 2, side: 'above' });
    expect(above.values[0]).toBeCloseTo(-0.8, 12);
    expect(above.upper).toBeCloseTo(0.2, 12);
    expect(() => conversationPayoffs(losses, clusters, { bound: 0.1, cap: 2, side: 'above', beyond: 'reference' })).toThrow(
      'below the cap',
    );
  });

  test('never exceed their limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), grade), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom('unclaimed', 'reference'),
        (rows, cap, beyond) => {
          const { values, upper } = conversationPayoffs(
            rows.map(([, h]) => h),
            clustersOf(rows.map(([g]) => `${g}`)),
            { bound: 0.05, cap, beyond },
          );
          for (const x of values as Float64Array) expect(x).toBeLessThanOrEqual(upper + 1e-9);
        },
      ),
    );
  });

  test('know how many requests lie beyond the cap, and which cap leaves one in a hundred there', () => {
    expect(requestsBeyond(clusters, 2)).toBe(1);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0, 0.01, 0.1),
        (sizes, share) => {
          const all = clustersOf(sizes.flatMap((size, g) => new Array<string>(size).fill(`${g}`)));
          const allowed = share * all.of.length;
          let least = 1;
          while (requestsBeyond(all, least) > allowed + 1e-9) least++;
          expect(conversationCap(all, share)).toBe(least);
        },
      ),
    );
  });

  test('of conversation means speak of conversations', () => {
    const { values, upper } = conversationMeanPayoffs(losses, clusters, 0.1);
    expect(values[0]).toBeCloseTo(2 / 3 - 0.1, 12);
    expect(upper).toBeCloseTo(0.9, 12);
  });

  test('control the expected risk with one more conversation at its worst', () => {
    expect(conformalRiskHolds({ values: [-1, -1], upper: 2 })).toBe(true);
    expect(conformalRiskHolds({ values: [-1, -0.9], upper: 2 })).toBe(false);
  });
});

describe('Outcomes drawn with known chances', () => {
  test('are clipped as the page says', () => {
    expect(clippingOf(20, 0.03)).toEqual({ draws: 1, factor: expect.closeTo(1.3153, 3) });
    expect(clippingOf(100, 0.03)).toEqual({ draws: 3, factor: expect.closeTo(1.28, 2) });
    expect(clippingOf(1, 0.03)).toEqual({ draws: 1, factor: expect.closeTo(1, 12) });
    const cap20 = inverseChancePayoffs([], clustersOf([]), { chance: [], drawn: [], chanceMin: 0.03 }, { bound: 0.05, cap: 20 });
    expect(cap20.upper).toBeCloseTo(43.8, 1);
    const complete = inverseChancePayoffs([], clustersOf([]), { chance: [], drawn: [], chanceMin: 1 }, { bound: 0.05, cap: 20 });
    expect(complete.upper).toBeCloseTo(conversationPayoffs([], clustersOf([]), { bound: 0.05, cap: 20 }).upper, 9);
  });

  test('keep in the mean at least the loss of the conversation, by every outcome of every draw', () => {
    const chance = fc.constantFrom<number>(0.2, 0.3, 0.7, 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(chance, grade), { minLength: 1, maxLength: 6 }), fc.integer({ min: 6, max: 9 }), (rows, cap) => {
        const losses = rows.map(([, h]) => h);
        const clusters = clustersOf(rows.map(() => 'one'));
        let mean = 0;
        for (let mask = 0; mask < 2 ** rows.length; mask++) {
          const drawn = rows.map((_, i) => (mask >> i) & 1);
          const probability = rows.reduce((p, [pi], i) => p * (drawn[i] ? pi : 1 - pi), 1);
          if (probability === 0) continue;
          const { values, upper } = inverseChancePayoffs(
            losses,
            clusters,
            { chance: rows.map(([pi]) => pi), drawn, chanceMin: 0.2 },
            { bound: 0.05, cap },
          );
          expect(values[0]).toBeLessThanOrEqual(upper + 1e-9);
          mean += probability * values[0]!;
        }
        expect(mean).toBeGreaterThanOrEqual(losses.reduce((total, h) => total + h - 0.05, 0) - 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test('refuse a chance below the least, and a weight above the greatest', () => {
    const one = unclustered(1);
    expect(() => inverseChancePayoffs([0], one, { chance: [0.01], drawn: [1], chanceMin: 0.03 }, { bound: 0.05, cap: 1 })).toThrow(
      'not in',
    );
    expect(() => drawnOnlyPayoffs([0], [40], one, { bound: 0.05, cap: 1, weightMax: 33 })).toThrow('above its limit');
    expect(drawnOnlyPayoffs([1], [20], one, { bound: 0.05, cap: 1, weightMax: 33 }).upper).toBeCloseTo(0.95 * 33, 9);
  });

  test('are thinned to equal chances, the same whatever else is in the list', () => {
    const n = 40_000;
    const ids = Array.from({ length: n }, (_, i) => `r${i}`);
    const draw = randomGenerator(4);
    const chance = ids.map((_, i) => (i % 2 === 0 ? 1 : 0.2));
    const drawn = chance.map(pi => Number(draw() < pi));
    const kept = thinned(ids, { chance, drawn, chanceMin: 0.1 }, 's');
    const even = kept.filter(i => i % 2 === 0).length;
    for (const count of [even, kept.length - even]) expect(Math.abs(count - n / 20)).toBeLessThan(5 * Math.sqrt(n / 20));
    const fewer = thinned(ids.slice(100), { chance: chance.slice(100), drawn: drawn.slice(100), chanceMin: 0.1 }, 's');
    expect(Array.from(fewer, i => i + 100)).toEqual(Array.from(kept.filter(i => i >= 100)));
  });

  test('below a floor that was chosen before count as lost', () => {
    const { losses, chances } = withChanceFloor([0, 0, 1], { chance: [0.001, 0.5, 0.001], drawn: [0, 1, 0] }, [1, 1, 0], 0.01);
    expect([...losses]).toEqual([1, 0, 0]);
    expect([...(chances.chance as Float64Array)]).toEqual([1, 0.5, 1]);
    expect([...(chances.drawn as Float64Array)]).toEqual([1, 1, 1]);
  });
});

describe('The test of a mean loss', () => {
  const singles = { clusters: unclustered(200), order: Int32Array.from({ length: 200 }, (_, i) => i), cap: 1 };
  const none = new Float64Array(200);
  const half = { chance: new Float64Array(200).fill(0.5), drawn: new Float64Array(200).fill(1), chanceMin: 0.5 };
  const ids = Array.from(none, (_, i) => `r${i}`);
  const pairs = {
    ...singles,
    clusters: clustersOf(Array.from(none, (_, i) => `${i >> 1}`)),
    order: Int32Array.from({ length: 100 }, (_, i) => i),
    cap: 2,
  };

  test('takes the binomial only for independent requests with yes or no and equal chances', () => {
    const method = (sample: Parameters<typeof meanLossTest>[0], binary = true, loss: 'harm' | 'net' = 'harm'): string =>
      meanLossTest(sample, { loss, binary }).method;
    expect(method(singles)).toBe('exact binomial');
    expect(method(singles, false)).toBe('betting on requests');
    expect(method(singles, true, 'net')).toBe('betting on requests');
    expect(method({ ...singles, chances: half })).toBe('betting on inverse-chance requests');
    expect(method({ ...singles, chances: half, thin: { ids, seed: 's' } })).toBe('exact binomial on thinned requests');
    expect(method(pairs)).toBe('betting on conversations');
    expect(method({ ...pairs, unit: 'conversation' })).toBe('betting on conversation means');
    expect(method({ ...pairs, chances: half, thin: { ids, seed: 's' } })).toBe('betting on clipped inverse-chance conversations');
    expect(method({ ...pairs, chances: half }, true, 'net')).toBe('betting on inverse-chance conversations');
    expect(() => method({ ...pairs, chances: half, unit: 'conversation' })).toThrow('claims about requests');
  });

  test('has the p-values of its parts', () => {
    expect(meanLossTest(singles, { loss: 'harm', binary: true }).p(none, 0.05)).toBeCloseTo(0.95 ** 200, 12);
    expect(meanLossTest(singles, { loss: 'harm', binary: true }).p(none, 1)).toBe(0);
    expect(() => meanLossTest(singles, { loss: 'harm', binary: true }).p(new Float64Array(200).fill(0.5), 0.05)).toThrow('0 and 1');
    const conversations = meanLossTest(pairs, { loss: 'harm', binary: true });
    expect(conversations.p(none, 0.05)).toBeCloseTo(slowP(new Array<number>(100).fill(-0.1), 1.9, [1, 0.75, 0.5, 0.25]), 12);
    const thin = meanLossTest(
      { ...singles, chances: { ...half, chanceMin: 0.25 }, thin: { ids, seed: 's' } },
      { loss: 'harm', binary: true },
    );
    expect(thin.p(none, 0.05)).toBeCloseTo(0.95 ** thin.requests, 12);
    expect(thin.requests).toBeLessThan(140);
    expect(thin.leastP(0.05)).toBe(thin.p(none, 0.05));
  });
});

describe('Missing outcomes', () => {
  test('count against the claim that is made', () => {
    expect([harmOf(Number.NaN, 0.4, 'worst'), harmOf(0.7, Number.NaN, 'worst'), harmOf(Number.NaN, Number.NaN, 'worst')]).toEqual([
      0.6, 0.7, 1,
    ]);
    expect([harmOf(Number.NaN, 0.4, 'best'), harmOf(0.7, Number.NaN, 'best'), harmOf(Number.NaN, Number.NaN, 'best')]).toEqual([0, 0, 0]);
    expect([netLossOf(Number.NaN, Number.NaN, 'worst'), netLossOf(Number.NaN, Number.NaN, 'best')]).toEqual([1, -1]);
  });

  test('never make a harm smaller than whatever they are would', () => {
    const some = fc.oneof(grade, fc.constant(Number.NaN));
    fc.assert(
      fc.property(some, some, grade, grade, (r, c, rTrue, cTrue) => {
        const [reference, candidate] = [Number.isNaN(r) ? rTrue : r, Number.isNaN(c) ? cTrue : c];
        const harm = Math.max(0, reference - candidate);
        expect(harmOf(r, c, 'worst')).toBeGreaterThanOrEqual(harm);
        expect(harmOf(r, c, 'best')).toBeLessThanOrEqual(harm);
        expect(netLossOf(r, c, 'worst')).toBeGreaterThanOrEqual(reference - candidate);
        expect(netLossOf(r, c, 'best')).toBeLessThanOrEqual(reference - candidate);
      }),
    );
  });
});

describe('A bounded mean', () => {
  test('has an interval whose ends its tests reject and whose inside they do not', () => {
    const draw = randomGenerator(5);
    const values = Array.from({ length: 300 }, () => Number(draw() < 0.2));
    const clusters = clustersOf(values.map((_, i) => `${i >> 1}`));
    const inference = betInference(values, clusters, { from: 0, to: 1, cap: 2 });
    const { value, low, high } = inference.interval(0.95);
    expect(value).toBeCloseTo(values.reduce((a, b) => a + b, 0) / 300, 12);
    expect(low).toBeGreaterThan(0.05);
    expect(high).toBeLessThan(0.4);
    expect(inference.pValueBelow(high)).toBeLessThanOrEqual(0.025);
    expect(inference.pValueBelow(high - 1e-6)).toBeGreaterThan(0.025);
    expect(inference.pValueAbove(low)).toBeLessThanOrEqual(0.025);
    expect(inference.pValueAbove(low + 1e-6)).toBeGreaterThan(0.025);
    const mirrored = betInference(
      values.map(x => -x),
      clusters,
      { from: -1, to: 0, cap: 2 },
    ).interval(0.95);
    expect([-mirrored.high, -mirrored.low]).toEqual([expect.closeTo(low, 9), expect.closeTo(high, 9)]);
  });

  test('without a ceiling has no upper end', () => {
    const money = betInference(new Array<number>(500).fill(3), unclustered(500), { from: 0, to: Number.POSITIVE_INFINITY, cap: 1 });
    expect(money.interval(0.95).high).toBe(Number.POSITIVE_INFINITY);
    expect(money.pValueBelow(100)).toBe(1);
    expect(money.interval(0.95).low).toBeGreaterThan(2);
  });

  test('with numbers missing reaches from the best case to the worst', () => {
    const [best, worst] = [0, 1].map(filled =>
      betInference([...new Array<number>(300).fill(0), ...new Array<number>(30).fill(filled)], unclustered(330), {
        from: 0,
        to: 1,
        cap: 1,
      }),
    );
    const { low, high } = boundedInterval(best!, worst!, 0.95);
    expect(low).toBe(0);
    expect(high).toBe(worst!.interval(0.95).high);
  });
});

describe('Harm beyond noise', () => {
  test('has the mean p (p - q), by every outcome', () => {
    const mean = (p: number, q: number, z: (r: number, repeated: number, c: number) => number): number =>
      [0, 1]
        .flatMap(r =>
          [0, 1].flatMap(repeated => [0, 1].map(c => (r ? p : 1 - p) * (repeated ? p : 1 - p) * (c ? q : 1 - q) * z(r, repeated, c))),
        )
        .reduce((a, b) => a + b);
    expect(mean(0.9, 0.7, (r, repeated, c) => harmBeyondNoise([r], [repeated], [c])[0]!)).toBeCloseTo(0.18, 12);
    const drawnOrNot = (r: number, repeated: number, c: number): number =>
      0.25 * harmBeyondDrawnNoise([r], [c], [repeated], { chance: [0.25], drawn: [1] })[0]! +
      0.75 * harmBeyondDrawnNoise([r], [c], [Number.NaN], { chance: [0.25], drawn: [0] })[0]!;
    expect(mean(0.9, 0.7, drawnOrNot)).toBeCloseTo(0.18, 12);
    fc.assert(
      fc.property(grade, grade, grade, (r, repeated, c) => {
        const z = harmBeyondNoise([r], [repeated], [c])[0]!;
        expect(z).toBeGreaterThanOrEqual(harmBeyondNoiseRange.from);
        expect(z).toBeLessThanOrEqual(harmBeyondNoiseRange.to);
      }),
    );
  });

  test('of repeats without a difference is bounded by three in m', () => {
    expect(flipsMax(100)).toBeCloseTo(0.0295, 4);
    expect(flipsMax(0)).toBe(1);
  });
});

describe('A watch', () => {
  test('starts with the capital 1 and follows its recursion', () => {
    const options = { stakes: [1, 4], alpha: 0.05, startsEvery: 2 };
    const g = (j: number): number => 1 / (1 + Math.log(j));
    const xs = [0.95, -0.05, 0.95];
    let state = alarmStart(options);
    expect(state.evidence).toBe(1);
    for (const x of xs) state = alarmNext(options, state, x);
    // Written out by start: each start's capital is its weight times the product of what came after it.
    const of = (stake: number): number =>
      (g(1) - g(2)) * xs.reduce((p, x) => p * (1 + stake * x), 1) + (g(2) - g(3)) * (1 + stake * xs[2]!);
    expect(state.evidence).toBeCloseTo((of(1) + of(4)) / 2 + g(3), 12);
    expect(state).toEqual(JSON.parse(JSON.stringify(state)));
  });

  test('stays raised once raised, and refuses what it was not made for', () => {
    const options = requestAlarm(0.05, 0.05);
    expect(options.stakes).toEqual([0.5, 1, 2, 4, 8]);
    expect(requestAlarm(0.2, 0.05).stakes).toEqual([0.5, 1, 2, 4]);
    let state = alarmStart(options);
    for (let i = 0; i < 10; i++) state = alarmNext(options, state, 0.95);
    for (let i = 0; i < 500; i++) state = alarmNext(options, state, -0.05);
    expect(isAlarmed(options, state)).toBe(true);
    expect(state.evidence).toBeLessThan(20);
    const conversations = conversationAlarm(0.05, 0.05, 0.3, 20);
    expect(Math.max(...conversations.stakes)).toBeLessThan(1);
    expect(() => alarmNext(conversations, alarmStart(conversations), -0.05 * 2000)).toThrow('below -1/');
  });

  test('spends its errors over all renewals', () => {
    let spent = 0;
    for (let k = 1; k <= 100_000; k++) spent += renewalDelta(0.05, k);
    expect(spent).toBeLessThan(0.05);
    expect(spent).toBeCloseTo(0.05, 5);
  });
});

describe('Other traffic', () => {
  test('is reached by keeping requests in proportion to a known ratio', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `r${i}`);
    const ratios = ids.map((_, i) => (i % 10 === 0 ? 5 : 5 / 9));
    const kept = reshaped(ids, ratios, 5, 's');
    const rare = kept.filter(i => i % 10 === 0).length;
    expect(rare).toBe(2_000);
    expect(Math.abs(kept.length - 4_000)).toBeLessThan(5 * Math.sqrt(2_000));
    expect(() => reshaped(['a'], [6], 5, 's')).toThrow('above its limit');
  });

  test('takes the next unused request of each stratum until one runs out', () => {
    expect([...matchedByStratum(['a', 'b', 'a', 'b'], ['b', 'a', 'a', 'a', 'b'])]).toEqual([1, 0, 2]);
    expect([...matchedByStratum(['a'], ['c'])]).toEqual([]);
  });
});
