/** Budgets and rate limits of callers: a request is admitted by all of its scopes or by none. */

import type { Instant, Milliseconds } from '../shared/time.ts';
import type { NanoUsd } from './price.ts';

/** Periods of a budget, shortest first. */
export const periods = ['day', 'week', 'month', 'total'] as const;
export type Period = (typeof periods)[number];

/** A budget as configured: nano-dollars per period. */
export interface BudgetPolicy {
  readonly nanoUsd: NanoUsd;
  readonly per: Period;
  /** Models without a known price are allowed and count as free. */
  readonly allowsUnpriced?: true;
}

/** Rate limits of a caller, per minute; absent for no limit. */
export interface CallerLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** A tenant, or a project, user or key within one. */
export interface BudgetScope {
  /** `tenant acme`, `project acme/web`, `user acme/u1`, `key acme-web`. */
  readonly name: string;
  readonly budget?: BudgetPolicy;
  readonly limits?: CallerLimits;
}

/** The estimated demand of a request before it is sent. */
export interface CostEstimate {
  readonly nanoUsd: NanoUsd;
  readonly tokens: number;
  /** Set when the response length is unknown: with nothing else in flight, the request is admitted on the remaining budget. */
  readonly isGuess: boolean;
}

export interface Spending {
  readonly spent: NanoUsd;
  /** For requests in flight. */
  readonly reserved: NanoUsd;
}

/** The remaining amount at an instant. It refills evenly, up to a minute's worth. */
export interface BucketLevel {
  readonly level: number;
  readonly at: Instant;
}

/** The spending and rate-limit state of a scope. */
export interface ScopeState {
  /** In the period that contains the instant. */
  readonly spending: Spending;
  readonly requests: BucketLevel | undefined;
  readonly tokens: BucketLevel | undefined;
}

/** Whether a request is admitted (`taken`), with the new states and reservations, or why it is refused. */
export type BudgetDecision =
  | { readonly type: 'taken'; readonly states: readonly ScopeState[]; readonly reserved: readonly NanoUsd[] }
  /** The scope's budget is exceeded. */
  | { readonly type: 'spent'; readonly scope: string; readonly left: NanoUsd }
  /** The budget suffices, but requests in flight may need it; retry when one has ended. */
  | { readonly type: 'busy'; readonly scope: string; readonly left: NanoUsd; readonly reserved: NanoUsd }
  | {
      readonly type: 'limited';
      readonly scope: string;
      readonly dimension: 'requests' | 'tokens';
      readonly limit: number;
      readonly waitMs: Milliseconds;
    };

const minuteMs = 60_000;
const dayMs = 86_400_000;

export const noSpending: Spending = { spent: 0, reserved: 0 };
export const initialScopeState: ScopeState = { spending: noSpending, requests: undefined, tokens: undefined };

/** The period's name, in UTC, and the start of the next one; weeks begin on Monday. */
export function periodOf(per: Period, at: Instant): { readonly name: string; readonly endsAt: Instant | undefined } {
  const day = Math.floor(at / dayMs);
  switch (per) {
    case 'total':
      return { name: 'total', endsAt: undefined };
    case 'day':
      return { name: dateOf(day), endsAt: (day + 1) * dayMs };
    case 'week': {
      // The epoch was a Thursday.
      const monday = day - ((day + 3) % 7);
      return { name: `week of ${dateOf(monday)}`, endsAt: (monday + 7) * dayMs };
    }
    case 'month': {
      const name = dateOf(day).slice(0, 7);
      let next = day + 1;
      while (dateOf(next).startsWith(name)) next++;
      return { name, endsAt: next * dayMs };
    }
  }
}

/** The Gregorian date of a day since the epoch. Years are counted from March, so that leap days come last. */
function dateOf(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const date = ofYear - Math.floor((153 * march + 2) / 5) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`;
}

/** Admits a request to all scopes or to none. `states` belong to the scopes, in the same order. */
export function decideAdmission(
  scopes: readonly BudgetScope[],
  states: readonly ScopeState[],
  estimate: CostEstimate,
  at: Instant,
): BudgetDecision {
  const taken: ScopeState[] = [];
  const reserved: NanoUsd[] = [];
  let busy: BudgetDecision | undefined;
  for (const [i, scope] of scopes.entries()) {
    const state = states[i]!;
    const money = reserveMoney(scope, state.spending, estimate);
    if (money.type === 'spent') return money;
    if (money.type === 'busy') busy ??= money;
    const requests = consumeRate(scope, 'requests', scope.limits?.requestsPerMinute, state.requests, 1, at);
    if ('type' in requests) return requests;
    const tokens = consumeRate(scope, 'tokens', scope.limits?.tokensPerMinute, state.tokens, estimate.tokens, at);
    if ('type' in tokens) return tokens;
    const amount = money.type === 'money' ? money.amount : 0;
    reserved.push(amount);
    taken.push({
      spending: { ...state.spending, reserved: state.spending.reserved + amount },
      requests: requests.level,
      tokens: tokens.level,
    });
  }
  return busy ?? { type: 'taken', states: taken, reserved };
}

type MoneyDecision = { readonly type: 'money'; readonly amount: NanoUsd } | (BudgetDecision & { readonly type: 'spent' | 'busy' });

function reserveMoney({ name, budget }: BudgetScope, { spent, reserved }: Spending, { nanoUsd, isGuess }: CostEstimate): MoneyDecision {
  if (!budget) return { type: 'money', amount: 0 };
  const left = budget.nanoUsd - spent;
  if (reserved + nanoUsd <= left) return left > 0 ? { type: 'money', amount: nanoUsd } : { type: 'spent', scope: name, left: 0 };
  if (left <= 0) return { type: 'spent', scope: name, left: 0 };
  if (isGuess && reserved === 0) return { type: 'money', amount: left };
  return isGuess || nanoUsd <= left ? { type: 'busy', scope: name, left, reserved } : { type: 'spent', scope: name, left };
}

function consumeRate(
  { name }: BudgetScope,
  dimension: 'requests' | 'tokens',
  limit: number | undefined,
  known: BucketLevel | undefined,
  needed: number,
  at: Instant,
): { readonly level: BucketLevel | undefined } | (BudgetDecision & { readonly type: 'limited' }) {
  if (limit === undefined) return { level: known };
  const level = levelNow(known, limit, at);
  // A request larger than a minute's worth is admitted by a full bucket; otherwise it never would be.
  const amount = Math.min(needed, limit);
  if (level + 1e-6 >= amount) return { level: { level: level - needed, at } };
  return { type: 'limited', scope: name, dimension, limit, waitMs: Math.ceil(((amount - level) * minuteMs) / limit) };
}

/** The level of a bucket at `at`, refilled since its last change; full when unknown. */
export function levelNow(known: BucketLevel | undefined, limit: number, at: Instant): number {
  return known ? Math.min(limit, known.level + (limit * Math.max(0, at - known.at)) / minuteMs) : limit;
}

/** Ends a reservation: the actual usage replaces it. */
export function settleReservation(
  state: ScopeState,
  reserved: NanoUsd,
  used: { readonly nanoUsd: NanoUsd; readonly tokensOver: number },
): ScopeState {
  const { spent, reserved: before } = state.spending;
  const { tokens } = state;
  return {
    ...state,
    spending: { spent: spent + used.nanoUsd, reserved: Math.max(0, before - reserved) },
    tokens: tokens && { ...tokens, level: tokens.level - used.tokensOver },
  };
}
