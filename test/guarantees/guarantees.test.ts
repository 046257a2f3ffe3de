/** The short form of `npm run guarantees`: few data sets of each kind; and that wrong constructions, once planted, are found. */
import { describe, expect, test } from 'vitest';
import {
  bettingPValue,
  binomialPValueBelow,
  conversationMeanPayoffs,
  deltaBets,
  harmBets,
  mixturePValue,
  reweightedLosses,
} from '../../statistics/index.ts';
import { guarantees } from './all.ts';
import { byCompleteCases, cascadeGuarantee } from './cascades.ts';
import { type ConversationClaim, conversationGuarantees, type WeightedTest, weightGuarantees } from './certificates.ts';
import { type Guarantee, measure } from './guarantee.ts';
import { auditGuarantees, poweredAlways } from './intervals.ts';
import { moneyLooks, unguarded } from './looks.ts';

const short = (all: readonly Guarantee[]): readonly Guarantee[] => all.filter(({ shortRuns }) => shortRuns !== undefined && shortRuns > 0);
const nameOf = ({ generator, claim }: Guarantee): string => `${generator}: ${claim}`;
const kept = (guarantee: Guarantee): boolean => measure(guarantee, guarantee.shortRuns!).isKept;

describe('A promise is kept', () => {
  test.each(short(guarantees).map(guarantee => [nameOf(guarantee), guarantee] as const))('%s', (_name, guarantee) => {
    expect(kept(guarantee)).toBe(true);
  });

  test('by every kind of generator', () => {
    expect(short(guarantees).length).toBeGreaterThan(20);
    expect(new Set(guarantees.map(nameOf)).size).toBe(guarantees.length);
  });
});

describe('A promise is found broken', () => {
  const broken = (guarantees: readonly Guarantee[]): boolean => short(guarantees).some(guarantee => !kept(guarantee));

  test('when conversations are bet on by their means', () => {
    const byMeans: ConversationClaim = (losses, clusters, bound) =>
      mixturePValue(conversationMeanPayoffs(losses, clusters, bound), harmBets) <= 0.05;
    expect(broken(conversationGuarantees(byMeans))).toBe(true);
  });

  test('when they are bet on request by request', () => {
    const byRequest: ConversationClaim = (losses, _clusters, bound) => bettingPValue(losses, bound) <= 0.05;
    expect(broken(conversationGuarantees(byRequest))).toBe(true);
  });

  test('when the limit of a payoff is the largest weight that was drawn', () => {
    const byDrawnWeights: WeightedTest = (losses, weights, bound) => bettingPValue(reweightedLosses(losses, weights, bound), bound);
    expect(broken(weightGuarantees(byDrawnWeights))).toBe(true);
    const byBinomial: WeightedTest = (losses, weights, bound) =>
      weights.every(w => w === weights[0])
        ? binomialPValueBelow(
            losses.reduce((a, b) => a + b, 0),
            losses.length,
            bound,
          )
        : 1;
    expect(broken(weightGuarantees(byBinomial))).toBe(true);
  });

  test('when a cascade is certified by complete cases', () => {
    const options = { bound: 0.05, deployed: 29, unit: 'request', confidence: 'informative', rho: 0.1, count: 2_000 } as const;
    expect(broken([cascadeGuarantee(options, 'complete cases', byCompleteCases, { shortRuns: 20 })])).toBe(true);
  });

  test('when money is looked at from the second unit on', () => {
    expect(broken(moneyLooks(unguarded))).toBe(true);
  });

  test('when a judge that never erred among few labels is taken at its word', () => {
    expect(broken(auditGuarantees(poweredAlways))).toBe(true);
  });

  test('when nothing is ever decided', () => {
    expect(broken(conversationGuarantees(() => false))).toBe(true);
    expect(mixturePValue({ values: [1, 1], upper: 1 }, deltaBets)).toBe(1);
  });
});
