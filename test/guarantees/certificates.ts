/** Certificates: how often a bound on harm is claimed that does not hold. */
import {
  augmentedPayoffs,
  binomialPValueBelow,
  type Clusters,
  conformalRiskHolds,
  conversationPayoffs,
  deltaBets,
  drawnOnlyPayoffs,
  fixedSequence,
  harmBets,
  harmOf,
  matchedByStratum,
  meanLossTest,
  mixturePValue,
  type Numbers,
  plannedBets,
  type Random,
  randomInteger,
  renewalDelta,
  tabulate,
  unclustered,
  withChanceFloor,
} from '../../statistics/index.ts';
import type { Guarantee } from './guarantee.ts';
import { allOrNothing, bernoulli, clustersOfSizes, harmAt, longAndHard, shortSizes } from './populations.ts';

export const delta = 0.05;
export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

export const identity = (count: number): Int32Array => Int32Array.from({ length: count }, (_, g) => g);

/** Whether a bound per request is claimed of conversations; the construction is a parameter so that wrong ones can be planted. */
export type ConversationClaim = (losses: Numbers, clusters: Clusters, bound: number, cap: number) => boolean;

export const claimBySums: ConversationClaim = (losses, clusters, bound, cap) =>
  mixturePValue(conversationPayoffs(losses, clusters, { bound, cap }), harmBets) <= delta;

export function conversationGuarantees(claims: ConversationClaim = claimBySums): readonly Guarantee[] {
  const long = (count: number, bound: number, whole: boolean, shortRuns?: number): Guarantee => ({
    generator: `${count} conversations, 3 % of them long and hard, harm ${whole ? 'all or nothing' : 'by request'}`,
    claim: `harm per request ≤ ${percent(bound)}`,
    ...{ kind: 'false at most', nominal: delta, ...(shortRuns && { shortRuns }) },
    run: draw => {
      const { losses, clusters } = longAndHard(draw, count, bound, whole);
      return claims(losses, clusters, bound, 100);
    },
  });
  return [
    long(600, 0.02, true, 60),
    long(600, 0.05, false),
    long(3_000, 0.05, false),
    long(3_000, 0.05, true),
    long(3_000, 0.02, true),
    {
      generator: '600 conversations of 20 requests, harm all or nothing',
      claim: 'harm per request ≤ 5 %',
      ...{ kind: 'false at most', nominal: delta, runs: 2_000, shortRuns: 100 },
      run: draw => {
        const { losses, clusters } = allOrNothing(draw, 600, 0.05, 20);
        return claims(losses, clusters, 0.05, 20);
      },
    },
    {
      generator: '600 conversations, sizes independent of harm, one fate each',
      claim: 'harm per request ≤ 5 %',
      ...{ kind: 'false at most', nominal: delta },
      run: draw => {
        const clusters = clustersOfSizes(shortSizes(draw, 600));
        const fate = tabulate(600, () => bernoulli(draw, 0.05));
        return claims(
          tabulate(clusters.of.length, i => fate[clusters.of[i]!]!),
          clusters,
          0.05,
          20,
        );
      },
    },
    {
      generator: '600 conversations of mean 4, true harm 1 %',
      claim: 'harm per request ≤ 5 % is shown',
      ...{ kind: 'decides at least', nominal: 0.6, shortRuns: 60 },
      run: draw => {
        const clusters = clustersOfSizes(shortSizes(draw, 600));
        return claims(
          tabulate(clusters.of.length, () => bernoulli(draw, 0.01)),
          clusters,
          0.05,
          20,
        );
      },
    },
  ];
}

/** The p-value of "the harm is at most the bound" from the drawn rows alone; `weightMax` is what the configuration can give. */
export type WeightedTest = (losses: Float64Array, weights: Float64Array, bound: number, weightMax: number) => number;

export const byConfiguredWeights: WeightedTest = (losses, weights, bound, weightMax) =>
  mixturePValue(drawnOnlyPayoffs(losses, weights, unclustered(losses.length), { bound, cap: 1, weightMax }), harmBets);

/** All harm is in the 5 % of the requests that are rarely drawn. */
export function weightGuarantees(test: WeightedTest = byConfiguredWeights): readonly Guarantee[] {
  const strata = (rare: number, often: number, count: number, shortRuns?: number): Guarantee => ({
    generator: `${count} requests, 5 % drawn with ${rare} and all harmed, the rest with ${often}`,
    claim: 'harm ≤ 5 % (drawn rows alone)',
    ...{ kind: 'false at most', nominal: delta, ...(shortRuns && { shortRuns }) },
    run: draw => {
      const rows: { loss: number; weight: number }[] = [];
      for (let i = 0; i < count; i++) {
        const isRare = draw() < 0.05;
        const chance = isRare ? rare : often;
        if (draw() < chance) rows.push({ loss: Number(isRare), weight: 1 / chance });
      }
      const p = test(
        Float64Array.from(rows, r => r.loss),
        Float64Array.from(rows, r => r.weight),
        0.05,
        1 / Math.min(rare, often),
      );
      return p <= delta;
    },
  });
  return [
    strata(0.0002, 1, 5_000, 40),
    strata(0.001, 0.5, 5_000),
    strata(0.003, 0.2, 20_000),
    {
      ...strata(0.2, 0.2, 5_000),
      generator: '5000 requests drawn with 0.2, harm 5 %',
    },
    {
      generator: '4000 requests with chances U³, harm where they are small',
      claim: 'harm ≤ 5 % (chances below a floor of 0.001 count as lost)',
      ...{ kind: 'false at most', nominal: delta },
      run: draw => {
        const raw = tabulate(4_000, () => draw() ** 3);
        const drawn = tabulate(4_000, i => bernoulli(draw, raw[i]!));
        const harm = tabulate(4_000, i => Number(raw[i]! < 0.05 ** 3));
        const { losses, chances } = withChanceFloor(harm, { chance: raw, drawn }, new Float64Array(4_000).fill(1), 0.001);
        const sample = { clusters: unclustered(4_000), order: identity(4_000), cap: 1, chances };
        return meanLossTest(sample, { loss: 'harm', binary: false }).p(losses, 0.05) <= delta;
      },
    },
  ];
}

/** Reference always right, candidate wrong in 5 %; of the wrong answers `wrong` have no label, of the right ones `right`. */
const missingGuarantee = (label: string, wrong: number, right: number, kind: Guarantee['kind'], worst: boolean): Guarantee => ({
  generator: `800 requests, harm 5 %, labels missing ${label}`,
  claim: worst ? 'harm ≤ 5 % (missing counts as worst)' : 'not a claim: what complete cases would certify falsely',
  ...{ kind, nominal: delta },
  run: draw => {
    const losses: number[] = [];
    for (let i = 0; i < 800; i++) {
      const quality = 1 - bernoulli(draw, 0.05);
      const isMissing = draw() < (quality === 1 ? right : wrong);
      if (!isMissing || worst) losses.push(harmOf(1, isMissing ? Number.NaN : quality, 'worst'));
    }
    return (
      binomialPValueBelow(
        losses.reduce((a, b) => a + b, 0),
        losses.length,
        0.05,
      ) <= delta
    );
  },
});

/** Three targets: net loss, candidates in an order that tuning data chose, each tested at δ until the first failure. */
function fixedSequenceRun(draw: Random): boolean {
  const truths = [0, 0.01, 0.02, 0.03].map(x => x + 0.0001);
  const noisy = truths.map(t => ({ t, tuned: t + 0.01 * (draw() - 0.5) })).sort((a, b) => a.tuned - b.tuned);
  const bound = truths[2]!;
  const clusters = unclustered(1_500);
  const ps = noisy.map(({ t }) => {
    const losses = tabulate(1_500, () => {
      const u = draw();
      return u < 0.06 + t ? 1 : u < 0.12 + t ? -1 : 0;
    });
    return mixturePValue(conversationPayoffs(losses, clusters, { bound, cap: 1, from: -1 }), deltaBets);
  });
  return noisy.slice(0, fixedSequence(ps, delta)).some(({ t }) => t >= bound);
}

export function otherCertificates(): readonly Guarantee[] {
  return [
    missingGuarantee('at random (30 %)', 0.3, 0.3, 'false at most', true),
    { ...missingGuarantee('where wrong (60 % against 2 %)', 0.6, 0.02, 'false at most', true), shortRuns: 200 },
    missingGuarantee('where wrong (60 % against 2 %)', 0.6, 0.02, 'told', false),
    {
      generator: 'three targets, 1500 requests, order from tuning data',
      claim: 'net loss ≤ bound of each that is certified',
      ...{ kind: 'false at most', nominal: delta },
      run: fixedSequenceRun,
    },
    {
      generator: '4000 requests, audits 0.1, predictions 40 % too low and fixed before',
      claim: 'harm ≤ 5 % (augmented payoffs)',
      ...{ kind: 'false at most', nominal: delta },
      run: draw => {
        const p = tabulate(4_000, () => 0.1 * draw());
        const drawn = tabulate(4_000, () => bernoulli(draw, 0.1));
        const chances = { chance: new Float64Array(4_000).fill(0.1), drawn, chanceMin: 0.1 };
        const losses = p.map(x => bernoulli(draw, x));
        return (
          mixturePValue(
            augmentedPayoffs(
              losses,
              p.map(x => 0.6 * x),
              unclustered(4_000),
              chances,
              { bound: 0.05, cap: 1 },
            ),
          ) <= delta
        );
      },
    },
    {
      generator: '800 requests, harm 5 %, half the capital planned on a tuning split',
      claim: 'harm ≤ 5 % (planned bets)',
      ...{ kind: 'false at most', nominal: delta, runs: 2_000 },
      run: draw => {
        const tuned = tabulate(100, () => bernoulli(draw, 0.05)).reduce((a, b) => a + b / 100, 0);
        const losses = tabulate(800, () => bernoulli(draw, 0.05));
        return (
          mixturePValue(conversationPayoffs(losses, unclustered(800), { bound: 0.05, cap: 1 }), plannedBets(harmBets, tuned, 0.05)) <= delta
        );
      },
    },
    {
      generator: '10 windows of 400 requests, harm on the bound',
      claim: 'no renewal ever false (δ / k(k+1))',
      ...{ kind: 'false at most', nominal: delta },
      run: draw =>
        Array.from({ length: 10 }, (_, k) => {
          const harms = tabulate(400, () => bernoulli(draw, 0.05)).reduce((a, b) => a + b, 0);
          return binomialPValueBelow(harms, 400, 0.05) <= renewalDelta(delta, k + 1);
        }).some(Boolean),
    },
    {
      generator: '2000 recorded requests of strata .9/.1, new traffic .5/.5, harm 0/10 %',
      claim: 'harm on new traffic ≤ 5 % (matched by stratum)',
      ...{ kind: 'false at most', nominal: delta },
      run: draw => {
        const strata = Array.from({ length: 2_000 }, () => (draw() < 0.9 ? 'a' : 'b'));
        const losses = strata.map(s => (s === 'b' ? bernoulli(draw, 0.1) : 0));
        const matched = matchedByStratum(
          strata,
          Array.from({ length: 4_000 }, () => (draw() < 0.5 ? 'a' : 'b')),
        );
        return (
          binomialPValueBelow(
            matched.reduce((total, i) => total + losses[i]!, 0),
            matched.length,
            0.05,
          ) <= delta
        );
      },
    },
    {
      // Half the thresholds' harm is above the bound; what is drawn next counts, so the event is the harm itself, at most 10 % on average.
      generator: '400 conversations of mean 4, one fate each, then one more',
      claim: 'harm of the next conversation’s requests ≤ 10 % on average (risk control)',
      ...{ kind: 'false at most', nominal: 0.1, runs: 2_000 },
      run: nextRequestHarmed,
    },
  ];
}

/** Accepts from the lowest threshold that risk control allows; whether a request of the next conversation, drawn by size, is harmed. */
function nextRequestHarmed(draw: Random): boolean {
  const p = harmAt('informative', 0.1);
  const clusters = clustersOfSizes(shortSizes(draw, 400));
  const n = clusters.of.length;
  const fate = tabulate(400, () => draw());
  const scores = tabulate(n, () => randomInteger(draw, 100));
  let allowed = 100;
  for (let threshold = 99; threshold >= 0; threshold--) {
    const losses = tabulate(n, i => Number(scores[i]! >= threshold && fate[clusters.of[i]!]! < p[scores[i]!]!));
    if (!conformalRiskHolds(conversationPayoffs(losses, clusters, { bound: 0.1, cap: 20 }))) break;
    allowed = threshold;
  }
  const score = randomInteger(draw, 100);
  return score >= allowed && draw() < p[score]!;
}
