/** Decisions that are looked at every 25 units, watches, and gates between a noisy model and itself. */
import {
  type AlarmOptions,
  alarmNext,
  alarmStart,
  betInference,
  conversationAlarm,
  guardedInference,
  harmBets,
  harmBeyondNoise,
  harmBeyondNoiseRange,
  type Inference,
  isAlarmed,
  meanInference,
  pairedQuantileDifference,
  type Random,
  requestAlarm,
  tabulate,
  unclustered,
} from '../../statistics/index.ts';
import type { Guarantee } from './guarantee.ts';
import { bernoulli, clustersOfSizes, lognormal, shortSizes } from './populations.ts';

const side = 0.025;
const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

/** Once rejected a bet stays rejected, so the last look shows them all. */
function boundedLooks(
  generator: string,
  bound: number,
  range: readonly [number, number],
  one: (draw: Random) => number,
): readonly Guarantee[] {
  const inference = (draw: Random): Inference => {
    const values = tabulate(2_000, () => one(draw));
    const betsBelow = range[0] === 0 ? { betsBelow: harmBets } : {};
    return betInference(values, unclustered(2_000), { from: range[0], to: range[1], cap: 1, ...betsBelow });
  };
  const shared = { generator: `${generator}, every look to 2000`, kind: 'false at most', nominal: side, shortRuns: 60 } as const;
  return [
    { ...shared, claim: 'PASS, truth on the bound', run: draw => inference(draw).pValueBelow(bound) <= side },
    { ...shared, claim: 'FAIL, truth on the bound', run: draw => inference(draw).pValueAbove(bound) <= side },
  ];
}

const discordant =
  (loss: number, gain: number) =>
  (draw: Random): number => {
    const u = draw();
    return u < loss ? 1 : u < loss + gain ? -1 : 0;
  };

export type MoneySequence = (values: Float64Array) => Inference;
export const guarded: MoneySequence = values => guardedInference(values, ones(values.length));
export function moneyLooks(sequence: MoneySequence = guarded): readonly Guarantee[] {
  const every = (
    generator: string,
    truth: number,
    kind: Guarantee['kind'],
    one: (draw: Random) => number,
    shortRuns?: number,
  ): readonly Guarantee[] => {
    const first = (draw: Random, isSure: (inference: Inference) => boolean): boolean => {
      const values = tabulate(4_000, () => one(draw));
      for (let n = 25; n <= 4_000; n += 25) if (isSure(sequence(values.subarray(0, n)))) return true;
      return false;
    };
    const shared = {
      generator: `${generator}, looks every 25 to 4000`,
      kind,
      nominal: side,
      runs: 600,
      ...(shortRuns && { shortRuns }),
    } as const;
    return [
      { ...shared, claim: 'PASS below the true mean', run: draw => first(draw, inference => inference.pValueBelow(truth) <= side) },
      {
        ...shared,
        shortRuns: 0,
        claim: 'FAIL above the true mean',
        run: draw => first(draw, inference => inference.pValueAbove(truth) <= side),
      },
    ];
  };
  const mean = (sigma: number): number => Math.exp(sigma ** 2 / 2);
  return [
    ...every('cost value, lognormal 1.2', mean(1.2), 'false at most', draw => lognormal(draw, 1.2), 20),
    ...every('cost delta, 10 % dearer by 9', 0.9, 'false at most', draw => 9 * bernoulli(draw, 0.1)),
    ...every('cost delta, paired lognormals 1.2', 0, 'false at most', draw => lognormal(draw, 1.2) - lognormal(draw, 1.2)),
    ...every('cost value, lognormal 0.6', mean(0.6), 'false at most', draw => lognormal(draw, 0.6)),
    ...every('cost value, exponential', 1, 'false at most', draw => -Math.log(1 - draw())),
    ...every('cost delta, 5 % dearer by 19', 0.95, 'told', draw => 19 * bernoulli(draw, 0.05)),
    ...every('cost delta, 1 % dearer by 99', 0.99, 'told', draw => 99 * bernoulli(draw, 0.01)),
    ...every('cost value, lognormal 1.8', mean(1.8), 'told', draw => lognormal(draw, 1.8)),
  ];
}

/** A ceiling that is known makes the sequence exact. */
const ceiling: Guarantee = {
  generator: 'cost value, lognormal 1.2 cut at 20 times its mean, every look to 2000',
  claim: 'PASS below the true mean (betting under the ceiling)',
  ...{ kind: 'false at most', nominal: side },
  run: draw => {
    const most = 20 * Math.exp(0.72);
    const values = tabulate(2_000, () => Math.min(most, lognormal(draw, 1.2)));
    return betInference(values, unclustered(2_000), { from: 0, to: most, cap: 1 }).pValueBelow(cutMean) <= side;
  },
};
const cutMean = cutLognormalMean(1.2, 20 * Math.exp(0.72));
function cutLognormalMean(sigma: number, most: number): number {
  // By the midpoint rule over the normal.
  const steps = 200_000;
  let total = 0;
  for (let k = 0; k < steps; k++) {
    const z = -9 + (18 * (k + 0.5)) / steps;
    total += (Math.min(most, Math.exp(sigma * z)) * Math.exp((-z * z) / 2) * 18) / steps / Math.sqrt(2 * Math.PI);
  }
  return total;
}

/** A model that is right 94 % of the time, against itself. */
function sameModel(): readonly Guarantee[] {
  const n = 800;
  const shared = {
    generator: 'a model right in 94 % against itself, 800 requests',
    kind: 'false at most',
    nominal: side,
    shortRuns: 40,
  } as const;
  const right = (draw: Random): Float64Array => tabulate(n, () => bernoulli(draw, 0.94));
  const costs = (draw: Random): Float64Array => tabulate(n, () => lognormal(draw, 0.8));
  const every = { weights: ones(n), keys: Array.from({ length: n }, (_, i) => `${i}`) };
  return [
    {
      ...shared,
      claim: 'FAIL of harm beyond noise ≤ 0 %',
      run: draw => {
        const z = harmBeyondNoise(right(draw), right(draw), right(draw));
        return betInference(z, unclustered(n), { ...harmBeyondNoiseRange, cap: 1 }).pValueAbove(0) <= side;
      },
    },
    {
      ...shared,
      claim: 'FAIL of raw harm ≤ 2 % (why no A/A arm makes it inconclusive)',
      ...{ kind: 'told', runs: 300 },
      run: draw => {
        const [a, b] = [right(draw), right(draw)];
        return (
          betInference(
            a.map((x, i) => Math.max(0, x - b[i]!)),
            unclustered(n),
            { from: 0, to: 1, cap: 1 },
          ).pValueAbove(0.02) <= side
        );
      },
    },
    {
      ...shared,
      claim: 'FAIL of quality delta ≥ 0',
      run: draw => {
        const [a, b] = [right(draw), right(draw)];
        return (
          betInference(
            a.map((x, i) => x - b[i]!),
            unclustered(n),
            { from: -1, to: 1, cap: 1 },
          ).pValueBelow(0) <= side
        );
      },
    },
    {
      ...shared,
      claim: 'FAIL of cost delta ≤ 0',
      run: draw => {
        const [a, b] = [costs(draw), costs(draw)];
        return (
          meanInference(
            a.map((x, i) => x - b[i]!),
            unclustered(n),
          ).pValueAbove(0) <= side
        );
      },
    },
    {
      ...shared,
      claim: 'FAIL of latency p95 delta ≤ 0',
      ...{ runs: 500, shortRuns: 0 },
      run: draw => pairedQuantileDifference(costs(draw), costs(draw), every, 0.95).low > 0,
    },
  ];
}

function alarmed(options: AlarmOptions, payoffs: Iterable<number>): boolean {
  let state = alarmStart(options);
  for (const payoff of payoffs) {
    state = alarmNext(options, state, payoff);
    if (isAlarmed(options, state)) return true;
  }
  return false;
}

function* each(count: number, of: (k: number) => number): Iterable<number> {
  for (let k = 0; k < count; k++) yield of(k);
}

function watches(): readonly Guarantee[] {
  const shared = { kind: 'false at most', nominal: 0.05, runs: 600 } as const;
  const requests = requestAlarm(0.05, 0.05);
  const conversations = conversationAlarm(0.05, 0.05, 0.3, 20);
  return [
    {
      ...shared,
      ...{ generator: '4000 audited requests, harm on the bound', claim: 'alarm ever (starts every 50)', shortRuns: 30 },
      run: draw =>
        alarmed(
          requests,
          each(4_000, () => bernoulli(draw, 0.05) - 0.05),
        ),
    },
    {
      ...shared,
      ...{ generator: '4000 audited requests, harm 2/8 % in turns of 200', claim: 'alarm ever, of the average (single start)' },
      run: draw =>
        alarmed(
          { ...requests, startsEvery: 0 },
          each(4_000, k => bernoulli(draw, Math.floor(k / 200) % 2 === 0 ? 0.02 : 0.08) - 0.05),
        ),
    },
    {
      ...shared,
      ...{
        generator: '2000 conversations of at most 20, one fate each, audits 0.3, on the bound',
        claim: 'alarm ever (sums of conversations)',
      },
      run: draw => {
        const sizes = shortSizes(draw, 2_000);
        return alarmed(
          conversations,
          each(2_000, g => {
            const isHarmed = draw() < 0.05;
            let sum = -0.05 * sizes[g]!;
            for (let i = 0; i < sizes[g]!; i++) if (draw() < 0.3 && isHarmed) sum += 1 / 0.3;
            return sum;
          }),
        );
      },
    },
    {
      ...shared,
      ...{
        generator: '1000 audited requests, harm 20 % after 300 of 1 %',
        claim: 'alarm',
        kind: 'decides at least',
        nominal: 0.95,
        shortRuns: 30,
      },
      run: draw =>
        alarmed(
          requests,
          each(1_000, k => bernoulli(draw, k < 300 ? 0.01 : 0.2) - 0.05),
        ),
    },
  ];
}

/** Costs per request over conversations of unequal sizes. */
const clusteredMoney: Guarantee = {
  generator: '4000 conversations of mean 4, one price level each, looks every 25',
  claim: 'PASS below the true cost per request',
  ...{ kind: 'false at most', nominal: side, runs: 600 },
  run: draw => {
    const sizes = shortSizes(draw, 4_000);
    const sums = sizes.map(size => size * lognormal(draw, 1.2));
    for (let n = 25; n <= 4_000; n += 25) {
      if (guardedInference(sums.subarray(0, n), sizes.subarray(0, n)).pValueBelow(Math.exp(0.72)) <= side) return true;
    }
    return false;
  },
};

/** Quality per request over conversations of one fate. */
const clusteredQuality: Guarantee = {
  generator: '1000 conversations of mean 4, one fate each, every look',
  claim: 'FAIL, quality on the bound of 90 %',
  ...{ kind: 'false at most', nominal: side },
  run: draw => {
    const clusters = clustersOfSizes(shortSizes(draw, 1_000));
    const fate = tabulate(1_000, () => bernoulli(draw, 0.9));
    const values = tabulate(clusters.of.length, i => fate[clusters.of[i]!]!);
    return betInference(values, clusters, { from: 0, to: 1, cap: 20 }).pValueBelow(0.9) <= side;
  },
};

export const lookGuarantees = (): readonly Guarantee[] => [
  ...boundedLooks('harm 2 %', 0.02, [0, 1], draw => bernoulli(draw, 0.02)),
  ...boundedLooks('quality delta of loss 3 %, gain 2 %', 0.01, [-1, 1], discordant(0.03, 0.02)),
  ...boundedLooks('quality delta of loss 6 %, gain 5 %', 0.01, [-1, 1], discordant(0.06, 0.05)),
  ...boundedLooks('quality delta of loss 1 %, no gain', 0.01, [-1, 1], discordant(0.01, 0)),
  ...moneyLooks(),
  ...[ceiling, clusteredMoney, clusteredQuality],
  ...sameModel(),
  ...watches(),
];
