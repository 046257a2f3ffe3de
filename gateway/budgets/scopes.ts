/** The scopes whose budgets and limits a request counts against: its tenant, project, user and key. */

import type { Caller } from '../core/exchange.ts';
import type { BudgetScope } from '../core/money/budget.ts';
import type { CallerKey, Caps, Settings } from '../settings/settings.ts';

/** Scopes without a budget or a limit are left out; `*` of a tenant's `projects` and `users` covers every name not listed. */
export function scopesOf(
  { tenants }: Pick<Settings, 'tenants'>,
  key: CallerKey,
  { tenant, project, user }: Caller,
): readonly BudgetScope[] {
  const of = tenants.get(tenant);
  const each = (name: string, map: ReadonlyMap<string, Caps> | undefined): Caps | undefined =>
    name === '' ? undefined : (map?.get(name) ?? map?.get('*'));
  return [
    scope(`tenant ${tenant}`, of),
    scope(`project ${tenant}/${project}`, each(project, of?.projects)),
    scope(`user ${tenant}/${user}`, each(user, of?.users)),
    scope(`key ${key.name}`, key),
  ].filter(one => one !== undefined);
}

function scope(name: string, caps: Caps | undefined): BudgetScope | undefined {
  if (!caps?.budget && !caps?.limits) return undefined;
  return { name, ...(caps.budget ? { budget: caps.budget } : {}), ...(caps.limits ? { limits: caps.limits } : {}) };
}
