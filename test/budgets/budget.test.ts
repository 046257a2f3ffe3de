/** Budgets and limits as decisions: periods, levels, all scopes or none. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BudgetScope,
  decideAdmission,
  initialScopeState,
  periodOf,
  type ScopeState,
  settleReservation,
} from '../../gateway/core/money/budget.ts';
import { longTimeout, runs } from '../runs.ts';

describe('a period', () => {
  test.each([
    ['day', '2026-11-24T23:59:59.999Z', '2026-11-24', '2026-11-25T00:00:00.000Z'],
    ['month', '2026-12-31T12:00:00Z', '2026-12', '2027-01-01T00:00:00.000Z'],
    ['month', '2024-02-29T00:00:00Z', '2024-02', '2024-03-01T00:00:00.000Z'],
    ['week', '2026-11-29T23:00:00Z', 'week of 2026-11-23', '2026-11-30T00:00:00.000Z'],
  ] as const)('%s at %s is %s', (per, at, name, endsAt) => {
    const period = periodOf(per, Date.parse(at));
    expect(period.name).toBe(name);
    expect(new Date(period.endsAt!).toISOString()).toBe(endsAt);
  });

  test('has the date that the calendar has, of any instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), at => {
        expect(periodOf('day', at).name).toBe(new Date(at).toISOString().slice(0, 10));
        expect(periodOf('total', at)).toEqual({ name: 'total', endsAt: undefined });
        expect(periodOf('week', at).endsAt! - at).toBeLessThanOrEqual(7 * 86_400_000);
      }),
    );
  });
});

const need = (nanoUsd: number, tokens = 0, isGuess = false) => ({ nanoUsd, tokens, isGuess });
const withBudget = (nanoUsd: number): BudgetScope => ({ name: 'tenant a', budget: { nanoUsd, per: 'total' } });

describe('a verdict', () => {
  const state = (spent: number, reserved: number): ScopeState => ({ ...initialScopeState, spending: { spent, reserved } });
  test.each([
    ['within what is left', 50, 30, 20, false, 'taken'],
    ['when others may need what is left', 50, 30, 21, false, 'busy'],
    ['over what is left', 50, 0, 51, false, 'spent'],
    ['when nothing is left', 100, 0, 0, false, 'spent'],
    ['a guess over what is left, alone', 50, 0, 5_000, true, 'taken'],
    ['a guess over what is left, beside others', 50, 1, 5_000, true, 'busy'],
  ])('%s', (_, spent, reserved, wanted, isGuess, type) => {
    expect(decideAdmission([withBudget(100)], [state(spent, reserved)], need(wanted, 0, isGuess), 0).type).toBe(type);
  });

  test('of several scopes takes from none when one refuses', () => {
    const scopes = [withBudget(100), { name: 'key k', limits: { requestsPerMinute: 1 } }];
    const first = decideAdmission(scopes, [initialScopeState, initialScopeState], need(10), 0);
    expect(first.type).toBe('taken');
    if (first.type !== 'taken') return;
    expect(decideAdmission(scopes, first.states, need(10), 1_000)).toEqual({
      type: 'limited',
      scope: 'key k',
      dimension: 'requests',
      limit: 1,
      waitMs: 59_000,
    });
    expect(decideAdmission(scopes, first.states, need(10), 60_000).type).toBe('taken');
  });

  test('lets a request larger than a minute’s tokens in when the bucket is full, and the next one pays for it', () => {
    const scopes: BudgetScope[] = [{ name: 'key k', limits: { tokensPerMinute: 100 } }];
    const first = decideAdmission(scopes, [initialScopeState], need(0, 250), 0);
    expect(first.type).toBe('taken');
    if (first.type !== 'taken') return;
    expect(decideAdmission(scopes, first.states, need(0, 100), 60_000)).toMatchObject({ type: 'limited', waitMs: 90_000 });
  });
});

test('whatever is asked and settled in whatever order, spent and reserved together never pass the cap', { timeout: longTimeout }, () => {
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
        const verdict = decideAdmission([scope], [state], need(wanted, 0, isGuess), 0);
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
