/** Tenants, budgets and the audit. */
import type { BudgetScope } from '../../core/money/budget.ts';
import { periodOf } from '../../core/money/period.ts';
import { usd } from '../../core/money/price.ts';
import type { Caps, Settings } from '../../settings/settings.ts';
import type { Budget, Tenant } from '../api/access.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { tenantsSeenBy } from '../http/caller.ts';
import type { Call, Handlers } from './contract.ts';
import { noStore } from './exchanges.ts';
import { pageOf } from './page.ts';

export const accessHandlers: Handlers<'flush' | 'listTenants' | 'listBudgets' | 'listAudit'> = {
  flush: async (_, { flush }) => (flush ? { complete: await flush() } : noStore),
  listTenants: call => {
    const seen = tenantsSeenBy(call.caller);
    const rows = [...call.version.settings.tenants.values()].filter(({ name }) => seen?.includes(name) ?? true).map(tenantRow);
    return pageOf(rows, call.query, row => row.name);
  },
  listBudgets,
  listAudit: (call, { records }) => {
    if (!records) return noStore;
    const tenants = tenantsSeenBy(call.caller);
    // Entries without a tenant are for operators of the gateway only.
    return records.audit(call.query, { ...call, tenants: tenants?.includes('default') ? [...tenants, ''] : tenants });
  },
};

async function listBudgets(call: Call<'listBudgets'>, { spendingOf, clock }: AdminDependencies) {
  const seen = tenantsSeenBy(call.caller);
  const scopes = budgetScopes(call.version.settings).filter(({ tenant }) => seen?.includes(tenant) ?? true);
  const { data, next } = pageOf(scopes, call.query, ({ scope }) => scope.name);
  const at = clock.now();
  const rows = data.map(async ({ tenant, scope }): Promise<Budget> => {
    const { spent, reserved } = await spendingOf(scope);
    const { nanoUsd, per } = scope.budget!;
    const { name: period, endsAt } = periodOf(per, at);
    return {
      ...{ scope: scope.name, tenant, per, period, usd: usd(nanoUsd), spent_usd: usd(spent), reserved_usd: usd(reserved) },
      left_usd: usd(nanoUsd - spent),
      resets_at: endsAt === undefined ? null : new Date(endsAt).toISOString(),
    };
  });
  return { data: await Promise.all(rows), next };
}

interface TenantScope {
  readonly tenant: string;
  readonly scope: BudgetScope;
}

/** Every scope of the configuration that has a budget; `*` is no scope but a pattern of some. */
function budgetScopes({ tenants, keys, budgets = [] }: Settings): readonly TenantScope[] {
  const scope = (tenant: string, name: string, { budget }: Caps): readonly TenantScope[] =>
    budget && !name.endsWith('/*') ? [{ tenant, scope: { name, budget } }] : [];
  return [
    ...[...tenants.values()].flatMap(tenant => [
      ...scope(tenant.name, `tenant ${tenant.name}`, tenant),
      ...[...(tenant.projects ?? [])].flatMap(([name, caps]) => scope(tenant.name, `project ${tenant.name}/${name}`, caps)),
      ...[...(tenant.users ?? [])].flatMap(([name, caps]) => scope(tenant.name, `user ${tenant.name}/${name}`, caps)),
    ]),
    ...[...new Map([...keys.values()].map(key => [key.name, key])).values()].flatMap(key => scope(key.tenant, `key ${key.name}`, key)),
    ...budgets.map(({ name, budget }) => ({ tenant: '*', scope: { name: `budget ${name}`, budget } })),
  ];
}

const tenantRow = ({
  name,
  routes,
  retention,
  projects,
  users,
  ...caps
}: Settings['tenants'] extends ReadonlyMap<string, infer T> ? T : never): Tenant => ({
  name,
  routes: routes ? [...routes] : null,
  ...capsRow(caps),
  retention: retention ? { records: retention.records ?? null, payloads: retention.payloads ?? null } : null,
  projects: Object.fromEntries([...(projects ?? [])].map(([project, its]) => [project, capsRow(its)])),
  users: Object.fromEntries([...(users ?? [])].map(([user, its]) => [user, capsRow(its)])),
});

/** Budget and limits as the API shows them. */
export const capsRow = ({ budget, limits }: Caps): Pick<Tenant, 'budget' | 'limits'> => ({
  budget: budget
    ? { usd: usd(budget.nanoUsd), per: budget.per, unpriced: budget.allowsUnpriced ? 'allow' : 'refuse', warn_at: budget.warnAt ?? null }
    : null,
  limits: limits
    ? {
        ...{ rpm: limits.requestsPerMinute ?? null, tpm: limits.tokensPerMinute ?? null },
        ...{ rpd: limits.requestsPerDay ?? null, tpd: limits.tokensPerDay ?? null, max_parallel: limits.maxParallel ?? null },
      }
    : null,
});
