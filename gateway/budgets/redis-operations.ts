/** The operations of the ledger's script, as JSON, and what they answer. */
import {
  type BudgetDecision,
  type BudgetScope,
  type CostEstimate,
  parallelWaitMs,
  partOf,
  rateDimensionNames,
  rateDimensions,
  type ScopeState,
} from '../core/money/budget.ts';
import { periodOf } from '../core/money/period.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Reservation, SettledUsage } from './ledger.ts';

/** The braces put all keys into one hash slot: a script may touch no other. */
export const prefix = 'hindcast:{state}';

export type Operation = { readonly op: string; readonly id?: string } & Readonly<Record<string, unknown>>;

const keptMs = 40 * 86_400_000;

/** The hash of a scope's money in the period that contains `at`: fields `spent` and `reserved`. */
export const spendingKey = ({ name, budget }: BudgetScope, at: Instant): string =>
  `${prefix}:spending:${name}:${budget ? periodOf(budget.per, at).name : ''}`;
const ratesKey = ({ name }: BudgetScope): string => `${prefix}:rates:${name}`;

/** The operation that reserves from every scope or from none. */
export const reserveOperation = (id: string, scopes: readonly BudgetScope[], estimate: CostEstimate, at: Instant): Operation => ({
  op: 'reserve',
  ...{ id, at, guess: estimate.isGuess, tokens: estimate.tokens, parallelWaitMs },
  scopes: scopes.map(scope => {
    const endsAt = scope.budget && periodOf(scope.budget.per, at).endsAt;
    return {
      ...{ s: scope.name, m: spendingKey(scope, at), r: ratesKey(scope) },
      ...(scope.budget ? moneyOf(scope.budget.nanoUsd, partOf(estimate, scope)) : {}),
      ...(endsAt === undefined ? {} : { expire: Math.ceil(endsAt - at) + keptMs }),
      limits: rateDimensionNames.flatMap(name => {
        const { limit: limitName, counts, windowMs } = rateDimensions[name];
        const limit = scope.limits?.[limitName];
        return limit === undefined ? [] : [{ name, limit, needed: counts === 'requests' ? 1 : estimate.tokens, window: windowMs }];
      }),
      ...holdLimits(scope),
    };
  }),
});

const moneyOf = (cap: number, { nanoUsd, leastNanoUsd = 0 }: CostEstimate) => ({
  cap: String(cap),
  nano: String(Math.round(nanoUsd)),
  least: String(Math.round(leastNanoUsd)),
});

const holdLimits = ({ limits }: BudgetScope) => ({
  tokens: rateDimensionNames.filter(name => rateDimensions[name].counts === 'tokens' && limits?.[rateDimensions[name].limit] !== undefined),
  ...(limits?.maxParallel === undefined ? {} : { parallel: limits.maxParallel }),
});

/** What a reservation holds, for a server that lost it. `amounts` are what it reserved. */
const holdsOf = ({ scopes, at }: Reservation, amounts: readonly string[] = []) =>
  scopes.map((scope, i) => ({
    ...{ s: scope.name, m: scope.budget ? spendingKey(scope, at) : '', r: ratesKey(scope), amount: amounts[i] ?? '0' },
    ...{ tokens: holdLimits(scope).tokens, parallel: scope.limits?.maxParallel !== undefined },
  }));

/** The operation that replaces a reservation by what was used. */
export const settleOperation = (reservation: Reservation, { nanoUsd, tokens, byScope }: SettledUsage): Operation => ({
  op: 'settle',
  ...{ id: reservation.id, nano: String(Math.round(nanoUsd)), tokens, holds: holdsOf(reservation) },
  ...(byScope ? { by: Object.fromEntries(Object.entries(byScope).map(([scope, nano]) => [scope, String(Math.round(nano))])) } : {}),
});

export interface HeldReservation extends Reservation {
  readonly tokens: number;
  readonly amounts: readonly string[];
}

/** The operation that keeps a reservation for another lease. */
export const renewOperation = (held: HeldReservation): Operation => ({
  op: 'renew',
  ...{ id: held.id, tokens: held.tokens, holds: holdsOf(held, held.amounts) },
});

export interface ReserveAnswer {
  readonly type: BudgetDecision['type'] | 'ended';
  readonly scope?: number;
  readonly left?: string;
  readonly reserved?: string;
  readonly dimension?: string;
  readonly limit?: number;
  readonly waitMs?: number;
  /** Lua encodes an empty list as an empty object. */
  readonly states?:
    | readonly { readonly spent?: string; readonly reserved?: string; readonly levels: Readonly<Record<string, number>> | readonly [] }[]
    | object;
  readonly amounts?: readonly string[] | object;
}

/** A list of the script: Lua encodes an empty one as an empty object. */
export const listOf = <Item>(value: readonly Item[] | object | undefined): readonly Item[] => (Array.isArray(value) ? value : []);

/** The decision in an answer; undefined when the reservation had been released before. */
export function decisionOf(answer: ReserveAnswer, scopes: readonly BudgetScope[], at: Instant): BudgetDecision | undefined {
  const scope = scopes[(answer.scope ?? 0) - 1]?.name ?? '';
  switch (answer.type) {
    case 'ended':
      return undefined;
    case 'taken': {
      const states = listOf(answer.states as readonly { spent?: string; reserved?: string; levels: Record<string, number> }[]);
      return {
        type: 'taken',
        states: states.map(
          ({ spent = '0', reserved = '0', levels }): ScopeState => ({
            spending: { spent: Number(spent), reserved: Number(reserved) },
            ...Object.fromEntries(Object.entries(levels).map(([name, level]) => [name, { level, at }])),
          }),
        ),
        reserved: listOf<string>(answer.amounts).map(Number),
      };
    }
    case 'spent':
      return { type: 'spent', scope, left: Number(answer.left) };
    case 'busy':
      return { type: 'busy', scope, left: Number(answer.left), reserved: Number(answer.reserved) };
    case 'limited': {
      const { dimension, limit = 0, waitMs = 0 } = answer;
      return { type: 'limited', scope, dimension: dimension as 'requests', limit, waitMs };
    }
  }
}
