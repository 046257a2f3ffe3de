/** Budgets and limits of callers: a request is admitted by all of its scopes or by none. */

import type { Instant, Milliseconds } from '../shared/time.ts';
import type { Period } from './period.ts';
import type { NanoUsd } from './price.ts';

/** A budget as configured: nano-dollars per period. */
export interface BudgetPolicy {
  readonly nanoUsd: NanoUsd;
  readonly per: Period;
  /** Models without a known price are allowed and count as free. */
  readonly allowsUnpriced?: true;
  /** Share of the budget whose spending is a warning. */
  readonly warnAt?: number;
}

/** Limits of a caller; absent for no limit. */
export interface CallerLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly requestsPerDay?: number;
  readonly tokensPerDay?: number;
  /** Requests in flight at once. */
  readonly maxParallel?: number;
}

/** A tenant, or a project, user or key within one, or a budget of its own. */
export interface BudgetScope {
  /** `tenant acme`, `project acme/web`, `user acme/u1`, `key acme-web`, `budget gpus`. */
  readonly name: string;
  readonly budget?: BudgetPolicy;
  readonly limits?: CallerLimits;
  /** What the request may cost in this scope, where that is less than all of it. */
  readonly estimated?: NanoUsd;
}

/** The estimated demand of a request before it is sent. */
export interface CostEstimate {
  readonly nanoUsd: NanoUsd;
  readonly tokens: number;
  /** Set when the cost is uncertain: with nothing else in flight, the request is admitted on the remaining budget. */
  readonly isGuess: boolean;
  /** What a guess costs at least: it is not admitted on less. */
  readonly leastNanoUsd?: NanoUsd;
}

export interface Spending {
  readonly spent: NanoUsd;
  /** For requests in flight. */
  readonly reserved: NanoUsd;
}

/** The remaining amount at an instant. It refills evenly, up to a window's worth. */
export interface BucketLevel {
  readonly level: number;
  readonly at: Instant;
}

/** Limits that refill: the amount of a request, and the window in which the limit comes back. */
export const rateDimensions = {
  requests: { limit: 'requestsPerMinute', counts: 'requests', windowMs: 60_000 },
  tokens: { limit: 'tokensPerMinute', counts: 'tokens', windowMs: 60_000 },
  dailyRequests: { limit: 'requestsPerDay', counts: 'requests', windowMs: 86_400_000 },
  dailyTokens: { limit: 'tokensPerDay', counts: 'tokens', windowMs: 86_400_000 },
} as const satisfies Record<string, { limit: keyof CallerLimits; counts: 'requests' | 'tokens'; windowMs: Milliseconds }>;
export type RateDimension = keyof typeof rateDimensions;
export const rateDimensionNames = Object.keys(rateDimensions) as readonly RateDimension[];

/** The spending and the limits' state of a scope. */
export interface ScopeState extends Readonly<Partial<Record<RateDimension, BucketLevel | undefined>>> {
  /** In the period that contains the instant. */
  readonly spending: Spending;
  /** Requests in flight, of a scope with `maxParallel`. */
  readonly parallel?: number;
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
      readonly dimension: RateDimension | 'parallel';
      readonly limit: number;
      readonly waitMs: Milliseconds;
    };

/** When to try again after a refusal because of requests in flight: one of them may end at any time. */
export const parallelWaitMs: Milliseconds = 1_000;

export const noSpending: Spending = { spent: 0, reserved: 0 };
export const initialScopeState: ScopeState = { spending: noSpending };

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
    const money = reserveMoney(scope, state.spending, partOf(estimate, scope));
    if (money.type === 'spent') return money;
    if (money.type === 'busy') busy ??= money;
    const limits = consumeLimits(scope, state, estimate.tokens, at);
    if ('type' in limits) return limits;
    const amount = money.type === 'money' ? money.amount : 0;
    reserved.push(amount);
    taken.push({ ...limits, spending: { ...state.spending, reserved: state.spending.reserved + amount } });
  }
  return busy ?? { type: 'taken', states: taken, reserved };
}

/** What the request may cost in a scope. What it costs at least is known of all of it alone. */
export const partOf = ({ leastNanoUsd = 0, ...estimate }: CostEstimate, { estimated }: BudgetScope): CostEstimate =>
  estimated === undefined ? { ...estimate, leastNanoUsd } : { ...estimate, nanoUsd: estimated, leastNanoUsd: 0 };

type MoneyDecision = { readonly type: 'money'; readonly amount: NanoUsd } | (BudgetDecision & { readonly type: 'spent' | 'busy' });

function reserveMoney(
  { name, budget }: BudgetScope,
  { spent, reserved }: Spending,
  { nanoUsd, isGuess, leastNanoUsd = 0 }: CostEstimate,
): MoneyDecision {
  if (!budget) return { type: 'money', amount: 0 };
  const left = budget.nanoUsd - spent;
  if (reserved + nanoUsd <= left) return left > 0 ? { type: 'money', amount: nanoUsd } : { type: 'spent', scope: name, left: 0 };
  if (left <= 0) return { type: 'spent', scope: name, left: 0 };
  if (isGuess && leastNanoUsd > left) return { type: 'spent', scope: name, left };
  if (isGuess && reserved === 0) return { type: 'money', amount: left };
  return isGuess || nanoUsd <= left ? { type: 'busy', scope: name, left, reserved } : { type: 'spent', scope: name, left };
}

type LimitsDecision = Omit<ScopeState, 'spending'> | (BudgetDecision & { readonly type: 'limited' });

/** The state after the request, or the first limit that is reached. */
function consumeLimits({ name, limits = {} }: BudgetScope, state: ScopeState, tokens: number, at: Instant): LimitsDecision {
  const { spending: _, ...before } = state;
  const after: { -readonly [Member in keyof typeof before]: (typeof before)[Member] } = { ...before };
  for (const dimension of rateDimensionNames) {
    const { limit: limitName, counts, windowMs } = rateDimensions[dimension];
    const limit = limits[limitName];
    if (limit === undefined) continue;
    const needed = counts === 'requests' ? 1 : tokens;
    const level = levelNow(state[dimension], limit, at, windowMs);
    // A request larger than a window's worth is admitted by a full bucket; otherwise it never would be.
    const amount = Math.min(needed, limit);
    if (level + 1e-6 < amount)
      return { type: 'limited', scope: name, dimension, limit, waitMs: Math.ceil(((amount - level) * windowMs) / limit) };
    after[dimension] = { level: level - needed, at };
  }
  const { maxParallel } = limits;
  if (maxParallel === undefined) return after;
  const parallel = state.parallel ?? 0;
  if (parallel >= maxParallel) return { type: 'limited', scope: name, dimension: 'parallel', limit: maxParallel, waitMs: parallelWaitMs };
  return { ...after, parallel: parallel + 1 };
}

/** The level of a bucket at `at`, refilled since its last change; full when unknown. */
export function levelNow(known: BucketLevel | undefined, limit: number, at: Instant, windowMs: Milliseconds = 60_000): number {
  return known ? Math.min(limit, known.level + (limit * Math.max(0, at - known.at)) / windowMs) : limit;
}

/** Ends a reservation: the actual usage replaces it. `tokensOver` is what was used beyond the estimate. */
export function settleReservation(
  state: ScopeState,
  reserved: NanoUsd,
  used: { readonly nanoUsd: NanoUsd; readonly tokensOver: number },
): ScopeState {
  const { spent, reserved: before } = state.spending;
  const { tokens, dailyTokens, parallel } = state;
  const corrected = (bucket: BucketLevel): BucketLevel => ({ ...bucket, level: bucket.level - used.tokensOver });
  return {
    ...state,
    spending: { spent: spent + used.nanoUsd, reserved: Math.max(0, before - reserved) },
    ...(tokens ? { tokens: corrected(tokens) } : {}),
    ...(dailyTokens ? { dailyTokens: corrected(dailyTokens) } : {}),
    ...(parallel === undefined ? {} : { parallel: Math.max(0, parallel - 1) }),
  };
}
