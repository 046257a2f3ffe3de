/** What callers are told of their budgets and limits: 429 in the words and headers of OpenAI, so that their SDKs do the right thing. */
import { type BudgetDecision, type BudgetScope, levelNow, type ScopeState } from '../core/money/budget.ts';
import type { Refusal } from '../exchange/response/refusal.ts';

const dimensions = ['requests', 'tokens'] as const;
type Dimension = (typeof dimensions)[number];

const limitOf = ({ limits }: BudgetScope, dimension: Dimension): number | undefined =>
  dimension === 'requests' ? limits?.requestsPerMinute : limits?.tokensPerMinute;

const resetText = (limit: number, remaining: number): string => `${Number((((limit - remaining) * 60) / limit).toFixed(3))}s`;

/** Of each dimension the scope that leaves least. */
export function limitHeaders(scopes: readonly BudgetScope[], states: readonly ScopeState[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const dimension of dimensions) {
    let least: { readonly limit: number; readonly remaining: number } | undefined;
    for (const [i, scope] of scopes.entries()) {
      const limit = limitOf(scope, dimension);
      const level = states[i]?.[dimension];
      if (limit === undefined || !level) continue;
      const remaining = Math.max(0, Math.floor(levelNow(level, limit, level.at)));
      if (!least || remaining < least.remaining) least = { limit, remaining };
    }
    if (least) Object.assign(headers, headersOf(dimension, least.limit, least.remaining));
  }
  return headers;
}

const headersOf = (dimension: Dimension, limit: number, remaining: number): Record<string, string> => ({
  [`x-ratelimit-limit-${dimension}`]: String(limit),
  [`x-ratelimit-remaining-${dimension}`]: String(remaining),
  [`x-ratelimit-reset-${dimension}`]: resetText(limit, remaining),
});

export function rateLimitExceeded({ scope, dimension, limit, waitMs }: BudgetDecision & { readonly type: 'limited' }): Refusal {
  return {
    refusal: {
      status: 429,
      type: dimension,
      code: 'rate_limit_exceeded',
      message: `The ${scope} has used its ${limit} ${dimension} per minute. Try again in ${Math.ceil(waitMs / 1000)} s.`,
      param: null,
    },
    headers: {
      'retry-after': String(Math.min(60, Math.max(1, Math.ceil(waitMs / 1000)))),
      'retry-after-ms': String(waitMs),
      'x-should-retry': 'true',
      ...headersOf(dimension, limit, 0),
    },
  };
}

/** Waiting does not help, and SDKs are told so. */
export const budgetExceeded = (scope: string): Refusal => ({
  refusal: {
    status: 429,
    type: 'insufficient_quota',
    code: 'budget_exceeded',
    message: `The budget of the ${scope} does not reach for this request.`,
    param: null,
  },
  headers: { 'x-should-retry': 'false' },
});

/** A budget that counts nothing is none. */
export const priceUnknown = (target: string, scope: string): Refusal => ({
  refusal: {
    status: 400,
    type: 'invalid_request_error',
    code: 'price_unknown',
    message: `The price of ${target} is not known, so the budget of the ${scope} cannot count it. Whoever runs this gateway can add it to prices, or write unpriced: allow beside the budget.`,
    param: 'model',
  },
  headers: { 'x-should-retry': 'false' },
});

export const limitsUnavailable: Refusal = {
  refusal: {
    status: 503,
    type: 'server_error',
    code: 'limits_unavailable',
    message: 'The gateway cannot tell just now whether the budget allows this request. Try again.',
    param: null,
  },
  headers: { 'retry-after': '1', 'x-should-retry': 'true' },
};
