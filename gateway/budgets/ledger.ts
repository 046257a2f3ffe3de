/** Where it is written down what callers have spent, have reserved and may still ask: in this process's file, or shared by several gateways. */
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';

export interface SettledUsage {
  readonly nanoUsd: NanoUsd;
  readonly tokens: number;
}

export interface BudgetLedger {
  /** Takes from every scope, or from none. Rejects with LedgerUnavailable within a second when nobody can tell. */
  reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Promise<BudgetDecision>;
  /** Once for each reservation; what comes again changes nothing. */
  settle(id: string, used: SettledUsage, at: Instant): Promise<void>;
  /** Of a scope with a budget, in the period of the instant. */
  spending(scope: BudgetScope, at: Instant): Promise<Spending>;
  /** Reservations that are not settled. */
  countOpen(): Promise<number>;
  close(): Promise<void>;
}

export class LedgerUnavailable extends Error {}

/** How long a reservation may stay open: no route's deadline is longer. What is older belonged to a gateway that died. */
export const reservationMsMax = 86_400_000;
