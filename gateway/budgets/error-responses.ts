/** Error responses of budgets and rate limits. Codes, types and headers are OpenAI's, so that callers' SDKs retry or give up correctly. */
import {
  type BudgetDecision,
  type BudgetPolicy,
  type BudgetScope,
  levelNow,
  type RateDimension,
  rateDimensionNames,
  rateDimensions,
  type ScopeState,
} from '../core/money/budget.ts';
import { periodOf } from '../core/money/period.ts';
import { type NanoUsd, usd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Refusal } from '../exchange/response/refusal.ts';

const resetText = (limit: number, remaining: number, windowMs: number): string =>
  `${Number((((limit - remaining) * windowMs) / 1000 / limit).toFixed(3))}s`;

/** `x-ratelimit-*` headers: for requests and for tokens, the limit with the least remaining. */
export function limitHeaders(scopes: readonly BudgetScope[], states: readonly ScopeState[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const counted of ['requests', 'tokens'] as const) {
    let least: { readonly dimension: RateDimension; readonly limit: number; readonly remaining: number } | undefined;
    for (const [i, { limits }] of scopes.entries()) {
      for (const dimension of rateDimensionNames) {
        const { limit: limitName, counts, windowMs } = rateDimensions[dimension];
        const limit = limits?.[limitName];
        const level = states[i]?.[dimension];
        if (counts !== counted || limit === undefined || !level) continue;
        const remaining = Math.max(0, Math.floor(levelNow(level, limit, level.at, windowMs)));
        if (!least || remaining < least.remaining) least = { dimension, limit, remaining };
      }
    }
    if (least) Object.assign(headers, headersOf(least.dimension, least.limit, least.remaining));
  }
  return headers;
}

function headersOf(dimension: RateDimension, limit: number, remaining: number): Record<string, string> {
  const { counts, windowMs } = rateDimensions[dimension];
  return {
    [`x-ratelimit-limit-${counts}`]: String(limit),
    [`x-ratelimit-remaining-${counts}`]: String(remaining),
    [`x-ratelimit-reset-${counts}`]: resetText(limit, remaining, windowMs),
  };
}

/** 429 `rate_limit_exceeded`, with `retry-after`. */
export function rateLimitExceeded({ scope, dimension, limit, waitMs }: BudgetDecision & { readonly type: 'limited' }): Refusal {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const { counts, windowMs } = dimension === 'parallel' ? { counts: 'requests' as const, windowMs: 0 } : rateDimensions[dimension];
  const limitText =
    dimension === 'parallel' ? `${limit} requests at once` : `${limit} ${counts} per ${windowMs === 60_000 ? 'minute' : 'day'}`;
  return {
    refusal: {
      status: 429,
      type: counts,
      code: 'rate_limit_exceeded',
      message: `Rate limit of ${scope} exceeded: ${limitText}. Retry in ${seconds} s.`,
      param: null,
    },
    headers: {
      'retry-after': String(windowMs > 60_000 ? seconds : Math.min(60, seconds)),
      'retry-after-ms': String(waitMs),
      'x-should-retry': waitMs > retryMsMax ? 'false' : 'true',
      ...(dimension === 'parallel' ? {} : headersOf(dimension, limit, 0)),
    },
  };
}

/** A longer wait is not worth a retry. */
const retryMsMax = 120_000;

/** `x-hindcast-budget-warning`: each budget of which more is spent than `warn_at` says. Undefined when there is none. */
export function budgetWarning(scopes: readonly BudgetScope[], states: readonly ScopeState[], at: Instant): string | undefined {
  const texts = scopes.flatMap(({ name, budget }, i) => {
    const spent = states[i]?.spending.spent ?? 0;
    if (!budget || budget.warnAt === undefined || spent < budget.warnAt * budget.nanoUsd) return [];
    return [`${name}: ${usdText(spent)} of ${usdText(budget.nanoUsd)} ${perText(budget)} spent${resetsText(budget, at)}`];
  });
  return texts.length === 0 ? undefined : texts.join('; ').replace(/[^\x20-\x7e]/g, '?');
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
  const amounts = [
    `${usdText(budget.nanoUsd)} ${perText(budget)}`,
    left === undefined ? 'the rest reserved by requests in flight' : `${usdText(budget.nanoUsd - left)} spent`,
    ...(reserved ? [`${usdText(reserved)} reserved by requests in flight`] : []),
    `${usdText(needed)} needed`,
  ];
  const subject = scope.startsWith('budget ') ? `Budget ${scope.slice('budget '.length)}` : `Budget of ${scope}`;
  return `${subject} exceeded: ${amounts.join(', ')}${resetsText(budget, at)}.`;
}

const perText = ({ per }: BudgetPolicy): string => (per === 'total' ? 'in total' : `per ${per}`);

function resetsText({ per }: BudgetPolicy, at: Instant): string {
  const { endsAt } = periodOf(per, at);
  return endsAt === undefined ? '' : `; resets ${new Date(endsAt).toISOString().slice(0, 16)}Z`;
}

/** Cents, and below a dollar as many digits as show the amount. */
export function usdText(nano: NanoUsd): string {
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
