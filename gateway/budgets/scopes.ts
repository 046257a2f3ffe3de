/** The scopes whose budgets and limits a request counts against: its tenant, project, user and key, and budgets of their own. */

import type { Caller, Exchange } from '../core/exchange.ts';
import type { BudgetScope } from '../core/money/budget.ts';
import type { NanoUsd } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import type { CallerKey, Caps, Settings, SharedBudget } from '../settings/settings.ts';
import type { BudgetLedger } from './ledger.ts';

/** A scope that counts calls of some targets only. */
export interface MatchedScope extends BudgetScope {
  /** Absent where every call counts. */
  readonly matches?: (target: string) => boolean;
}

/** Scopes without a budget or a limit are left out; `*` of a tenant's `projects` and `users` covers every name not listed. */
export function scopesOf(
  { tenants, budgets = [] }: Pick<Settings, 'tenants' | 'budgets'>,
  key: CallerKey,
  { tenant, project, user, tags }: Pick<Caller, 'tenant' | 'project' | 'user' | 'tags'>,
  targets: readonly string[] = [],
): readonly MatchedScope[] {
  const of = tenants.get(tenant);
  const each = (name: string, map: ReadonlyMap<string, Caps> | undefined): Caps | undefined =>
    name === '' ? undefined : (map?.get(name) ?? map?.get('*'));
  return [
    scope(`tenant ${tenant}`, of),
    scope(`project ${tenant}/${project}`, each(project, of?.projects)),
    scope(`user ${tenant}/${user}`, each(user, of?.users)),
    scope(`key ${key.name}`, key),
    ...budgets.flatMap(shared => sharedScope(shared, tenant, tags, targets) ?? []),
  ].filter(one => one !== undefined);
}

function scope(name: string, caps: Caps | undefined): BudgetScope | undefined {
  if (!caps?.budget && !caps?.limits) return undefined;
  return { name, ...(caps.budget ? { budget: caps.budget } : {}), ...(caps.limits ? { limits: caps.limits } : {}) };
}

function sharedScope(
  { name, match, budget }: SharedBudget,
  tenant: string,
  tags: Caller['tags'],
  targets: readonly string[],
): MatchedScope | undefined {
  if (match.tenants && !match.tenants.includes(tenant)) return undefined;
  if (Object.entries(match.tags).some(([tag, values]) => !values.includes(tags[tag] ?? ''))) return undefined;
  if (!match.providers && !match.models) return { name: `budget ${name}`, budget };
  const matches = (target: string): boolean => isOf(match, target);
  return targets.some(matches) ? { name: `budget ${name}`, budget, matches } : undefined;
}

function isOf({ providers, models }: SharedBudget['match'], target: string): boolean {
  const slash = target.indexOf('/');
  if (providers && !providers.includes(target.slice(0, slash))) return false;
  return !models || models.some(model => fits(model, target) || fits(model, target.slice(slash + 1)));
}

const fits = (pattern: string, name: string): boolean => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name);

/** What a budget has left by what the shared ledger was last seen to have spent. */
export function withoutSpent(scope: BudgetScope, ledger: BudgetLedger, at: Instant): BudgetScope {
  const seen = (scope.budget && ledger.lastSeen?.(scope, at)) ?? 0;
  return scope.budget && seen > 0 ? { ...scope, budget: { ...scope.budget, nanoUsd: Math.max(0, scope.budget.nanoUsd - seen) } } : scope;
}

/** For scopes that count the calls of some targets only; undefined when there are none. */
export function spentByScope(scopes: readonly MatchedScope[], { attempts }: Exchange): Readonly<Record<string, NanoUsd>> | undefined {
  const partial = scopes.filter(({ matches }) => matches);
  if (partial.length === 0) return undefined;
  const spent = ({ matches }: MatchedScope): NanoUsd =>
    attempts.reduce((sum, { target, cost }) => (matches!(target) ? sum + (cost?.total ?? 0) : sum), 0);
  return Object.fromEntries(partial.map(scope => [scope.name, spent(scope)]));
}
