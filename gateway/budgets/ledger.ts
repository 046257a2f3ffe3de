/** The ledger of budgets and limits: what callers have spent and reserved. One gateway keeps it in a file; several share it in Redis. */
import type { BudgetDecision, BudgetScope, CostEstimate, Spending } from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Instant, Milliseconds } from '../core/shared/time.ts';

/** What a request used, once it has ended. */
export interface SettledUsage {
  readonly nanoUsd: NanoUsd;
  readonly tokens: number;
  /** By the name of a scope in which it cost something else than in all. */
  readonly byScope?: Readonly<Record<string, NanoUsd>>;
}

/** A reservation, as its gateway knows it. A ledger that lost it counts the usage all the same. */
export interface Reservation {
  readonly id: string;
  readonly scopes: readonly BudgetScope[];
  /** When it was made: it belongs to the periods of that instant. */
  readonly at: Instant;
}

export interface BudgetLedger {
  /** Reserves from every scope, or from none. Rejects with LedgerUnavailable once the ledger has not answered for `ledgerPatienceMs`; then nothing stays reserved. */
  reserve(id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Promise<BudgetDecision>;
  /** Replaces the reservation by what was used. Settling an id twice changes nothing. */
  settle(reservation: Reservation, used: SettledUsage): Promise<void>;
  /** Spent and reserved by a scope with a budget, in the period that contains `at`. */
  spending(scope: BudgetScope, at: Instant): Promise<Spending>;
  /** Whether this is the first note of that name since `forMs`, of all gateways. */
  noteOnce(name: string, forMs: Milliseconds, at: Instant): Promise<boolean>;
  /** The number of reservations that are not settled. */
  countOpen(): Promise<number>;
  /** Since when it has not answered; undefined while it does. */
  unreachableSince?(): Instant | undefined;
  /** What it was last seen to have spent; 0 when nothing was seen. For a gateway that counts alone while the ledger is away. */
  lastSeen?(scope: BudgetScope, at: Instant): NanoUsd;
  close(): Promise<void>;
}

/** The ledger could not be read or written; the message says why. */
export class LedgerUnavailable extends Error {}

/** A request waits so long for a ledger that does not answer; when it has not answered for as long already, the request is refused at once. */
export const ledgerPatienceMs: Milliseconds = 5_000;

/** How long a reservation in a file may stay open. No route's deadline is longer, so an older one belonged to a gateway that died. */
export const reservationMsMax: Milliseconds = 86_400_000;

/** What a reservation took from one scope, as a ledger stores it. */
export interface Hold {
  readonly scope: string;
  /** '' for a scope without a budget. */
  readonly period: string;
  readonly reserved: NanoUsd;
  readonly hasTokens: boolean;
  /** It counts as in flight. */
  readonly isParallel?: true;
}
