/** The short form of `npm run guarantees`: few data sets of each kind; and that wrong constructions, once planted, are found. */
import { describe, expect, test } from 'vitest';
import { guarantees } from './all.ts';
import { byCompleteCases, cascadeGuarantee } from './cascades.ts';
import { conversationGuarantees, weightGuarantees } from './certificates.ts';
import { type Guarantee, measure } from './guarantee.ts';
import { auditGuarantees } from './intervals.ts';
import { moneyLooks } from './looks.ts';
import { byDrawnWeights, byEqualDrawnWeights, byMeans, byRequest, poweredAlways, unguarded } from './wrong-constructions.ts';

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

  test('when conversations are bet on by their means', () => expect(broken(conversationGuarantees(byMeans))).toBe(true));

  test('when they are bet on request by request', () => expect(broken(conversationGuarantees(byRequest))).toBe(true));

  test('when the limit of a payoff is the largest weight that was drawn', () => {
    expect(broken(weightGuarantees(byDrawnWeights))).toBe(true);
    expect(broken(weightGuarantees(byEqualDrawnWeights))).toBe(true);
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
  });
});
