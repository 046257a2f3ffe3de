/** Tenants, keys, budgets and the audit. */
import { ConfigEditError } from '../../config/edit/edit-error.ts';
import { findKey, removeKey } from '../../config/edit/key-entry.ts';
import type { BudgetScope } from '../../core/money/budget.ts';
import { periodOf } from '../../core/money/period.ts';
import { usd } from '../../core/money/price.ts';
import { invalid } from '../../exchange/response/refusal.ts';
import type { CallerKey, Caps, Settings } from '../../settings/settings.ts';
import type { Budget, Key, Tenant } from '../api/access.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { tenantsSeenBy } from '../http/caller.ts';
import { configFile, noConfigFile } from './config.ts';
import type { Call, Handlers } from './contract.ts';
import { noStore, notFound } from './exchanges.ts';
import { pageOf } from './page.ts';

export const accessHandlers: Handlers<'flush' | 'listTenants' | 'listKeys' | 'getKey' | 'revokeKey' | 'listBudgets' | 'listAudit'> = {
  flush: async (_, { flush }) => (flush ? { complete: await flush() } : noStore),
  listTenants: call => {
    const seen = tenantsSeenBy(call.caller);
    const rows = [...call.version.settings.tenants.values()].filter(({ name }) => seen?.includes(name) ?? true).map(tenantRow);
    return pageOf(rows, call.query, row => row.name);
  },
  listKeys: call => pageOf(keysSeenBy(call).map(keyRow), call.query, row => row.id),
  getKey: call => {
    const found = keysSeenBy(call).find(([, key]) => key.name === call.params.id);
    return found ? keyRow(found) : notFound('key');
  },
  revokeKey,
  listBudgets,
  listAudit: (call, { records }) => {
    if (!records) return noStore;
    const tenants = tenantsSeenBy(call.caller);
    // Entries without a tenant are for operators of the gateway only.
    return records.audit(call.query, { ...call, tenants: tenants?.includes('default') ? [...tenants, ''] : tenants });
  },
};

function keysSeenBy({ caller, version }: Pick<Call<'listKeys'>, 'caller' | 'version'>): readonly (readonly [string, CallerKey])[] {
  const seen = tenantsSeenBy(caller);
  return [...version.settings.keys].filter(([, { tenant }]) => seen?.includes(tenant) ?? true);
}

/** As `hindcast keys revoke --write`. */
function revokeKey(call: Call<'revokeKey'>, { environment }: AdminDependencies) {
  const { settings } = call.version;
  const found = keysSeenBy(call).find(([, key]) => key.name === call.params.id);
  if (!found) return notFound('key');
  const file = configFile(settings, environment);
  if (!file) return noConfigFile;
  if (settings.keys.size === 1) return invalid('last_key', 'This is the only key: without it the gateway is open to everybody.', null, 409);
  const [, { name, tenant }] = found;
  try {
    removeKey(file.path, findKey(file.path, name), file.location);
  } catch (error) {
    if (!(error instanceof ConfigEditError)) throw error;
    return invalid('not_written', error.message, null, 422);
  }
  call.audit({ subject: name, tenant, detail: { file: file.path } });
  return { id: name, revoked: true as const };
}

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
function budgetScopes({ tenants, keys }: Settings): readonly TenantScope[] {
  const scope = (tenant: string, name: string, { budget }: Caps): readonly TenantScope[] =>
    budget && !name.endsWith('/*') ? [{ tenant, scope: { name, budget } }] : [];
  return [
    ...[...tenants.values()].flatMap(tenant => [
      ...scope(tenant.name, `tenant ${tenant.name}`, tenant),
      ...[...(tenant.projects ?? [])].flatMap(([name, caps]) => scope(tenant.name, `project ${tenant.name}/${name}`, caps)),
      ...[...(tenant.users ?? [])].flatMap(([name, caps]) => scope(tenant.name, `user ${tenant.name}/${name}`, caps)),
    ]),
    ...[...keys.values()].flatMap(key => scope(key.tenant, `key ${key.name}`, key)),
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

const keyRow = ([hash, { name, tenant, project, user, role, ...caps }]: readonly [string, CallerKey]): Key => ({
  ...{ id: name, name, tenant, project, user, role, hash: hash.slice(0, 8) },
  ...capsRow(caps),
});

const capsRow = ({ budget, limits }: Caps): Pick<Tenant, 'budget' | 'limits'> => ({
  budget: budget ? { usd: usd(budget.nanoUsd), per: budget.per, unpriced: budget.allowsUnpriced ? 'allow' : 'refuse' } : null,
  limits: limits ? { rpm: limits.requestsPerMinute ?? null, tpm: limits.tokensPerMinute ?? null } : null,
});
