/** `GET /v1/key`: what the caller's key may do, what it has spent, and what is left. */
import { scopesOf } from '../budgets/scopes.ts';
import { type BudgetScope, rateDimensionNames, rateDimensions, type Spending } from '../core/money/budget.ts';
import { periodOf } from '../core/money/period.ts';
import { usd } from '../core/money/price.ts';
import type { RequestContext } from '../exchange/contract.ts';

/** The answer, with budgets and limits of the key and of all that it belongs to. */
export async function describeKey(
  { key, settings, receivedAt }: RequestContext,
  spendingOf: (scope: BudgetScope) => Promise<Spending>,
): Promise<object> {
  const scopes = scopesOf(settings, key, { ...key, tags: {} });
  return {
    object: 'key',
    ...{ name: key.name, id: key.id ?? null, tenant: key.tenant, project: key.project, user: key.user, role: key.role },
    expires_at: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
    routes: key.routes ?? settings.tenants.get(key.tenant)?.routes ?? null,
    models: key.models ?? null,
    metadata: key.metadata ?? {},
    budgets: await Promise.all(scopes.filter(({ budget }) => budget).map(scope => budgetRow(scope, spendingOf, receivedAt))),
    limits: scopes.flatMap(limitRows),
  };
}

async function budgetRow(scope: BudgetScope, spendingOf: (scope: BudgetScope) => Promise<Spending>, at: number): Promise<object> {
  const { nanoUsd, per } = scope.budget!;
  const { spent, reserved } = await spendingOf(scope);
  const { endsAt } = periodOf(per, at);
  return {
    ...{ scope: scope.name, per, usd: usd(nanoUsd), spent_usd: usd(spent), reserved_usd: usd(reserved) },
    left_usd: usd(Math.max(0, nanoUsd - spent)),
    resets_at: endsAt === undefined ? null : new Date(endsAt).toISOString(),
  };
}

function limitRows({ name, limits = {} }: BudgetScope): readonly object[] {
  const rates = rateDimensionNames.flatMap(dimension => {
    const { limit, counts, windowMs } = rateDimensions[dimension];
    const value = limits[limit];
    return value === undefined ? [] : [{ scope: name, limit: value, of: counts, per: windowMs === 60_000 ? 'minute' : 'day' }];
  });
  const { maxParallel } = limits;
  return maxParallel === undefined ? rates : [...rates, { scope: name, limit: maxParallel, of: 'requests', per: 'moment' }];
}
