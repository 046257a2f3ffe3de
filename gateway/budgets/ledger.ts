/** The ledger of budgets and rate limits: what callers have spent and reserved. One gateway keeps it in a file; several share it in Redis. */
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';

/** What a request used, once it has ended. */
export interface SettledUsage {
  readonly nanoUsd: NanoUsd;
  readonly tokens: number;
}

export interface BudgetLedger {
  /** Reserves from every scope, or from none. Rejects with LedgerUnavailable within a second when the ledger cannot be reached. */
  reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Promise<BudgetDecision>;
  /** Replaces the reservation by what was used. Settling an id twice changes nothing. */
  settle(id: string, used: SettledUsage, at: Instant): Promise<void>;
  /** Spent and reserved by a scope with a budget, in the period that contains `at`. */
  spending(scope: BudgetScope, at: Instant): Promise<Spending>;
  /** The number of reservations that are not settled. */
  countOpen(): Promise<number>;
  close(): Promise<void>;
}

/** The ledger could not be read or written; the message says why. */
export class LedgerUnavailable extends Error {}

/** How long a reservation may stay open. No route's deadline is longer, so an older one belonged to a gateway that died. */
export const reservationMsMax = 86_400_000;
