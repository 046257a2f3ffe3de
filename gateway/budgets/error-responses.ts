/** Error responses of budgets and rate limits. Codes, types and headers are OpenAI's, so that callers' SDKs retry or give up correctly. */
import { type BudgetDecision, type BudgetPolicy, type BudgetScope, levelNow, periodOf, type ScopeState } from '../core/money/budget.ts';
import { type NanoUsd, usd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Refusal } from '../exchange/response/refusal.ts';

const dimensions = ['requests', 'tokens'] as const;
type Dimension = (typeof dimensions)[number];

const limitOf = ({ limits }: BudgetScope, dimension: Dimension): number | undefined =>
  dimension === 'requests' ? limits?.requestsPerMinute : limits?.tokensPerMinute;

const resetText = (limit: number, remaining: number): string => `${Number((((limit - remaining) * 60) / limit).toFixed(3))}s`;

/** `x-ratelimit-*` headers: for requests and for tokens, the scope with the least remaining. */
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

/** 429 `rate_limit_exceeded`, with `retry-after`. */
export function rateLimitExceeded({ scope, dimension, limit, waitMs }: BudgetDecision & { readonly type: 'limited' }): Refusal {
  return {
    refusal: {
      status: 429,
      type: dimension,
      code: 'rate_limit_exceeded',
      message: `Rate limit of ${scope} exceeded: ${limit} ${dimension} per minute. Retry in ${Math.ceil(waitMs / 1000)} s.`,
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

/** What `budgetExceeded` reports of the budget. Amounts are nano-dollars. */
export interface ExceededBudget {
  readonly scope: string;
  readonly budget: BudgetPolicy;
  /** Undefined when the request left the queue before the ledger was read. */
  readonly left: NanoUsd | undefined;
  /** By requests in flight. */
  readonly reserved: NanoUsd | undefined;
  /** What the request may cost at most. */
  readonly needed: NanoUsd;
  readonly at: Instant;
}

/** 429 `budget_exceeded`. Retrying does not help before the reset, so SDKs are told not to. */
export const budgetExceeded = (exceeded: ExceededBudget): Refusal => ({
  refusal: {
    status: 429,
    type: 'insufficient_quota',
    code: 'budget_exceeded',
    message: exceededMessage(exceeded),
    param: null,
  },
  headers: { 'x-should-retry': 'false' },
});

function exceededMessage({ scope, budget, left, reserved, needed, at }: ExceededBudget): string {
  const { endsAt } = periodOf(budget.per, at);
  const amounts = [
    `${usdText(budget.nanoUsd)} ${budget.per === 'total' ? 'in total' : `per ${budget.per}`}`,
    left === undefined ? 'the rest reserved by requests in flight' : `${usdText(budget.nanoUsd - left)} spent`,
    ...(reserved ? [`${usdText(reserved)} reserved by requests in flight`] : []),
    `${usdText(needed)} needed`,
  ];
  const reset = endsAt === undefined ? '' : `; resets ${new Date(endsAt).toISOString().slice(0, 16)}Z`;
  return `Budget of ${scope} exceeded: ${amounts.join(', ')}${reset}.`;
}

/** Cents, and below a dollar as many digits as show the amount. */
function usdText(nano: NanoUsd): string {
  const dollars = usd(nano);
  const digits = dollars >= 1 || dollars <= 0 ? 2 : Math.max(2, 1 - Math.floor(Math.log10(dollars)));
  return `$${dollars.toFixed(Math.min(9, digits))}`;
}

/** 400 `price_unknown`: a budget cannot count a model without a price. */
export const priceUnknown = (target: string, scope: string): Refusal => ({
  refusal: {
    status: 400,
    type: 'invalid_request_error',
    code: 'price_unknown',
    message: `The price of ${target} is unknown, so the budget of ${scope} cannot count it. The gateway's operator can add the price under prices, or set unpriced: allow in the budget.`,
    param: 'model',
  },
  headers: { 'x-should-retry': 'false' },
});

/** 503 `limits_unavailable`: the shared ledger cannot be reached, and budgets fail closed. */
export const limitsUnavailable: Refusal = {
  refusal: {
    status: 503,
    type: 'server_error',
    code: 'limits_unavailable',
    message: 'The gateway cannot reach its budget ledger, so it cannot check the budget of this request. Retry later.',
    param: null,
  },
  headers: { 'retry-after': '1', 'x-should-retry': 'true' },
};
