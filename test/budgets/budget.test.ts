/** The decisions of budgets and rate limits: periods, bucket levels, all scopes or none. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { budgetExceeded } from '../../gateway/budgets/error-responses.ts';
import {
  type BudgetScope,
  decideAdmission,
  initialScopeState,
  type ScopeState,
  settleReservation,
} from '../../gateway/core/money/budget.ts';
import { periodOf } from '../../gateway/core/money/period.ts';
import { longTimeout, runs } from '../runs.ts';

describe('a period', () => {
  test.each([
    ['hour', '2026-11-24T23:59:59.999Z', '2026-11-24T23', '2026-11-25T00:00:00.000Z'],
    ['day', '2026-11-24T23:59:59.999Z', '2026-11-24', '2026-11-25T00:00:00.000Z'],
    ['month', '2026-12-31T12:00:00Z', '2026-12', '2027-01-01T00:00:00.000Z'],
    ['month', '2024-02-29T00:00:00Z', '2024-02', '2024-03-01T00:00:00.000Z'],
    ['week', '2026-11-29T23:00:00Z', 'week of 2026-11-23', '2026-11-30T00:00:00.000Z'],
  ] as const)('%s at %s is %s', (per, at, name, endsAt) => {
    const period = periodOf(per, Date.parse(at));
    expect(period.name).toBe(name);
    expect(new Date(period.endsAt!).toISOString()).toBe(endsAt);
  });

  test('agrees with the calendar at any instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), at => {
        expect(periodOf('day', at).name).toBe(new Date(at).toISOString().slice(0, 10));
        expect(periodOf('total', at)).toEqual({ name: 'total', endsAt: undefined });
        expect(periodOf('week', at).endsAt! - at).toBeLessThanOrEqual(7 * 86_400_000);
      }),
    );
  });
});

const estimateOf = (nanoUsd: number, tokens = 0, isGuess = false) => ({ nanoUsd, tokens, isGuess });
const withBudget = (nanoUsd: number): BudgetScope => ({ name: 'tenant a', budget: { nanoUsd, per: 'total' } });

describe('a decision', () => {
  const state = (spent: number, reserved: number): ScopeState => ({ ...initialScopeState, spending: { spent, reserved } });
  test.each([
    ['within what is left', 50, 30, 20, false, 'taken'],
    ['when requests in flight have reserved what is left', 50, 30, 21, false, 'busy'],
    ['over what is left', 50, 0, 51, false, 'spent'],
    ['when nothing is left', 100, 0, 0, false, 'spent'],
    ['a guess over what is left, alone', 50, 0, 5_000, true, 'taken'],
    ['a guess over what is left, beside requests in flight', 50, 1, 5_000, true, 'busy'],
  ])('%s', (_, spent, reserved, wanted, isGuess, type) => {
    expect(decideAdmission([withBudget(100)], [state(spent, reserved)], estimateOf(wanted, 0, isGuess), 0).type).toBe(type);
  });

  test('reserves from no scope when one of them rejects', () => {
    const scopes = [withBudget(100), { name: 'key k', limits: { requestsPerMinute: 1 } }];
    const first = decideAdmission(scopes, [initialScopeState, initialScopeState], estimateOf(10), 0);
    expect(first.type).toBe('taken');
    if (first.type !== 'taken') return;
    expect(decideAdmission(scopes, first.states, estimateOf(10), 1_000)).toEqual({
      type: 'limited',
      scope: 'key k',
      dimension: 'requests',
      limit: 1,
      waitMs: 59_000,
    });
    expect(decideAdmission(scopes, first.states, estimateOf(10), 60_000).type).toBe('taken');
  });

  test('admits a request larger than a minute’s tokens when the bucket is full, and the next request waits longer', () => {
    const scopes: BudgetScope[] = [{ name: 'key k', limits: { tokensPerMinute: 100 } }];
    const first = decideAdmission(scopes, [initialScopeState], estimateOf(0, 250), 0);
    expect(first.type).toBe('taken');
    if (first.type !== 'taken') return;
    expect(decideAdmission(scopes, first.states, estimateOf(0, 100), 60_000)).toMatchObject({ type: 'limited', waitMs: 90_000 });
  });
});

test.each([
  [
    'the amounts and the reset',
    { left: 20_000_000, reserved: undefined },
    'Budget of tenant acme exceeded: $500.00 per month, $499.98 spent, $0.12 needed; resets 2026-12-01T00:00Z.',
  ],
  [
    'what requests in flight have reserved, with as many digits as it takes',
    { left: 120_000_000, reserved: 4_500_000 },
    'Budget of tenant acme exceeded: $500.00 per month, $499.88 spent, $0.0045 reserved by requests in flight, $0.12 needed; resets 2026-12-01T00:00Z.',
  ],
  [
    'no amount that the request never asked the ledger for',
    { left: undefined, reserved: undefined },
    'Budget of tenant acme exceeded: $500.00 per month, the rest reserved by requests in flight, $0.12 needed; resets 2026-12-01T00:00Z.',
  ],
])('the error of an exceeded budget states %s', (_, amounts, message) => {
  const budget = { nanoUsd: 500e9, per: 'month' } as const;
  const at = Date.parse('2026-11-30T17:30:00Z');
  expect(budgetExceeded({ scope: 'tenant acme', budget, needed: 120_000_000, at, ...amounts }).refusal.message).toBe(message);
});

test('spent plus reserved never exceeds the cap, whatever the order of requests and settlements', { timeout: longTimeout }, () => {
  const step = fc.record({
    wanted: fc.nat(60),
    usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    isGuess: fc.boolean(),
    settles: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 64 }), (cap, steps) => {
      const scope = withBudget(cap);
      let state: ScopeState = initialScopeState;
      const open: { reserved: number; share: number }[] = [];
      const settle = (): void => {
        const { reserved, share } = open.shift()!;
        state = settleReservation(state, reserved, { nanoUsd: Math.floor(reserved * share), tokensOver: 0 });
      };
      for (const { wanted, usedShare, isGuess, settles } of steps) {
        const verdict = decideAdmission([scope], [state], estimateOf(wanted, 0, isGuess), 0);
        if (verdict.type === 'taken') {
          state = verdict.states[0]!;
          open.push({ reserved: verdict.reserved[0]!, share: usedShare });
        }
        for (let i = 0; i < settles && open.length > 0; i++) settle();
        expect(state.spending.spent + state.spending.reserved).toBeLessThanOrEqual(cap);
      }
      while (open.length > 0) settle();
      expect(state.spending.reserved).toBe(0);
      expect(state.spending.spent).toBeLessThanOrEqual(cap);
    }),
    runs(300, 20_000),
  );
});
